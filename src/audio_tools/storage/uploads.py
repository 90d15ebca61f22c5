"""The upload store, used by the server and the worker."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import ParamSpec, TypeVar

from audio_tools.concurrency import run_until_stopped
from audio_tools.errors import DiskFull, UploadExpired, UploadLocked, UploadNotFound, UploadUnfinished
from audio_tools.storage.base import Upload, UploadedFile, UploadStatus
from audio_tools.storage.disk_space import DiskSpace
from audio_tools.storage.upload_folder import UploadFolder, lock
from audio_tools.storage.upload_writer import UploadWriter

THREADS = 16
"""Maximum number of concurrently writing uploads; others wait for a thread."""
SETTLING_S = 600.0
"""Grace period for uploads without a record or a job, in seconds."""
SPARE_BYTES = 8 << 20
"""Disk space above the minimum that the next blocks of running uploads need, bytes."""
HOLD_AGAIN_S = 0.01
"""Polling interval for the lock of an upload, since a file lock sends no notification."""

P = ParamSpec("P")
T = TypeVar("T")


class UploadStore:
    """
    `Uploads` as files under `data_dir`, shared with other processes that use the same folder.

    Args:
        max_bytes: maximum size of an upload.
        min_free_bytes: free disk space that uploads must leave.
        ttl_s: time that an unfinished or unused upload is stored, in seconds.

    Every method raises StorageError on disk errors; none blocks the event loop.
    """

    def __init__(self, data_dir: Path, *, max_bytes: int, min_free_bytes: int, ttl_s: float) -> None:
        self.max_bytes = max_bytes
        self.ttl_s = ttl_s
        self.make_room: Callable[[int], Awaitable[bool]] = _no_room
        """Called when an upload finds no space, with the missing bytes; returns whether they are now free."""
        self._folder = data_dir / "uploads"
        self._space = DiskSpace(self._folder, min_free_bytes)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="upload")

    def close(self) -> None:
        """Wait for pending writes, and stop the threads."""
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
        Context manager: the writer of one upload; call its methods through `run`.

        After an exception, an upload that is not resumable is removed, finished or not.
        """
        writer = UploadWriter(self._folder, self._space, self.max_bytes)
        try:
            yield writer
        except BaseException as error:
            await self.run(writer.abandon)
            if isinstance(error, DiskFull):  # an upload of unknown length: for the next attempt
                await self.make_room(await self.missing_bytes(SPARE_BYTES))
            raise
        await self.run(writer.close)

    async def reserve(self, writer: Upload, n_bytes: int) -> None:
        """Reserve disk space for the expected bytes of an upload. Raises DiskFull if none can be made."""
        try:
            await self.run(writer.reserve, n_bytes)
        except DiskFull:
            if not await self.make_room(await self.missing_bytes(n_bytes)):
                raise
            await self.run(writer.reserve, n_bytes)

    async def missing_bytes(self, n_bytes: int) -> int:
        """Return how many bytes must be freed to receive `n_bytes` more; 0 if there is space for them."""
        return await self.run(self._space.missing, n_bytes)

    @asynccontextmanager
    async def hold(self, upload_id: str) -> AsyncIterator[None]:
        """
        Context manager: hold this upload exclusively among all processes, to assign it to a job or remove it.

        Waits for the current holder, which may remove the upload: check inside the block that it still
        exists.

        Raises:
            UploadNotFound: there is no upload with this id.
        """
        folder = UploadFolder(self._folder, upload_id)
        with await self.run(folder.open_record) as record:
            while True:
                with suppress(UploadLocked):
                    lock(record.fileno())
                    break
                await asyncio.sleep(HOLD_AGAIN_S)
            try:
                yield
            finally:
                record.close()
                await self.run(folder.remove_rest)

    async def open(self, upload_id: str) -> UploadedFile:
        """
        Return a finished upload.

        Raises:
            UploadNotFound, UploadExpired: there is no upload with this id.
            UploadUnfinished: the upload is incomplete.
        """
        return await self.run(self._open, upload_id)

    async def status(self, upload_id: str) -> UploadStatus:
        """
        The state of a resumable upload.

        Raises:
            UploadNotFound, UploadExpired: there is no upload with this id.
        """
        return await self.run(self._status, upload_id)

    async def size(self, upload_id: str) -> int:
        """Return the size of a finished upload in bytes, 0 if there is none."""
        try:
            return await self.run(_size_of, UploadFolder(self._folder, upload_id).media) or 0
        except UploadNotFound:
            return 0

    async def set_length(self, upload_id: str, length: int) -> None:
        """Store the length of an upload that started without one. Call it only from its writer."""
        await self.run(self._set_length, upload_id, length)

    async def remove(self, upload_id: str) -> None:
        """Remove an upload in any state. A missing upload is not an error."""
        await self.run(self._remove, upload_id)

    async def sweep(self, in_use: Collection[str]) -> int:
        """
        Remove leftovers of a crash at once, and other unneeded uploads after `ttl_s`.

        Args:
            in_use: ids of uploads that jobs use.

        Returns:
            The number of removed uploads.
        """
        return await self.run(self._sweep, in_use)

    def _open(self, upload_id: str) -> UploadedFile:
        status = self._status(upload_id)
        if not status.finished:
            raise UploadUnfinished(status.offset, status.length)
        folder = UploadFolder(self._folder, upload_id)
        # renew its age, so that a sweep with an older list of jobs does not remove it
        with suppress(OSError):
            os.utime(folder.media)
        return UploadedFile(folder.id, folder.media, status.offset, folder.record().name)

    def _status(self, upload_id: str) -> UploadStatus:
        folder = UploadFolder(self._folder, upload_id)
        record = folder.record()
        expires_at = folder.touched_at() + self.ttl_s
        # Check the part first: while it is renamed to the media, one of them always exists.
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
            # A writer or a deleter takes precedence.
            with suppress(UploadNotFound, UploadLocked):
                if path.name not in in_use and self._remove_if_old(UploadFolder(self._folder, path.name)):
                    removed += 1
        return removed

    def _remove_if_old(self, folder: UploadFolder) -> bool:
        """Raise UploadLocked while the upload is written or assigned to a job."""
        with ExitStack() as held:
            with suppress(UploadNotFound):
                lock(held.enter_context(folder.open_record()).fileno())
            with suppress(UploadNotFound):
                os.close(folder.open_part())
            # Check last: a writer that just stopped has left an idle part, or the media.
            if folder.touched_at() + self._patience_s(folder) >= time.time():
                return False
            shutil.rmtree(folder.path, ignore_errors=True)
        folder.remove_rest()
        return True

    def _patience_s(self, folder: UploadFolder) -> float:
        """How long an idle upload without a job is stored, in seconds."""
        try:
            record = folder.record()
        except UploadNotFound:
            return SETTLING_S
        if record.resumable:
            return self.ttl_s
        # Only its own request could finish it, and that request has ended.
        return SETTLING_S if folder.media.exists() else 0.0


async def _no_room(n_bytes: int) -> bool:
    """Remove nothing."""
    return n_bytes <= 0


def _nothing() -> None:
    """A stop callback that does nothing."""


def _size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _finish_after_crash(folder: UploadFolder) -> None:
    """Complete an upload whose process died after the last byte. Raises UploadLocked while it is written."""
    with suppress(UploadNotFound):
        folder.finish(folder.open_part())
