"""Atomic writes of files."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from audio_tools.errors import DiskFull, StorageError
from audio_tools.system.paths import at_any_length


def write_atomically(path: Path, data: bytes) -> None:
    """
    Write a file atomically: a crash leaves either the old or the new content.

    Raises:
        DiskFull, StorageError: the file is unchanged.
    """
    with map_storage_errors(path):
        path = at_any_length(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        # A short name of its own, for that of the file may be as long as the file system allows.
        temporary = path.with_name(f".{secrets.token_hex(8)}.part")
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise


@contextmanager
def map_storage_errors(path: Path) -> Iterator[None]:
    """Translate file-system errors."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise DiskFull(
                f"The disk of {path.parent} is full.",
                hint="Free disk space, or choose a larger disk (DATA_DIR, -o), then run the same command "
                "again.",
            ) from error
        raise StorageError(
            f"Cannot write {path}: {error.strerror or error}.",
            hint="Choose a writable folder (DATA_DIR, -o).",
        ) from error
