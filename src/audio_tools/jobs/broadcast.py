"""A broadcast event that wakes the readers of a store after a change."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Broadcast(Generic[T]):
    """
    Wakes all tasks that wait for a change.

    A reader that takes `next_change` before it reads the store, and awaits it afterwards, misses no change.
    """

    def __init__(self) -> None:
        self.next_change = asyncio.Event()
        self._reads: dict[str, asyncio.Future[T]] = {}

    def notify_all(self) -> None:
        """Wake all readers."""
        self.next_change.set()
        self.next_change = asyncio.Event()
        self._reads = {}

    async def share(self, after: str, read: Callable[[], asyncio.Future[T]]) -> T:
        """
        Return the result of a read after `after`, shared by concurrent readers.

        Hundreds of readers that wake at once need the same page and share one read. The read starts after the
        last notification, so any change that it misses notifies again.
        """
        reads = self._reads
        if after not in reads:
            reads[after] = read()
            reads[after].add_done_callback(lambda _: reads.pop(after))
        return await asyncio.shield(reads[after])
