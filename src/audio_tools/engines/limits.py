"""How many requests may be at an engine at once, how fast they may start, and when all must wait."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Lanes:
    """
    Lets at most `lanes` requests run at once, and at most `lanes` start within any `window_s` seconds.

    Nothing waits for the slowest of a batch: a lane that is free takes the next chunk. `shared` is a wider
    limit that several jobs live under (one key, one process); a pause asked of either holds for all.
    """

    def __init__(self, lanes: int, window_s: float = 0.0, shared: Lanes | None = None) -> None:
        self.lanes = lanes
        self.window_s = window_s
        self._shared = shared
        self._free = asyncio.Semaphore(lanes)
        self._starting = asyncio.Lock()
        self._starts: deque[float] = deque(maxlen=lanes)
        self._resume_at = 0.0

    @asynccontextmanager
    async def lane(self) -> AsyncIterator[None]:
        """Hold a lane: waits for a free one, then for the window and the pause to let a request start."""
        async with self._free:
            if self._shared is None:
                await self._start()
                yield
                return
            # A job that must still wait for its own window holds no lane that others could use.
            await self._until_start_is_allowed()
            async with self._shared.lane():
                await self._start()
                yield

    def pause(self, seconds: float) -> None:
        """Let no request start for so many seconds; a pause is only ever extended."""
        if self._shared is not None:
            self._shared.pause(seconds)
        self._resume_at = max(self._resume_at, _now() + seconds)

    async def _start(self) -> None:
        # One at a time, in order: all who wait see the start of the one before them.
        async with self._starting:
            await self._until_start_is_allowed()
            self._starts.append(_now())

    async def _until_start_is_allowed(self) -> None:
        while (wait := self._start_allowed_at() - _now()) > 0:
            await asyncio.sleep(wait)

    def _start_allowed_at(self) -> float:
        if len(self._starts) < self.lanes:
            return self._resume_at
        return max(self._resume_at, self._starts[0] + self.window_s)


def _now() -> float:
    return asyncio.get_running_loop().time()
