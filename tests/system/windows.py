"""
Make this process look like one on Windows, as far as that is possible elsewhere.

`hide_posix` (in whole processes by `no_posix/sitecustomize.py`) takes away the modules and calls that Windows
lacks, has event loops take no signal handlers, and brings a `msvcrt` whose locks are those of this system.
"""

from __future__ import annotations

import asyncio
import errno
import os
import select
import subprocess
import sys
from types import ModuleType

MISSING_MODULES = ("fcntl", "resource", "uvloop", "termios", "pty", "tty")
MISSING_CALLS = {
    os: (
        *("pread", "preadv", "readv", "pwrite", "pwritev", "writev", "sendfile", "fdatasync"),
        *("killpg", "getpgid", "setsid", "posix_fadvise", "sched_getaffinity", "O_DIRECTORY"),
    ),
    select: ("poll",),
}


def hide_posix() -> None:
    """Take away what Windows has not."""
    msvcrt = _msvcrt()
    for name in MISSING_MODULES:
        sys.modules[name] = None  # type: ignore[assignment]
    for module, names in MISSING_CALLS.items():
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    if sys.version_info >= (3, 13):
        os.process_cpu_count = os.cpu_count  # which would ask for the affinity
    sys.modules["msvcrt"] = msvcrt
    # Modules that decide at import whether this is Windows shall not be misled by the stand-in.
    assert not subprocess._mswindows  # type: ignore[attr-defined]
    asyncio.SelectorEventLoop.add_signal_handler = _not_implemented  # type: ignore[assignment]


def _msvcrt(taken: int = errno.EACCES) -> ModuleType:
    import fcntl

    flock, flags = fcntl.flock, fcntl.LOCK_EX | fcntl.LOCK_NB

    def locking(descriptor: int, mode: int, n_bytes: int) -> None:
        assert (mode, n_bytes) == (2, 1)
        # On Windows no other handle could read what is locked.
        assert os.lseek(descriptor, 0, os.SEEK_CUR) >= os.fstat(descriptor).st_size
        try:
            flock(descriptor, flags)
        except BlockingIOError:
            raise OSError(taken, "Permission denied") from None

    module = ModuleType("msvcrt")
    module.LK_NBLCK, module.locking = 2, locking  # type: ignore[attr-defined]
    return module


def _not_implemented(*_: object) -> None:
    raise NotImplementedError
