"""One knob of the C library that doubles the speed of uploads."""

from __future__ import annotations

import ctypes

LIMIT_BYTES = 32 << 20
"""The largest that every glibc takes as M_MMAP_THRESHOLD."""
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


def raise_malloc_limits() -> None:
    """
    Have glibc keep the memory of blocks up to 32 MiB instead of returning it to the system.

    asyncio reads 256 KiB at a time. By default each such block is mapped anew, its pages are faulted in one
    by one, and it is unmapped again, which costs about as much as all the rest of an upload. Either limit
    alone helps nothing (benchmarks/bench_upload.py). To be called before the first request, once; does
    nothing where the C library is another.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return
    mallopt(M_MMAP_THRESHOLD, LIMIT_BYTES)
    mallopt(M_TRIM_THRESHOLD, LIMIT_BYTES)
