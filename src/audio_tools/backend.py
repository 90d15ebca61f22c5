"""Operations on jobs: start, restart, cancel, delete, fetch and sweep, for the server and workers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

from audio_tools.concurrency import run_to_completion
from audio_tools.errors import (
    AudioToolsError,
    ConfigError,
    DiskFull,
    JobNotFound,
    MalformedRequest,
    MalformedUpload,
    QueueUnavailable,
    UploadInUse,
    UploadNotFound,
)
from audio_tools.jobs import UNFINISHED, Added, Job, JobState, Queue, make_queue
from audio_tools.media.allowed_paths import OpenedMedia, resolve_media
from audio_tools.options import Options
from audio_tools.settings import Settings
from audio_tools.storage import SPARE_BYTES, UploadedFile, Uploads, UploadStore, require_upload_id
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.storage.disk_wait import DiskWait
from audio_tools.storage.transcripts import TranscriptStore
from audio_tools.transcript import Json, Transcript
from audio_tools.webhooks import Delivery, Subscriptions, SubscriptionStore

CANCEL_WAIT_S = 2.0
"""How long a cancel waits for the worker to stop, in seconds."""
DAY_S = 86_400.0
MOST_LISTED = 100_000
"""Jobs looked at by a sweep."""
SWEEP_S = 60.0
"""Interval between sweeps, in seconds."""

log = logging.getLogger(__name__)


class Backend:
    """
    The jobs of one service, with their uploads, transcripts and chunk results.

    As a context manager it opens the queue, and sweeps while it is open. Every process of a service sweeps:
    a file that another process has removed is no error.

    Every method raises QueueUnavailable or DiskFull if the queue cannot answer, and StorageError if the disk
    fails.
    """

    def __init__(
        self,
        queue: Queue,
        uploads: Uploads,
        transcripts: TranscriptStore,
        chunk_cache: ChunkCache,
        subscriptions: Subscriptions,
        *,
        media_roots: Sequence[Path] = (),
        result_ttl_s: float = 7 * DAY_S,
        keep_uploads_s: float = 0.0,
        chunk_ttl_s: float = 30 * DAY_S,
        cache_max_bytes: int | None = None,
    ) -> None:
        self.queue = queue
        self.uploads = uploads
        self.transcripts = transcripts
        self.chunk_cache = chunk_cache
        self.subscriptions = subscriptions
        self._media_roots = media_roots
        self._result_ttl_s = result_ttl_s
        self._keep_uploads_s = keep_uploads_s
        self._chunk_ttl_s = chunk_ttl_s
        self._cache_max_bytes = cache_max_bytes
        self._making_room = asyncio.Lock()
        uploads.make_room = self.make_room

    async def __aenter__(self) -> Self:
        await self.queue.open()
        self._sweeping = asyncio.create_task(self._sweep_regularly(), name="sweep")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._sweeping.cancel()
        await asyncio.gather(self._sweeping, return_exceptions=True)
        await self.queue.close()
        self.uploads.close()

    async def find(self, idempotency_key: str) -> Job | None:
        """The job that was started with this key, if any."""
        if job := await self.queue.find(idempotency_key):
            return await self._complete_start(job)
        return None

    async def start_with_upload(self, upload: UploadedFile, options: Options, key: str | None) -> Job:
        """Start a job on an upload that has just arrived; it is removed if there will be no job for it."""
        try:
            added = await self._add_for_upload(upload, options, key)
        except (QueueUnavailable, asyncio.CancelledError):
            # The job may exist all the same and need the file; if it does not, the sweep removes the file.
            raise
        except BaseException:
            await self.uploads.remove(upload.id)
            raise
        if not added.new:
            await self.uploads.remove(upload.id)
        return added.job

    async def start_with_upload_id(self, upload_id: str, options: Options, key: str | None) -> Job:
        """
        Start a job on a finished resumable upload; a repeat returns the existing job.

        Raises:
            UploadNotFound, UploadExpired, UploadUnfinished, MalformedUpload: it cannot be used.
        """
        if job := await self._job_of_upload(upload_id):
            return job
        try:
            # Held until the job exists, since uploads are removed only after a check for their job.
            async with self.uploads.hold(upload_id):
                upload = await self.uploads.open(upload_id)
                if upload.size == 0:
                    raise MalformedUpload("The file is empty.", hint="Choose a file that is not empty.")
                return (await self._add_for_upload(upload, options, key)).job
        except UploadNotFound:
            # The same request may have come twice, and the job of the other one has ended by now.
            if job := await self._job_of_upload(upload_id):
                return job
            raise

    async def start_with_path(self, path: str, options: Options, key: str | None) -> Job:
        """
        Start a job on a file of this machine.

        Raises:
            PathRefused: the path is not that of a file under MEDIA_ROOTS.
        """
        file, size = await asyncio.to_thread(resolve_media, path, self._media_roots)
        data: Json = {"path": str(file), "fileName": file.name, "fileSize": size}
        return (await self._add(str(uuid4()), data, options, key)).job

    async def restart(self, job_id: str) -> Job:
        """
        Put a failed job back into the queue, with the same id, file and options.

        Raises:
            UploadError, PathRefused: its file is gone. JobError: it cannot be restarted.
        """
        job = await self.queue.get(job_id)
        if not job.restartable:
            return await self.queue.restart(job_id)
        await self.source(job)
        options, _ = Options.parse(job.data.get("options"))
        await self.subscriptions.add(job_id, options)  # first: this process may die after the next line
        job = await self.queue.restart(job_id)
        await self.subscriptions.add(job_id, options)  # again: its last message may have been sent meanwhile
        return job

    async def cancel(self, job_id: str) -> Job:
        """
        Cancel a job and remove its files; returns it as it is after CANCEL_WAIT_S at most.

        A job that has ended stays as it is. One that is still active afterwards stops soon.
        """
        job = await self.queue.get(job_id)
        if job.finished:
            return job
        await self._with_room(self.queue.cancel, job)
        with suppress(TimeoutError):
            async with asyncio.timeout(CANCEL_WAIT_S):
                job = await self.queue.wait_until_finished(job_id)
        if job.state is JobState.CANCELLED:
            await self.release_files(job)
        return job

    async def delete(self, job_id: str) -> None:
        """
        Delete a job that has ended, with all its data.

        Raises:
            JobNotFinished: it has not ended.
        """
        job = await self.queue.get(job_id)
        if job.finished:
            await self.release_files(job)  # first: on a full disk that makes room
            await self.subscriptions.keep_end(job)
        await self._with_room(self.queue.delete, job)

    async def source(self, job: Job) -> Path:
        """
        The media file of a job.

        Raises:
            UploadError, PathRefused: it is gone. MalformedRequest: a job added by others names none.
            QueueUnavailable: it may exist, but not on this machine.
        """
        if job.upload_id:
            return await self._upload_path(job.upload_id)
        if job.path:
            return (await asyncio.to_thread(resolve_media, job.path, self._media_roots))[0]
        raise MalformedRequest(
            "The job names neither a path nor an uploadId.",
            hint='Its data must be like {"path": "/media/talk.mp4", "options": {}}.',
        )

    @asynccontextmanager
    async def opened_source(self, job: Job) -> AsyncIterator[Path]:
        """As `source`, for one block: a file of this machine stays open, and the path names this file."""
        if job.upload_id or not job.path:
            yield await self.source(job)
            return
        with await asyncio.to_thread(OpenedMedia, job.path, self._media_roots) as opened:
            yield opened.path

    async def transcript(self, job_id: str) -> Transcript:
        """
        The transcript of a completed job.

        Raises:
            JobNotFound: it was deleted a moment ago.
        """
        try:
            return await asyncio.to_thread(self.transcripts.get, job_id)
        except FileNotFoundError:
            raise JobNotFound(job_id) from None

    async def store_transcript(self, job: Job, transcript: Transcript, wait_s: float = 0.0) -> None:
        """
        Store the transcript of a job; waits up to `wait_s` seconds for room.

        Runs to its end even if the caller is cancelled, so that no half-written file stays.
        """
        await DiskWait(wait_s, run_to_completion).run(self.transcripts.put, job.id, transcript)

    async def release_upload(self, job: Job) -> None:
        """Remove the upload of a job that does not need it any more."""
        if job.upload_id:
            await self.uploads.remove(job.upload_id)

    async def release_files(self, job: Job) -> None:
        """Remove all files of a job."""
        await self.release_upload(job)
        await asyncio.to_thread(self.transcripts.remove, job.id)

    async def make_room(self, n_bytes: int, *, enough_or_nothing: bool = True) -> bool:
        """
        Free disk space: remove the uploads kept for playback, then those kept for a restart; of both those
        that were kept longest first.

        Args:
            n_bytes: bytes to free; no more uploads are removed than needed.
            enough_or_nothing: remove none if all of them together are smaller than that.

        Returns:
            Whether that many bytes were freed.
        """
        async with self._making_room:
            page = await self.queue.list({JobState.FAILED, JobState.COMPLETED}, limit=MOST_LISTED)
            jobs = sorted(filter(self._needs_upload, page.jobs), key=_importance)
            kept = [(job, await self._kept_bytes(job)) for job in jobs]
            if enough_or_nothing and sum(size for _, size in kept) < n_bytes:
                return False
            for job, size in kept:
                if n_bytes <= 0:
                    break
                if size and await self._forgo_upload(job):
                    log.warning(
                        "disk space low, removed the upload of %s job %s: %d bytes", job.state, job.id, size
                    )
                    n_bytes -= size
        return n_bytes <= 0

    async def keeps_upload(self) -> bool:
        """Whether the upload of a job that completes now is kept for playback."""
        return self._keep_uploads_s > 0 and not await self.uploads.missing_bytes(SPARE_BYTES)

    def _needs_upload(self, job: Job) -> bool:
        """Whether the upload of a job must stay: to be transcribed, to be restarted, or to be played."""
        if job.state is JobState.COMPLETED:
            return (job.finished_at or 0.0) + self._keep_uploads_s > time.time()
        return not job.finished or job.restartable

    async def _kept_bytes(self, job: Job) -> int:
        return await self.uploads.size(job.upload_id) if job.upload_id else 0

    async def _forgo_upload(self, job: Job) -> bool:
        if job.state is JobState.COMPLETED:
            await self.release_upload(job)
            return True
        try:
            if not await self.queue.forgo_restart(job.id):
                return False  # it has been restarted, or deleted, meanwhile
            await self.release_upload(job)
        except DiskFull:
            await self.release_upload(job)  # which makes room to store it
            await self.queue.forgo_restart(job.id)
        except JobNotFound:
            return False
        return True

    async def deliveries(self, job_id: str) -> tuple[Delivery, ...]:
        """The webhook messages about a job, oldest first."""
        job = await self.queue.get(job_id)
        return await self.subscriptions.deliveries(job.id)

    async def require_unused(self, upload_id: str) -> None:
        """
        Check that an upload may be deleted.

        Raises:
            UploadInUse: a job that has not ended works on it.
        """
        with suppress(JobNotFound):
            job = await self.queue.get(job_id_of(upload_id))
            if not job.finished:
                raise UploadInUse(upload_id, job.id)

    async def sweep(self) -> None:
        """Remove jobs, files and chunk results whose time is over, and what crashes left."""
        if missing := await self.uploads.missing_bytes(SPARE_BYTES):
            await self.make_room(missing, enough_or_nothing=False)
        for job in await self.queue.sweep(self._result_ttl_s):
            await self.release_files(job)  # an upload is kept as long as its failed job could be restarted
            await self.subscriptions.keep_end(job)
        for job_id in await asyncio.to_thread(self.transcripts.sweep, self._result_ttl_s):
            # Left by a process that died in between; an old one may still belong to a job that took long.
            try:
                await self.queue.get(job_id)
            except JobNotFound:
                await asyncio.to_thread(self.transcripts.remove, job_id)
        kept = {JobState.FAILED, *([JobState.COMPLETED] if self._keep_uploads_s else [])}
        page = await self.queue.list(UNFINISHED | kept, limit=MOST_LISTED)
        needed = filter(self._needs_upload, page.jobs)
        await self.uploads.sweep({job.upload_id for job in needed if job.upload_id})
        await asyncio.to_thread(self.subscriptions.store.sweep, self._result_ttl_s)
        # There are many of them, so only one process at a time looks through them.
        await asyncio.to_thread(self.chunk_cache.sweep, self._chunk_ttl_s, SWEEP_S, self._cache_max_bytes)

    async def _sweep_regularly(self) -> None:
        while True:
            try:
                await self.sweep()
            except AudioToolsError as error:
                log.warning("sweep failed, retrying in %g s: %s", SWEEP_S, error)
            except Exception:
                log.exception("sweep failed, retrying in %g s", SWEEP_S)
            await asyncio.sleep(SWEEP_S)

    async def _upload_path(self, upload_id: str) -> Path:
        try:
            return (await self.uploads.open(upload_id)).path
        except UploadNotFound:
            # Perhaps it cannot be seen from here: then the check fails, and other machines get the job.
            await self.queue.check()
            raise

    async def _job_of_upload(self, upload_id: str) -> Job | None:
        with suppress(JobNotFound):
            return await self._complete_start(await self.queue.get(job_id_of(upload_id)))
        return None

    async def _complete_start(self, job: Job) -> Job:
        """The job; if the first request for it broke off half-way, the queue now does the other half."""
        if job.state is not JobState.WAITING:
            return job
        return (await self.queue.add(job.data, job_id=job.id)).job

    async def _add_for_upload(self, upload: UploadedFile, options: Options, key: str | None) -> Added:
        data = {"uploadId": upload.id, "fileName": upload.name, "fileSize": upload.size}
        return await self._add(job_id_of(upload.id), data, options, key)

    async def _add(self, job_id: str, data: Json, options: Options, key: str | None) -> Added:
        await self.subscriptions.add(job_id, options)
        added = await self.queue.add(data | _options_json(options), job_id=job_id, idempotency_key=key)
        if added.job.id != job_id:
            await self.subscriptions.discard(job_id)
        return added

    async def _with_room(self, change: Callable[[str], Awaitable[Job]], job: Job) -> None:
        """Change a job in the queue; where the disk is full, its files go first."""
        try:
            await change(job.id)
        except DiskFull:
            await self.release_files(job)
            await change(job.id)


def _importance(job: Job) -> tuple[bool, float]:
    """The order in which kept uploads are removed: those for playback first, then by age."""
    return job.state is not JobState.COMPLETED, job.finished_at or 0.0


def make_backend(settings: Settings, wait_s: float | None) -> Backend:
    """
    The backend that the settings describe, not yet opened; `wait_s` is how long it then waits for Redis.

    Raises:
        ConfigError: a package for Redis is missing, its address is not valid, or webhooks have no secret.
    """
    if settings.webhook_url and not settings.webhook_secret:
        raise ConfigError(
            "WEBHOOK_URL is set, but not WEBHOOK_SECRET.",
            hint="Set it to whsec_ and the output of `openssl rand -base64 32`.",
        )
    uploads = UploadStore(
        settings.data_dir,
        max_bytes=settings.max_upload_bytes,
        min_free_bytes=settings.min_free_bytes,
        ttl_s=settings.upload_ttl,
    )
    return Backend(
        make_queue(settings, wait_s),
        uploads,
        TranscriptStore(settings.data_dir),
        ChunkCache(settings.data_dir),
        Subscriptions(
            SubscriptionStore(settings.data_dir),
            settings.webhook_url,
            signed=settings.webhook_secret is not None,
            allow_private=settings.webhook_allow_private,
        ),
        media_roots=settings.media_roots,
        result_ttl_s=settings.result_ttl,
        keep_uploads_s=settings.keep_uploads,
        chunk_ttl_s=settings.chunk_ttl,
        cache_max_bytes=settings.cache_max_bytes,
    )


def job_id_of(upload_id: str) -> str:
    """
    The id of the job for an upload: there is at most one, since the upload goes when its job ends.

    Raises:
        UploadNotFound: it is not the id of an upload.
    """
    require_upload_id(upload_id)
    return str(UUID(upload_id))


def _options_json(options: Options) -> Json:
    return {"options": options.model_dump(by_alias=True, exclude_none=True)}
