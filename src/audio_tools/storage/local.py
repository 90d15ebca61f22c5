"""Local files: atomic writes, and blobs in a folder."""

from __future__ import annotations

import errno
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from audio_tools.errors import DiskFull, StorageError
from audio_tools.storage.base import BlobStatus
from audio_tools.system.files import replace_file
from audio_tools.system.paths import at_any_length

UNFINISHED = ".part"
"""Suffix of files that are being written, or were when a process crashed."""


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
        temporary = path.with_name(f".{secrets.token_hex(8)}{UNFINISHED}")
        try:
            with temporary.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            replace_file(temporary, path)
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


class LocalBlobs:
    """`Blobs` as files under `folder`; the age of a blob is the time of its file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, name: str, data: bytes) -> None:
        """Store a value durably; replaces an earlier one. Raises DiskFull, StorageError."""
        write_atomically(self._folder / name, data)

    def append(self, name: str, data: bytes, at: int) -> None:
        """Append to a value that grows and has `at` bytes so far. Raises DiskFull, StorageError."""
        path = self._folder / name
        with map_storage_errors(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            # Closed each time: on a network file system other machines see it only then.
            with path.open("r+b" if at else "wb", buffering=0) as file:
                if file.seek(0, os.SEEK_END) != at:
                    raise StorageError(f"Another process writes {path}.")
                if file.write(data) != len(data):
                    file.truncate(at)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def get(self, name: str) -> bytes:
        """Return the value. Raises FileNotFoundError, StorageError."""
        with self._reading(name):
            return (self._folder / name).read_bytes()

    def open(self, name: str) -> BinaryIO:
        """Open the value for reading. Raises FileNotFoundError, StorageError."""
        with self._reading(name):
            return (self._folder / name).open("rb")

    def status(self, name: str) -> BlobStatus:
        """Return size and age. Raises FileNotFoundError."""
        status = (self._folder / name).stat()
        return BlobStatus(name, status.st_size, status.st_mtime)

    def touch(self, name: str) -> None:
        """Renew the age; never raises."""
        with suppress(OSError):
            os.utime(self._folder / name)

    def remove(self, name: str) -> None:
        """Remove a blob. A missing blob is not an error."""
        (self._folder / name).unlink(missing_ok=True)

    def list(self) -> Iterator[BlobStatus]:
        """All blobs, in any order."""
        for path, name in self._files():
            if not name.endswith(UNFINISHED):
                with suppress(OSError):
                    status = path.stat()
                    yield BlobStatus(name, status.st_size, status.st_mtime)

    def clean(self, older_than_s: float) -> int:
        """Remove partial files older than `older_than_s` that crashes left; returns their number."""
        removed, limit = 0, time.time() - older_than_s
        for path, name in self._files():
            if name.endswith(UNFINISHED):
                with suppress(OSError):
                    if path.stat().st_mtime < limit:
                        path.unlink()
                        removed += 1
        return removed

    def _files(self) -> Iterator[tuple[Path, str]]:
        for folder, _, names in os.walk(self._folder):
            for name in names:
                path = Path(folder, name)
                yield path, path.relative_to(self._folder).as_posix()

    @contextmanager
    def _reading(self, name: str) -> Iterator[None]:
        """Translate errors of reading; a missing file stays FileNotFoundError."""
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as error:
            raise StorageError(
                f"Cannot read {self._folder / name}: {error.strerror or error}.",
                hint="Choose a readable and writable folder (DATA_DIR).",
            ) from error
