"""All uploads: what the server and the worker ask for."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ParamSpec, TypeVar

from audio_tools.concurrency import run_until_stopped
from audio_tools.errors import UploadExpired, UploadLocked, UploadNotFound, UploadUnfinished
from audio_tools.storage.disk_space import DiskSpace
from audio_tools.storage.upload_folder import UploadFolder, lock
from audio_tools.storage.upload_writer import UploadWriter

THREADS = 16
"""Uploads that write at the same moment; the others wait for a thread."""
SETTLING_S = 600.0
"""How long an upload may look ownerless, until its record is there or a job names it."""
HOLD_AGAIN_S = 0.01
"""Between two tries to hold an upload: a lock among processes tells nobody that it is free."""

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class UploadedFile:
    """An upload that is whole. `name` is what the client called it: to be shown, never to be opened."""

    id: str
    path: Path
    size: int
    name: str


@dataclass(frozen=True, slots=True)
class UploadStatus:
    """
    How far a resumable upload is.

    `offset` and `length` in bytes, `length` None until the client says it; `expires_at` in epoch seconds,
    put off by every byte; `metadata` as the client sent it.
    """

    id: str
    offset: int
    length: int | None
    metadata: str
    expires_at: float

    @property
    def finished(self) -> bool:
        """Whether all of it has arrived."""
        return self.offset == self.length


class UploadStore:
    """
    The uploads under `data_dir`, shared with other processes that use the same folder.

    Args:
        max_bytes: the largest upload.
        min_free_bytes: what uploads leave free on the disk.
        ttl_s: how long an upload is kept that nobody goes on with, or that no job uses.

    Every method raises StorageError if the disk fails; none blocks the event loop.
    """

    def __init__(self, data_dir: Path, *, max_bytes: int, min_free_bytes: int, ttl_s: float) -> None:
        self.max_bytes = max_bytes
        self.ttl_s = ttl_s
        self._folder = data_dir / "uploads"
        self._space = DiskSpace(self._folder, min_free_bytes)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="upload")

    def close(self) -> None:
        """Wait for what is being written, and let the threads go."""
        self._pool.shutdown()

    async def run(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a blocking call in a thread of the store, to its end even if the caller is cancelled."""
        return await self.run_until(_nothing, call, *args, **kwargs)

    async def run_until(
        self, stop: Callable[[], None], call: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """As `run`, for a long call: if the caller is cancelled, `stop` makes it return."""
        return await run_until_stopped(self._pool, stop, call, *args, **kwargs)

    @asynccontextmanager
    async def writer(self) -> AsyncIterator[UploadWriter]:
        """
        A writer for one upload, for one block; its calls go through `run`.

        After an exception an upload that is not resumable is removed, finished or not.
        """
        writer = UploadWriter(self._folder, self._space, self.max_bytes)
        try:
            yield writer
        except BaseException:
            await self.run(writer.abandon)
            raise
        await self.run(writer.close)

    @asynccontextmanager
    async def hold(self, upload_id: str) -> AsyncIterator[None]:
        """
        Let nobody else, in no process, hold this upload for one block: it gets a job, or goes.

        Waits for who holds it. Who was waited for may have removed it: look for it in the block.

        Raises:
            UploadNotFound: there is none with this id.
        """
        with await self.run(UploadFolder(self._folder, upload_id).open_record) as record:
            while True:
                with suppress(UploadLocked):
                    lock(record.fileno())
                    break
                await asyncio.sleep(HOLD_AGAIN_S)
            yield

    async def open(self, upload_id: str) -> UploadedFile:
        """
        A finished upload.

        Raises:
            UploadNotFound, UploadExpired: there is none with this id.
            UploadUnfinished: not all of it has arrived.
        """
        return await self.run(self._open, upload_id)

    async def status(self, upload_id: str) -> UploadStatus:
        """
        How far a resumable upload is.

        Raises:
            UploadNotFound, UploadExpired: there is none with this id.
        """
        return await self.run(self._status, upload_id)

    async def set_length(self, upload_id: str, length: int) -> None:
        """Keep the length of an upload that was begun without. Only who writes to it may call."""
        await self.run(self._set_length, upload_id, length)

    async def remove(self, upload_id: str) -> None:
        """Remove an upload in whatever state; one that is not there is fine."""
        await self.run(self._remove, upload_id)

    async def sweep(self, in_use: Collection[str]) -> int:
        """
        Remove what nobody needs: leftovers of a crash at once, other uploads after `ttl_s`.

        Args:
            in_use: ids that jobs name.

        Returns:
            How many were removed.
        """
        return await self.run(self._sweep, in_use)

    def _open(self, upload_id: str) -> UploadedFile:
        status = self._status(upload_id)
        if not status.finished:
            raise UploadUnfinished(status.offset, status.length)
        folder = UploadFolder(self._folder, upload_id)
        with suppress(OSError):  # a sweep that does not know its job yet shall not find it old
            os.utime(folder.media)
        return UploadedFile(folder.id, folder.media, status.offset, folder.record().name)

    def _status(self, upload_id: str) -> UploadStatus:
        folder = UploadFolder(self._folder, upload_id)
        record = folder.record()
        expires_at = folder.touched_at() + self.ttl_s
        # The part first: while it becomes the media there is always one of them to be found.
        size = _size_of(folder.part)
        if size is not None and size == record.length:
            _finish_after_crash(folder)
            size = None
        if size is None:
            if (size := _size_of(folder.media)) is None:
                raise UploadNotFound(upload_id)
            return UploadStatus(folder.id, size, size, record.metadata, expires_at)
        if not record.resumable:
            raise UploadNotFound(upload_id)
        if expires_at < time.time():
            raise UploadExpired(upload_id)
        return UploadStatus(folder.id, size, record.length, record.metadata, expires_at)

    def _set_length(self, upload_id: str, length: int) -> None:
        folder = UploadFolder(self._folder, upload_id)
        folder.write_record(replace(folder.record(), length=length))

    def _remove(self, upload_id: str) -> None:
        with suppress(UploadNotFound):
            shutil.rmtree(UploadFolder(self._folder, upload_id).path, ignore_errors=True)

    def _sweep(self, in_use: Collection[str]) -> int:
        removed = 0
        for path in self._folder.glob("?" * 32):
            # Whoever is at an upload, or removes it, wins.
            with suppress(UploadNotFound, UploadLocked):
                if path.name not in in_use and self._remove_if_old(UploadFolder(self._folder, path.name)):
                    removed += 1
        return removed

    def _remove_if_old(self, folder: UploadFolder) -> bool:
        """Raises UploadLocked while somebody writes, or gives it to a job."""
        with ExitStack() as held:
            with suppress(UploadNotFound):
                lock(held.enter_context(folder.open_record()).fileno())
            with suppress(UploadNotFound):
                os.close(folder.open_part())
            # Asked last: whoever wrote until just now has left a part that is idle, or the media.
            if folder.touched_at() + self._patience_s(folder) >= time.time():
                return False
            shutil.rmtree(folder.path, ignore_errors=True)
            return True

    def _patience_s(self, folder: UploadFolder) -> float:
        """How long an upload that nobody writes to and no job names is kept."""
        try:
            record = folder.record()
        except UploadNotFound:
            return SETTLING_S
        if record.resumable:
            return self.ttl_s
        # Only its own request could finish it or knew its id, and that request is over.
        return SETTLING_S if folder.media.exists() else 0.0


def _nothing() -> None:
    """What need not be stopped."""


def _size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _finish_after_crash(folder: UploadFolder) -> None:
    """All bytes are there, but the process died before it said so. Raises UploadLocked: it is about to."""
    with suppress(UploadNotFound):
        folder.finish(folder.open_part())
