"""Operations on jobs: start, restart, cancel, delete and fetch, for the server and workers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import UUID, uuid4

from audio_tools.backend.retention import UploadRetention
from audio_tools.backend.sources import MediaSources
from audio_tools.backend.sweeper import Lifetimes, Sweeper
from audio_tools.concurrency import run_to_completion
from audio_tools.errors import (
    DiskFull,
    JobNotFound,
    MalformedUpload,
    QueueUnavailable,
    UploadInUse,
    UploadNotFound,
)
from audio_tools.jobs import Added, Job, JobRequest, JobState, Queue
from audio_tools.options import Options
from audio_tools.storage import UploadedFile, Uploads, require_upload_id
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.storage.disk_wait import DiskWait
from audio_tools.storage.peak_recorder import PeakRecorder
from audio_tools.storage.transcripts import TranscriptStore
from audio_tools.transcript import Transcript
from audio_tools.webhooks import Delivery, Subscriptions

CANCEL_WAIT_S = 2.0
"""How long a cancel waits for the worker to stop, in seconds."""


class Backend:
    """
    The jobs of one service, with their uploads, transcripts and chunk results.

    As a context manager it opens the queue, and sweeps while it is open. A file that another process of the
    service has removed is not an error.

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
        keep_uploads_s: float = 0.0,
        lifetimes: Lifetimes | None = None,
    ) -> None:
        self.queue = queue
        self.uploads = uploads
        self.transcripts = transcripts
        self.chunk_cache = chunk_cache
        self.subscriptions = subscriptions
        self.sources = MediaSources(queue, uploads, media_roots)
        self.retention = UploadRetention(queue, uploads, keep_uploads_s)
        self.sweeper = Sweeper(
            queue,
            uploads,
            transcripts,
            chunk_cache,
            subscriptions,
            self.retention,
            lifetimes or Lifetimes(),
        )
        uploads.make_room = self.retention.make_room

    async def __aenter__(self) -> Self:
        await self.queue.open()
        self._sweeping = asyncio.create_task(self.sweeper.run(), name="sweep")
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
        """Start a job for an upload that has just arrived; the upload is removed if no job is created."""
        try:
            added = await self._add_for_upload(upload, options, key)
        except (QueueUnavailable, asyncio.CancelledError):
            # The job may exist nevertheless and need the file; otherwise the sweep removes the file.
            raise
        except BaseException:
            await self.uploads.remove(upload.id)
            raise
        if not added.new:
            await self.uploads.remove(upload.id)
        return added.job

    async def start_with_upload_id(self, upload_id: str, options: Options, key: str | None) -> Job:
        """
        Start a job for a finished resumable upload; a repeated request returns the existing job.

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
            # The same request may have arrived twice, and the job of the other one has already ended.
            if job := await self._job_of_upload(upload_id):
                return job
            raise

    async def start_with_path(self, path: str, options: Options, key: str | None) -> Job:
        """
        Start a job for a file of this machine.

        Raises:
            PathRefused: the path is not that of a file under MEDIA_ROOTS.
        """
        file, size = await self.sources.resolve(path)
        return (await self._add(str(uuid4()), JobRequest.for_path(file, size, options), options, key)).job

    async def restart(self, job_id: str) -> Job:
        """
        Put a failed job back into the queue, with the same id, file and options.

        Raises:
            UploadError, PathRefused: its file is gone. JobError: it cannot be restarted.
        """
        job = await self.queue.get(job_id)
        if not job.restartable:
            return await self.queue.restart(job_id)
        await self.sources.path(job)
        options = job.options
        await self.subscriptions.add(job_id, options)  # before `restart`: this process may die after it
        job = await self.queue.restart(job_id)
        # Again: the message about the end of the last attempt may have been sent meanwhile.
        await self.subscriptions.add(job_id, options)
        return job

    async def cancel(self, job_id: str) -> Job:
        """
        Cancel a job and remove its files; returns its state after at most CANCEL_WAIT_S.

        A finished job is left unchanged. One that is still active afterwards stops soon.
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
            await self.release_files(job)  # first: this frees space on a full disk
            await self.subscriptions.keep_end(job)
        await self._with_room(self.queue.delete, job)

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

    @asynccontextmanager
    async def peak_recorder(self, job: Job) -> AsyncIterator[PeakRecorder]:
        """Context manager: the recorder of a job's waveform; without a transcript the waveform is removed."""
        recorder = self.transcripts.peak_recorder(job.id)
        try:
            yield recorder
        finally:
            await run_to_completion(recorder.discard)

    async def store_transcript(
        self, job: Job, transcript: Transcript, peaks: PeakRecorder | None = None, wait_s: float = 0.0
    ) -> None:
        """
        Store the transcript of a job, with its waveform; waits up to `wait_s` seconds for room.

        Runs to its end even if the caller is cancelled, so that no half-written file stays.
        """
        await DiskWait(wait_s, run_to_completion).run(self.transcripts.put, job.id, transcript, peaks)

    async def release_upload(self, job: Job) -> None:
        """Remove the upload of a job that no longer needs it."""
        if job.upload_id:
            await self.uploads.remove(job.upload_id)

    async def release_files(self, job: Job) -> None:
        """Remove all files of a job."""
        await self.release_upload(job)
        await asyncio.to_thread(self.transcripts.remove, job.id)

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

    async def _job_of_upload(self, upload_id: str) -> Job | None:
        with suppress(JobNotFound):
            return await self._complete_start(await self.queue.get(job_id_of(upload_id)))
        return None

    async def _complete_start(self, job: Job) -> Job:
        """Return the job; if the first request for it was interrupted, the queue completes it now."""
        if job.state is not JobState.WAITING:
            return job
        return (await self.queue.add(job.request, job_id=job.id)).job

    async def _add_for_upload(self, upload: UploadedFile, options: Options, key: str | None) -> Added:
        request = JobRequest.for_upload(upload.id, upload.name, upload.size, options)
        return await self._add(job_id_of(upload.id), request, options, key)

    async def _add(self, job_id: str, request: JobRequest, options: Options, key: str | None) -> Added:
        await self.subscriptions.add(job_id, options)
        added = await self.queue.add(request, job_id=job_id, idempotency_key=key)
        if added.job.id != job_id:
            await self.subscriptions.discard(job_id)
        return added

    async def _with_room(self, change: Callable[[str], Awaitable[Job]], job: Job) -> None:
        """Change a job in the queue; on a full disk, remove its files first."""
        try:
            await change(job.id)
        except DiskFull:
            await self.release_files(job)
            await change(job.id)


def job_id_of(upload_id: str) -> str:
    """
    Return the id of the job of an upload; there is at most one, since an upload is removed with its job.

    Raises:
        UploadNotFound: it is not the id of an upload.
    """
    require_upload_id(upload_id)
    return str(UUID(upload_id))
