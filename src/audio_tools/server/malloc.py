"""A knob of the C library that spares page faults."""

from __future__ import annotations

import ctypes

LIMIT_BYTES = 32 << 20
"""The largest that every glibc takes as M_MMAP_THRESHOLD."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def raise_malloc_limits() -> None:
    """
    Have glibc keep the memory of blocks up to 32 MiB instead of returning it to the system.

    To be called before the first request, once; does nothing where the C library is another.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(M_MMAP_THRESHOLD, LIMIT_BYTES)
    mallopt(M_TRIM_THRESHOLD, LIMIT_BYTES)
