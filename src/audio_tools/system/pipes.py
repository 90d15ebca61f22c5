"""Read from a child's pipe with a timeout."""

from __future__ import annotations

import os
import select
import threading
import weakref
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, Full, Queue

BLOCK_BYTES = 1 << 16
BLOCKS_AHEAD = 16
ABANDONED_S = 1.0
"""How often a thread that finds no room looks whether its reader still exists, in seconds."""


def timed_reader(descriptor: int, stall_s: float) -> Callable[[memoryview], int]:
    """
    Return a function that reads what is there into a buffer; it returns 0 at the end of the pipe.

    It raises TimeoutError when nothing comes for `stall_s` seconds. The descriptor's owner closes it.
    """
    if hasattr(select, "poll"):
        return _PollReader(descriptor, stall_s).read_into
    return _ThreadReader(descriptor, stall_s).read_into


class _PollReader:
    def __init__(self, descriptor: int, stall_s: float) -> None:
        self._descriptor, self._stall_s = descriptor, stall_s
        # Not select(): it fails on descriptors above 1023, and a server with many clients has them.
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)

    def read_into(self, buffer: memoryview) -> int:
        if not self._poll.poll(self._stall_s * 1000):
            raise TimeoutError
        return os.readv(self._descriptor, [buffer])


class _ThreadReader:
    """For Windows, where no call waits for a pipe: a thread reads, only a few blocks ahead."""

    def __init__(self, descriptor: int, stall_s: float) -> None:
        self._stall_s = stall_s
        self._rest: deque[memoryview] = deque()
        self._blocks: Queue[bytes] = Queue(BLOCKS_AHEAD)
        # Its own descriptor: the number of a closed one may soon be that of another file.
        arguments = os.dup(descriptor), self._blocks, weakref.ref(self)
        threading.Thread(target=_pump, args=arguments, name="read pipe", daemon=True).start()

    def read_into(self, buffer: memoryview) -> int:
        if not self._rest:
            try:
                self._rest.append(memoryview(self._blocks.get(timeout=self._stall_s)))
            except Empty:
                raise TimeoutError from None
        block = self._rest.popleft()
        taken = min(len(block), len(buffer))
        buffer[:taken] = block[:taken]
        if not taken or taken < len(block):  # the end stays the end
            self._rest.append(block[taken:])
        return taken


def _pump(descriptor: int, blocks: Queue[bytes], reader: weakref.ref[_ThreadReader]) -> None:
    try:
        with suppress(OSError):  # a child that was killed
            while data := os.read(descriptor, BLOCK_BYTES):
                if not _put(blocks, data, reader):
                    return
        _put(blocks, b"", reader)
    finally:
        os.close(descriptor)


def _put(blocks: Queue[bytes], data: bytes, reader: weakref.ref[_ThreadReader]) -> bool:
    """Hand on a block; return False if the reader is gone."""
    while reader() is not None:
        with suppress(Full):
            blocks.put(data, timeout=ABANDONED_S)
            return True
    return False
