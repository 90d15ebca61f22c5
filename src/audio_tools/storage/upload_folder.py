"""
The files of one upload.

    DATA_DIR/uploads/<id>/upload.json   the client's name, length and metadata
                         media.part    the bytes received; the offset is the size of this file
                         media         the complete upload

The writer locks `media.part`, which keeps out other writers and the sweep. A caller that assigns the upload
to a job, or removes it, locks `upload.json`. A lock ends with its process.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from audio_tools.errors import UploadLocked, UploadNotFound
from audio_tools.storage.base import UploadRecord
from audio_tools.storage.local import map_storage_errors, write_atomically
from audio_tools.system.files import (
    OPEN_FILES_CAN_BE_RENAMED,
    open_binary,
    replace_file,
    sync_data,
    sync_folder,
)
from audio_tools.system.locks import try_lock

MEDIA_NAME = "media"
"""File name of a complete upload, independent of the client's name."""


class UploadFolder:
    """The folder of one upload. Every method blocks briefly on the disk."""

    def __init__(self, uploads: Path, upload_id: str) -> None:
        """Raise UploadNotFound for a malformed id, so that it never becomes a path."""
        require_upload_id(upload_id)
        self.id = upload_id
        self.path = uploads / upload_id
        self.part = self.path / "media.part"
        self.media = self.path / MEDIA_NAME
        self._record = self.path / "upload.json"

    def record(self) -> UploadRecord:
        """Read the client's description. Raises UploadNotFound if it is missing or unreadable."""
        try:
            return UploadRecord(**json.loads(self._record.read_bytes()))
        except (OSError, ValueError, TypeError):
            raise UploadNotFound(self.id) from None

    def open_record(self) -> BinaryIO:
        """Open the file of the record, for locking. Raises UploadNotFound, StorageError."""
        with map_storage_errors(self._record):
            try:
                return self._record.open("r+b")  # NFS locks require a writable file
            except FileNotFoundError:
                raise UploadNotFound(self.id) from None

    def write_record(self, record: UploadRecord) -> None:
        """Store the client's description. Raises DiskFull, StorageError."""
        write_atomically(self._record, json.dumps(asdict(record)).encode())

    def begin(self, record: UploadRecord) -> int:
        """Create the folder and an empty part; returns its descriptor. Raises DiskFull, StorageError."""
        with map_storage_errors(self.part):
            self.path.mkdir(mode=0o700, parents=True)
            descriptor = open_binary(self.part, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try:
            # Lock before writing the record: a sweep removes a part that has a record but no lock.
            lock(descriptor)
            self.write_record(record)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def open_part(self) -> int:
        """
        Open and lock the part; returns its descriptor.

        Raises:
            UploadNotFound: there is no part.
            UploadLocked: another writer has locked it.
        """
        try:
            descriptor = open_binary(self.part, os.O_RDWR)
        except FileNotFoundError:
            raise UploadNotFound(self.id) from None
        try:
            lock(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def remove_rest(self) -> None:
        """Remove the record of an upload that was removed while the record was open: Windows keeps it."""
        # The part first: while it is renamed to the media, one of them always exists.
        if not self.part.exists() and not self.media.exists():
            shutil.rmtree(self.path, ignore_errors=True)

    def touched_at(self) -> float:
        """Time of the last write, epoch seconds."""
        for path in (self.media, self.part, self.path):
            try:
                return path.stat().st_mtime
            except FileNotFoundError:
                continue
        raise UploadNotFound(self.id)

    def finish(self, descriptor: int) -> None:
        """
        Turn the part into the media and close its descriptor; when this returns it survives a crash.

        Raises:
            UploadNotFound: the upload was removed meanwhile.
            DiskFull, StorageError: the disk lost the bytes; the part is empty.
        """
        with map_storage_errors(self.part), ExitStack() as closing:
            closing.callback(os.close, descriptor)
            try:
                sync_data(descriptor)
            except OSError:
                # Linux drops pages that it failed to write, and the next sync would not report it.
                os.ftruncate(descriptor, 0)
                raise
            if not OPEN_FILES_CAN_BE_RENAMED:
                closing.close()
            try:
                replace_file(self.part, self.media)
            except FileNotFoundError:
                raise UploadNotFound(self.id) from None
            for folder in (self.path, self.path.parent):
                sync_folder(folder)


def require_upload_id(text: str) -> None:
    """Raise UploadNotFound for a malformed id."""
    if not re.fullmatch("[0-9a-f]{32}", text):
        raise UploadNotFound(text)


def lock(descriptor: int) -> None:
    """Lock a file until its descriptor is closed. Raises UploadLocked if it is locked."""
    if not try_lock(descriptor):
        raise UploadLocked
