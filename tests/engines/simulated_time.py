"""An event loop whose clock jumps to the next timer: waiting costs nothing and takes exactly its time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class SimulatedTime(asyncio.SelectorEventLoop):
    """Runs timers in order without waiting for them."""

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0

    def time(self) -> float:
        return self._now

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ARG002
        """Without the timeout that Python 3.12 and later set: in simulated time it has passed at once."""
        await super().shutdown_default_executor()

    def _run_once(self) -> None:
        timers = self._scheduled  # type: ignore[attr-defined]
        if not self._ready and timers:  # type: ignore[attr-defined]
            self._now = max(self._now, timers[0]._when)
        super()._run_once()  # type: ignore[misc]


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in simulated time, from 0."""
    with asyncio.Runner(loop_factory=SimulatedTime) as runner:
        return runner.run(main)


def now() -> float:
    """The running loop's time, in seconds."""
    return asyncio.get_running_loop().time()
