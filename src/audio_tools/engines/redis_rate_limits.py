"""Limits of one API key across all processes and machines, stored in Redis."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import math
import random
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from uuid import uuid4

from redis.asyncio import Redis
from redis.exceptions import RedisError

from audio_tools.engines.rate_limits import LONGEST_PAUSE_S, RequestLimiter
from audio_tools.lua import read_script
from audio_tools.transcript import Quota

LEASE_S = 10.0  # a lane of a dead process is free after this time
RETURN_TIMEOUT_S = 2.0  # timeout of the check whether Redis is back
CALLS_AT_ONCE = 8  # fewer than the connections of the client, so that no call fails for lack of one
POLL_MS = 50  # average time until a lane that another process released is noticed
LONGEST_POLL_MS = 500  # longest wait between polls; see ABANDONED_MS
ABANDONED_MS = 2000  # a place in the queue is lost after this time without a poll: its process may have died
KEEP_MS = round(1000 * LONGEST_PAUSE_S)  # how long answers and the last reported quota are stored

T = TypeVar("T")

log = logging.getLogger(__name__)


def _script(name: str) -> str:
    return read_script("audio_tools.engines", name)


COMMON = _script("common")
ACQUIRE = COMMON + _script("acquire")
LEARN_QUOTA = COMMON + _script("learn_quota")


class RedisRequestLimiter(RequestLimiter):
    """
    Limit the requests of one API key: `lanes` at once, `starts` within any `window_s` seconds, and the quota
    that the provider reports. Each process adapts its own number of open lanes.

    All processes with the same `api_key` share the limits and pauses; times are those of the server. Lanes of
    a dead process are freed after `lease_s`. While Redis is unavailable, each process applies `lanes` and its
    own pauses, and running work continues. A stalled Redis (a slow disk, for example) is waited for; it
    counts as unavailable after `lease_s` without a reply, when it would have freed the lanes anyway.
    """

    def __init__(
        self,
        client: Redis,
        api_key: str,
        lanes: int,
        *,
        starts: int = 1,
        window_s: float = 0.0,
        lease_s: float = LEASE_S,
        prefix: str = "bull",
    ) -> None:
        super().__init__(lanes)
        self._key = f"{prefix}:limits:{hashlib.sha256(api_key.encode()).hexdigest()[:32]}:"
        self._limits = [lanes, starts, round(1000 * window_s), round(1000 * lease_s)]
        self._lease_s = lease_s
        self._process = uuid4().hex
        self._turn = asyncio.Lock()
        self._calls = asyncio.Semaphore(CALLS_AT_ONCE)
        self._held: set[str] = set()
        self._renewing: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._unreleased: set[str] = set()  # released lanes that Redis does not know about yet
        self._redis_is_down = False
        self._acquire, self._leave_queue, self._release, self._renew, self._learn, self._pause = (
            client.register_script(script)
            for script in (
                ACQUIRE,
                _script("leave_queue"),
                _script("release"),
                _script("renew"),
                LEARN_QUOTA,
                _script("pause"),
            )
        )

    @asynccontextmanager
    async def lane(self) -> AsyncIterator[None]:
        """Acquire a lane: wait for the turn among all processes, then for the window and the pause."""
        async with super().lane():
            lane = uuid4().hex
            await self._enter(lane)
            self._start_renewing(lane)
            try:
                yield
            finally:
                self._leave(lane)

    def pause(self, seconds: float) -> None:
        """Block request starts in all processes for a number of seconds. A pause can only be extended."""
        super().pause(seconds)
        if seconds > 0:
            self._start(self._call(self._pause, math.ceil(1000 * seconds)))

    def answered(self, started_at: float, quota: Quota | None = None) -> None:
        """See `RequestLimiter.answered`; the reported quota applies to all processes."""
        super().answered(started_at)
        if quota is not None:
            age_ms = 1000 * (asyncio.get_running_loop().time() - started_at)
            reported = quota.limit, quota.remaining, quota.per_second / 1000, 1000 * quota.reset_s
            self._start(self._call(self._learn, *reported, age_ms, KEEP_MS, uuid4().hex))

    async def _enter(self, lane: str) -> None:
        # One at a time, in order: a process has one place in the queue.
        async with self._turn:
            acquiring = None
            try:
                while True:
                    acquiring = self._start(self._try_acquire(lane))
                    if not (wait_ms := await asyncio.shield(acquiring)):
                        break
                    await asyncio.sleep(wait_ms / 1000 * random.uniform(0.8, 1.2))
                if self._redis_is_down:
                    # The pause may have started after this process joined the queue.
                    await self._until_start_is_allowed()
            except asyncio.CancelledError:
                self._start(self._abandon(lane, acquiring))
                raise

    async def _abandon(self, lane: str, acquiring: asyncio.Task[int] | None) -> None:
        """Leave the queue, and release the lane that the last poll may have acquired."""
        if acquiring is not None:
            await asyncio.wait([acquiring])
        await self._call(self._leave_queue, self._process)
        await self._release_lanes(lane)

    async def _try_acquire(self, lane: str) -> int:
        if self._unreleased:  # while Redis was unavailable
            await self._release_lanes()
        return await self._call(
            self._acquire, self._process, lane, *self._limits, POLL_MS, LONGEST_POLL_MS, ABANDONED_MS
        )

    async def _release_lanes(self, *lanes: str) -> None:
        """Release these lanes, and those that could not be released before."""
        self._unreleased.update(lanes)
        left = tuple(self._unreleased)
        if left and await self._call(self._release, *left):
            self._unreleased.difference_update(left)

    def _start_renewing(self, lane: str) -> None:
        self._held.add(lane)
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew_lanes(), name="renew lanes")

    def _leave(self, lane: str) -> None:
        self._held.discard(lane)
        if self._renewing and not self._held:
            self._renewing.cancel()
            self._renewing = None
        self._start(self._release_lanes(lane))

    async def _renew_lanes(self) -> None:
        while True:
            await asyncio.sleep(self._lease_s / 3)
            await self._call(self._renew, self._limits[-1], *self._held)

    async def _call(self, script: Any, *args: str | float) -> int:
        """Return the result of the script; 0, which lets a request start, if Redis does not respond."""
        # In a separate task: redis-py 8.1 swallows a cancellation that arrives while it acquires a
        # connection.
        return await asyncio.shield(self._start(self._run(script, *args)))

    async def _run(self, script: Any, *args: str | float) -> int:
        try:
            async with (
                self._calls,
                asyncio.timeout(RETURN_TIMEOUT_S if self._redis_is_down else self._lease_s),
            ):
                answer = await script(keys=[self._key], args=args)
        except (RedisError, OSError) as error:
            if not self._redis_is_down:
                log.warning(
                    "shared rate limits unavailable, limiting per process until Redis is back: %s", error
                )
            self._redis_is_down = True
            return 0
        self._redis_is_down = False
        return int(answer or 0)

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run the call to completion, even if the caller is cancelled."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def close(self) -> None:
        """Wait until all releases and pauses are sent."""
        while self._tasks:
            await asyncio.wait(self._tasks)
