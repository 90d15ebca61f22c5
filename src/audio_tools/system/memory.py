"""Memory of a process that computes with large arrays."""

from __future__ import annotations

import ctypes
import sys

M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8
"""Parameters of `mallopt` in glibc's <malloc.h>."""
_MOST = 2**31 - 1


def keep_freed_memory() -> None:
    """
    Reuse freed memory instead of returning it to the system at once; for processes that live by computing.

    glibc maps each large array anew, and the system clears every page of it: a quarter of the CPU time of
    Whisper's encoder. Does nothing without glibc.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        # Only the first arena can grow without limit.
        for parameter, value in ((M_ARENA_MAX, 1), (M_MMAP_MAX, 0), (M_TRIM_THRESHOLD, _MOST)):
            mallopt(parameter, value)
