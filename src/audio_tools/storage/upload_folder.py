"""
The files of one upload.

    DATA_DIR/uploads/<id>/upload.json   what the client said: name, length, metadata
                          media.part    what has arrived; its size alone says how much
                          media         all of it, on the disk

Who writes holds a lock on `media.part`: no other request or process can write to it too, and a sweep sees
that somebody is at it. Who gives the upload to a job, or removes it, holds one on `upload.json`. A lock dies
with its process.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

from audio_tools.errors import UploadLocked, UploadNotFound
from audio_tools.storage.local import map_storage_errors, write_atomically
from audio_tools.system.files import OPEN_FILES_CAN_BE_RENAMED, open_binary, sync_data, sync_folder
from audio_tools.system.locks import try_lock

MEDIA_NAME = "media"
"""What a whole upload is called on the disk, whatever its client calls it."""


@dataclass(frozen=True, slots=True)
class UploadRecord:
    """
    What a client said of its upload.

    `name` is to be shown, never to be opened. An upload that is not `resumable` ends with its request.
    `length` in bytes is None until it is known; `metadata` is kept as it came.
    """

    name: str
    resumable: bool = False
    length: int | None = None
    metadata: str = ""


class UploadFolder:
    """Where one upload lives. Every method blocks on the disk for a moment."""

    def __init__(self, uploads: Path, upload_id: str) -> None:
        """Raises UploadNotFound for an id that is not of our making: no such text reaches the disk."""
        require_upload_id(upload_id)
        self.id = upload_id
        self.path = uploads / upload_id
        self.part = self.path / "media.part"
        self.media = self.path / MEDIA_NAME
        self._record = self.path / "upload.json"

    def record(self) -> UploadRecord:
        """What the client said. Raises UploadNotFound where nothing readable is."""
        try:
            return UploadRecord(**json.loads(self._record.read_bytes()))
        except (OSError, ValueError, TypeError):
            raise UploadNotFound(self.id) from None

    def open_record(self) -> BinaryIO:
        """The file of the record, to be locked. Raises UploadNotFound, StorageError."""
        with map_storage_errors(self._record):
            try:
                return self._record.open("r+b")  # over NFS a lock wants a file that may be written
            except FileNotFoundError:
                raise UploadNotFound(self.id) from None

    def write_record(self, record: UploadRecord) -> None:
        """Keep what the client said. Raises DiskFull, StorageError."""
        write_atomically(self._record, json.dumps(asdict(record)).encode())

    def begin(self, record: UploadRecord) -> int:
        """Make the folder and its empty part; gives the part's descriptor. Raises DiskFull, StorageError."""
        with map_storage_errors(self.part):
            self.path.mkdir(mode=0o700, parents=True)
            descriptor = open_binary(self.part, os.O_RDWR | os.O_CREAT | os.O_EXCL)
        try:
            # Locked before there is a record: a sweep takes a part with a record and no lock for a leftover.
            lock(descriptor)
            self.write_record(record)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def open_part(self) -> int:
        """
        The descriptor of the part, locked.

        Raises:
            UploadNotFound: there is no part (any more).
            UploadLocked: another writer has it.
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

    def touched_at(self) -> float:
        """When it last grew, epoch seconds."""
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
            UploadNotFound: somebody removed the upload meanwhile.
            DiskFull, StorageError: the disk lost the bytes; the part is empty.
        """
        with map_storage_errors(self.part), ExitStack() as closing:
            closing.callback(os.close, descriptor)
            try:
                sync_data(descriptor)
            except OSError:
                # The system drops pages that it failed to write, and the next sync would not mention it.
                os.ftruncate(descriptor, 0)
                raise
            if not OPEN_FILES_CAN_BE_RENAMED:
                closing.close()
            try:
                self.part.rename(self.media)
            except FileNotFoundError:
                raise UploadNotFound(self.id) from None
            for folder in (self.path, self.path.parent):
                sync_folder(folder)


def require_upload_id(text: str) -> None:
    """Raises UploadNotFound for what is no id of our making."""
    if not re.fullmatch("[0-9a-f]{32}", text):
        raise UploadNotFound(text)


def lock(descriptor: int) -> None:
    """Lock a file until its descriptor is closed. Raises UploadLocked: somebody else has locked it."""
    if not try_lock(descriptor):
        raise UploadLocked
