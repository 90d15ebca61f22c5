"""Descriptors and folders, where Windows lacks a call or has another meaning."""

from __future__ import annotations

import os
import time
from pathlib import Path

OPEN_FILES_CAN_BE_RENAMED = os.name != "nt"
RETRY_S = 0.05
N_RETRIES = 20


def open_binary(path: Path, flags: int) -> int:
    """Open a file for its owner alone, without any translation of line ends; not inherited by children."""
    return os.open(path, flags | getattr(os, "O_BINARY", 0), 0o600)


def write_at(descriptor: int, data: bytes | memoryview, offset: int) -> int:
    """Write at an offset; return how many bytes were written. One thread at a time may call."""
    if hasattr(os, "pwrite"):
        return os.pwrite(descriptor, data, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.write(descriptor, data)


def read_at(descriptor: int, n_bytes: int, offset: int) -> bytes:
    """Read a number of bytes at most from an offset. One thread at a time may call."""
    if hasattr(os, "pread"):
        return os.pread(descriptor, n_bytes, offset)
    os.lseek(descriptor, offset, os.SEEK_SET)
    return os.read(descriptor, n_bytes)


def replace_file(source: Path, target: Path) -> None:
    """
    Rename a file or folder; an existing file is replaced.

    Windows refuses it while a program, such as a virus scanner, has one of them open; it is tried again for
    a second, as pip does.

    Raises:
        OSError: it is refused.
    """
    for _ in range(N_RETRIES):
        try:
            source.replace(target)
        except PermissionError:
            if OPEN_FILES_CAN_BE_RENAMED:
                raise
            time.sleep(RETRY_S)
        else:
            return
    source.replace(target)


def sync_data(descriptor: int) -> None:
    """Wait until the bytes of a file are on the disk."""
    if hasattr(os, "fdatasync"):
        os.fdatasync(descriptor)
    else:
        os.fsync(descriptor)


def start_writeback(descriptor: int, offset: int, n_bytes: int) -> None:
    """
    Have the system begin to write fresh bytes to the disk, without waiting; where it takes such a hint.

    Of fresh pages DONTNEED drops none: Linux begins to write them out and returns.
    """
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, offset, n_bytes, os.POSIX_FADV_DONTNEED)


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on the disk; Windows has no such call and writes them itself."""
    if not hasattr(os, "O_DIRECTORY"):
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Wait until a file that was written by other means is on the disk."""
    descriptor = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0))  # Windows syncs no file opened to read
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
