"""What wakes the readers of a store when something in it has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Broadcast(Generic[T]):
    """
    Wakes all who wait for a change.

    Whoever takes `next_ring` before looking at the store and waits for it afterwards misses nothing.
    """

    def __init__(self) -> None:
        self.next_ring = asyncio.Event()
        self._reads: dict[str, asyncio.Future[T]] = {}

    def ring(self) -> None:
        self.next_ring.set()
        self.next_ring = asyncio.Event()
        self._reads = {}

    async def share(self, after: str, read: Callable[[], asyncio.Future[T]]) -> T:
        """
        What a read of the place behind `after` gives.

        Hundreds of readers that wake at once want the same page, and share one read. It began after the last
        ring, so what it misses will ring again.
        """
        reads = self._reads
        if after not in reads:
            reads[after] = read()
            reads[after].add_done_callback(lambda _: reads.pop(after))
        return await asyncio.shield(reads[after])
