"""
Exclusive locks on open files, between processes and within one; a lock ends with its descriptor or process.

`flock` on Linux and macOS. On Windows a lock on one byte that no text in a lock file reaches, for what is
locked there cannot be read either.
"""

from __future__ import annotations

import errno
import os
import time
from importlib import import_module
from typing import Any

RETRY_S = 0.05
LOCKED_BYTE = 0x7FFF_FFFE
"""The last one that `msvcrt.locking` can reach; another handle cannot read it while it is locked."""

TAKEN = {errno.EACCES, errno.EDEADLK, 0}
"""What `msvcrt.locking` reports for a byte that is locked; Wine's C library sets no number."""


def _optional(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        return None


_fcntl = _optional("fcntl")
_msvcrt = _optional("msvcrt")


def try_lock(descriptor: int) -> bool:
    """
    Lock a file until its descriptor is closed; return False if another descriptor holds the lock.

    Raises:
        OSError: the file system or the system has no locks.
    """
    if _fcntl is not None:
        return _flock(descriptor)
    if _msvcrt is not None:
        return _lock_byte(descriptor)
    raise OSError(errno.ENOTSUP, "this system has no file locks")


def lock(descriptor: int) -> None:
    """Wait until the file can be locked, then lock it. Raises OSError like `try_lock`."""
    while not try_lock(descriptor):
        time.sleep(RETRY_S)


def _flock(descriptor: int) -> bool:
    try:
        _fcntl.flock(descriptor, _fcntl.LOCK_EX | _fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _lock_byte(descriptor: int) -> bool:
    position = os.lseek(descriptor, 0, os.SEEK_CUR)
    os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
    try:
        _msvcrt.locking(descriptor, _msvcrt.LK_NBLCK, 1)
    except OSError as error:
        if error.errno not in TAKEN:
            raise
        return False
    finally:
        os.lseek(descriptor, position, os.SEEK_SET)
    return True
