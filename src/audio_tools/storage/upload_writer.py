"""The writer of one upload."""

from __future__ import annotations

import os
import shutil
import unicodedata
from dataclasses import replace
from pathlib import Path
from uuid import uuid4

from audio_tools.errors import UploadTooLarge
from audio_tools.storage.base import UploadRecord
from audio_tools.storage.disk_space import DiskSpace
from audio_tools.storage.local import map_storage_errors
from audio_tools.storage.upload_folder import UploadFolder
from audio_tools.system.files import start_writeback, write_at

WRITEBACK_BYTES = 8 << 20
"""Bytes after which write-back to the disk is started."""
NAME_CHARS = 200
"""Maximum length of a stored file name, characters."""


class UploadWriter:
    """
    An `Upload` in a local file.

    The methods block on the disk; threads may take turns, one call at a time.
    """

    def __init__(self, uploads: Path, space: DiskSpace, max_bytes: int) -> None:
        self.size = 0
        self.max_bytes = max_bytes
        self._uploads = uploads
        self._space = space
        self._folder: UploadFolder | None = None
        self._descriptor: int | None = None
        self._removable = False
        self._written_back = 0

    @property
    def id(self) -> str:
        """Id of the upload, after `begin` or `resume`."""
        if self._folder is None:
            raise ValueError("the writer has no upload yet")
        return self._folder.id

    def reserve(self, n_bytes: int) -> None:
        """Reserve disk space for the expected bytes. Raises DiskFull."""
        self._space.reserve(self, n_bytes)

    def begin(self, record: UploadRecord) -> None:
        """Start a new upload; the name is sanitised for display. Raises DiskFull, StorageError."""
        self._folder = UploadFolder(self._uploads, uuid4().hex)
        self._removable = True
        self._descriptor = self._folder.begin(replace(record, name=display_name(record.name)))
        self._removable = not record.resumable

    def resume(self, upload_id: str) -> None:
        """Resume at the end of an upload. Raises UploadNotFound, UploadLocked."""
        self._folder = UploadFolder(self._uploads, upload_id)
        self._descriptor = self._folder.open_part()
        self.size = self._written_back = os.fstat(self._descriptor).st_size

    def write(self, data: bytes | memoryview) -> None:
        """
        Append bytes. Bytes written before an error are kept.

        Raises:
            UploadTooLarge: the upload would exceed the maximum size; nothing was written.
            DiskFull, StorageError: some of the bytes may have been written.
        """
        folder, descriptor = self._open()
        if self.size + len(data) > self.max_bytes:
            raise UploadTooLarge(self.max_bytes)
        self._space.claim(self, len(data))
        with map_storage_errors(folder.part):
            while data:
                written = write_at(descriptor, data, self.size)
                self.size += written
                data = memoryview(data)[written:]
        self._start_writeback(descriptor)

    def truncate(self, size: int) -> None:
        """Truncate the upload to `size` bytes."""
        folder, descriptor = self._open()
        with map_storage_errors(folder.part):
            os.ftruncate(descriptor, size)
        self.size = size
        self._written_back = min(self._written_back, size)

    def finish(self) -> None:
        """Complete the upload durably; it can then be opened. Raises DiskFull, StorageError."""
        folder, descriptor = self._open()
        self._descriptor = None
        folder.finish(descriptor)

    def abandon(self) -> None:
        """Close after an error; an upload that cannot be resumed is removed."""
        self.close()  # Windows removes no open file
        if self._folder is not None and self._removable:
            shutil.rmtree(self._folder.path, ignore_errors=True)

    def close(self) -> None:
        """Close the file, and release the reserved space."""
        self._space.release(self)
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _open(self) -> tuple[UploadFolder, int]:
        if self._folder is None or self._descriptor is None:
            raise ValueError("the writer is not open")
        return self._folder, self._descriptor

    def _start_writeback(self, descriptor: int) -> None:
        """
        Start write-back while data arrives, so that the final sync is short.
        """
        if self.size - self._written_back >= WRITEBACK_BYTES:
            start_writeback(descriptor, self._written_back, self.size - self._written_back)
            self._written_back = self.size


def display_name(given: str) -> str:
    """Sanitise a client's file name for display: no folders, control or bidi characters."""
    base = given.replace("\\", "/").rsplit("/", maxsplit=1)[-1]
    clean = "".join(char for char in base if unicodedata.category(char)[0] != "C").strip()
    return clean[-NAME_CHARS:] if clean.strip(".") else "upload"
