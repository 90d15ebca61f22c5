"""What wakes the readers of a store when something in it has changed."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Bell(Generic[T]):
    """
    Wakes all who wait for a change.

    Whoever takes `next_ring` before looking at the store and waits for it afterwards misses nothing.
    `reads` are the reads that began since the last ring, by the place that they start after: hundreds of
    readers that wake at once want the same page, and share one read.
    """

    def __init__(self) -> None:
        self.next_ring = asyncio.Event()
        self.reads: dict[str, asyncio.Future[T]] = {}

    def ring(self) -> None:
        self.next_ring.set()
        self.next_ring = asyncio.Event()
        self.reads = {}
