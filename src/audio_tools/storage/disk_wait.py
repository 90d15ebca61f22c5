"""Writes that wait for space on a full disk."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any, ParamSpec, TypeVar

from audio_tools.errors import DiskFull
from audio_tools.events import Waiting

ROOM_CHECK_S = 2.0
"""Delay between attempts to write to a full disk, in seconds."""

P = ParamSpec("P")
T = TypeVar("T")

log = logging.getLogger(__name__)


class DiskWait:
    """
    Retries writes on a full disk until there is space, for at most `most_s` seconds each.

    `waiting` is set meanwhile. `in_thread` calls a function in a worker thread.
    """

    def __init__(self, most_s: float, in_thread: Callable[..., Awaitable[Any]] = asyncio.to_thread) -> None:
        self.waiting: Waiting | None = None
        self._most_s = most_s
        self._in_thread = in_thread

    async def run(self, write: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """
        Return the result of `write`, which is called in a worker thread.

        Raises:
            DiskFull: the disk stayed full. StorageError: raised at once.
        """
        began = time.time()
        while True:
            try:
                value: T = await self._in_thread(write, *args, **kwargs)
            except DiskFull as error:
                now = time.time()
                if now - began >= self._most_s:
                    raise
                if self.waiting is None:
                    log.warning("disk full, waiting for free space: %s", error)
                self.waiting = Waiting.of(
                    error.code, error.message, since=began, next_attempt_at=now + ROOM_CHECK_S
                )
                await asyncio.sleep(ROOM_CHECK_S)
            else:
                self.waiting = None
                return value
