"""The worker: take jobs from the queue, transcribe them, report progress and outcome."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from audio_tools.audio.peaks import PeakSink
from audio_tools.backend import Backend
from audio_tools.errors import (
    AudioToolsError,
    DiskFull,
    JobNotFound,
    MediaError,
    QueueUnavailable,
)
from audio_tools.events import Event, Progress
from audio_tools.jobs.base import Lease, LeaseLost
from audio_tools.jobs.failure import JobFailure
from audio_tools.jobs.job import Job, JobState
from audio_tools.jobs.outage_log import OutageLog
from audio_tools.jobs.summary import Summary
from audio_tools.logs import log_context
from audio_tools.metrics import JOBS_ENDED, MEDIA_SECONDS
from audio_tools.options import Options
from audio_tools.storage import MEDIA_NAME
from audio_tools.transcript import Json, Transcript

UNEXPECTED = JobFailure(
    {
        "code": AudioToolsError.code,
        "message": "An unexpected error stopped this job.",
        "hint": "See the log of the service.",
        "status": 500,
        "retryable": False,
        "restartable": True,
    }
)
"""The failure of a job that a programming error has ended."""
RETRY_S = 0.5
"""Delay before a failed write to the queue is retried, in seconds."""

T = TypeVar("T")
Transcribe = Callable[[Path, Options, Callable[[Event], None], PeakSink], Awaitable[Transcript]]
"""Transcribes a file with the options of one job, and records its waveform; see `transcribe.transcribe`."""

log = logging.getLogger(__name__)


class Worker:
    """Processes up to `slots` jobs concurrently until `stop`."""

    def __init__(
        self,
        backend: Backend,
        transcribe: Transcribe,
        *,
        slots: int,
        outage_wait_s: float = 0.0,
    ) -> None:
        self._backend = backend
        self._transcribe = transcribe
        self._slots = slots
        self._outage_wait_s = outage_wait_s
        self._stopping = asyncio.Event()
        self._interrupt = asyncio.Event()
        self._outage = OutageLog(log, "queue unavailable", "queue available again")

    async def run(self) -> None:
        """Run until `stop`; returns when the last job is finished or requeued."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(self._slots):
                tasks.create_task(self._work(), name=f"worker slot {number}")

    async def stop(self, grace_s: float) -> None:
        """Take no more jobs; requeue running ones after a grace period in seconds."""
        self._stopping.set()
        asyncio.get_running_loop().call_later(grace_s, self._interrupt.set)

    async def _work(self) -> None:
        while (lease := await self._take()) is not None:
            with log_context(job_id=lease.job.id):
                try:
                    await self._run(lease)
                except LeaseLost:
                    log.warning("lease lost, discarding this attempt")
                except (QueueUnavailable, DiskFull):
                    log.warning("cannot store the outcome; the job will resume after a restart")
                except Exception as error:
                    await _fail(lease, error)

    async def _take(self) -> Lease | None:
        # Check first: a job that is taken only to be requeued has used an attempt.
        if self._stopping.is_set():
            return None
        return await _unless(self._stopping, self._retry(self._backend.queue.take))

    async def _run(self, lease: Lease) -> None:
        """Process one job until it is done, cancelled, lost or interrupted."""
        log.info("job started, attempt %d", lease.attempt)
        reporter = _Reporter(lease, self._retry)
        job = asyncio.create_task(self._transcript_of(lease.job, reporter.publish), name="transcribe")
        reporting = asyncio.create_task(reporter.run(), name="report")
        try:
            await _stop_at(job, lease.cancelled, lease.lost, self._interrupt)
            if lease.lost.is_set():
                raise LeaseLost
            # Read once: a stop in between must not requeue a job whose upload was removed.
            requeue = self._must_requeue(job)
            await self._clean_up(lease, job, requeue)
            if not lease.cancelled.is_set():  # they could not be stored on a full disk
                reporter.finish()
                await reporting
            await self._end(lease, job, requeue)
        finally:
            for task in (job, reporting):
                task.cancel()
            await asyncio.gather(job, reporting, return_exceptions=True)

    async def _transcript_of(self, job: Job, publish: Callable[[Event], None]) -> Json:
        """Create and store the transcript of a job; returns the summary for the queue."""
        with suppress(JobNotFound):
            # An earlier attempt crashed after storing it, and possibly after removing the upload.
            return Summary.of(await self._backend.transcript(job.id)).to_json()
        options = job.options
        await self._backend.subscriptions.add(job.id, options)  # of a job that others added to Redis
        async with self._backend.sources.opened(job) as path, self._backend.peak_recorder(job) as peaks:
            try:
                transcript = await self._transcribe(path, options, publish, peaks)
            except MediaError as error:
                if not job.upload_id:
                    error.message = _with_name(error.message, path.name, job.file_name)
                raise
            await self._backend.store_transcript(job, transcript, peaks, self._outage_wait_s)
        if not transcript.dry_run:
            MEDIA_SECONDS.inc(transcript.duration)
        return Summary.of(transcript).to_json()

    def _must_requeue(self, job: asyncio.Task[Json]) -> bool:
        """Whether the job must be requeued: it was interrupted, or needs another machine."""
        if job.cancelled():
            return True
        # The signal may have gone to the whole process group and killed the media reader.
        passing = (QueueUnavailable, MediaError) if self._stopping.is_set() else QueueUnavailable
        return isinstance(job.exception(), passing)

    async def _clean_up(self, lease: Lease, job: asyncio.Task[Json], requeue: bool) -> None:
        """Remove files that the job no longer needs, before the outcome is stored, to free disk space."""
        if lease.cancelled.is_set():
            await self._backend.release_files(lease.job)
        elif requeue or is_restartable(job.exception()):
            return
        elif job.exception() or not await self._backend.retention.keeps_completed():
            await self._backend.release_upload(lease.job)

    async def _end(self, lease: Lease, job: asyncio.Task[Json], requeue: bool) -> None:
        """Store the outcome in the queue."""
        ended = await self._retry(_outcome(lease, job, requeue))
        if ended.state is JobState.CANCELLED:  # possibly only just now
            await self._backend.release_files(lease.job)
        if ended.finished:
            JOBS_ENDED.labels(ended.state).inc()
            if ended.state is not JobState.FAILED:  # the reason has been logged
                log.info("job %s", ended.state)
        else:
            log.info("job requeued")

    async def _retry(self, call: Callable[[], Awaitable[T]]) -> T:
        """
        Retry a call to the queue until it succeeds, so that finished work survives an outage.

        Raises:
            QueueUnavailable, DiskFull: the call still fails, and the grace period of `stop` is over.
        """
        while True:
            try:
                answer = await call()
            except (QueueUnavailable, DiskFull) as error:
                self._outage.failed(error)
                if self._interrupt.is_set():
                    raise
                await _unless(self._interrupt, asyncio.sleep(RETRY_S))
            else:
                self._outage.passed()
                return answer


class _Reporter:
    """Sends events to the queue in order; of pending progress events only the latest is sent."""

    def __init__(
        self, lease: Lease, retry: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]
    ) -> None:
        self._lease = lease
        self._retry = retry
        # Bounded by the number of chunks: the engine is far slower than the queue.
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()

    def publish(self, event: Event) -> None:
        self._events.put_nowait(event)

    def finish(self) -> None:
        """No more events follow: `run` returns when all are sent."""
        self._events.put_nowait(None)

    async def run(self) -> None:
        """Send events until `finish`. Raises LeaseLost, and permanent errors of the queue."""
        while (event := await self._events.get()) is not None:
            newer = not self._events.empty()
            if not (newer and isinstance(event, Progress)):
                await self._send(event)

    async def _send(self, event: Event) -> None:
        record = event.to_json()
        kind = record.pop("type")
        await self._retry(lambda: self._lease.report(kind, record))


async def _stop_at(job: asyncio.Task[Json], *events: asyncio.Event) -> None:
    """Wait until `job` is done; one of `events` cancels it."""
    waiting = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait([job, *waiting], return_when=asyncio.FIRST_COMPLETED)
        job.cancel()
        await asyncio.wait([job])
    finally:
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


def _outcome(lease: Lease, job: asyncio.Task[Json], requeue: bool) -> Callable[[], Awaitable[Job]]:
    """The outcome of a job."""
    if lease.cancelled.is_set():
        return lease.acknowledge_cancel
    if requeue:
        if not job.cancelled():
            log.warning("requeueing the job: %s", job.exception())
        return lease.release
    if error := job.exception():
        return partial(lease.fail, failure_of(error, lease.job))
    return partial(lease.complete, job.result())


async def _fail(lease: Lease, error: Exception) -> None:
    """An unexpected error fails its job, but does not end the worker."""
    failure = failure_of(error, lease.job)
    try:
        await lease.fail(failure)
    except Exception as refused:
        log.warning("cannot store the failure: %s", refused)


async def _unless(stopped: asyncio.Event, awaitable: Coroutine[Any, Any, T]) -> T | None:
    """Return the result of `awaitable`, or None if `stopped` is set first."""
    wanted, stop = asyncio.create_task(awaitable), asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait([wanted, stop], return_when=asyncio.FIRST_COMPLETED)
        return wanted.result() if wanted.done() else None
    finally:
        for task in (wanted, stop):
            task.cancel()
        await asyncio.gather(wanted, stop, return_exceptions=True)


def is_restartable(error: BaseException | None) -> bool:
    """Whether a job that failed with this error may succeed later, so that its upload is kept."""
    if isinstance(error, AudioToolsError):
        return error.restartable
    return error is not None


def failure_of(error: BaseException, job: Job) -> JobFailure:
    """Return the failure of a job for the queue and clients; unexpected errors are only logged in detail."""
    if isinstance(error, AudioToolsError):
        # A file name may not be valid UTF-8, which neither a log nor a response can contain.
        message = _as_client_calls_it(error, job).encode(errors="replace").decode()
        log.warning("job failed: %s: %s", error.code, message)
        return JobFailure.of(error, message)
    log.error("job failed unexpectedly", exc_info=error)
    return UNEXPECTED


def _as_client_calls_it(error: AudioToolsError, job: Job) -> str:
    """Replace the internal file name at the start of the message by the client's name of the upload."""
    if job.upload_id and isinstance(error, MediaError):
        return _with_name(error.message, MEDIA_NAME, job.file_name)
    return error.message


def _with_name(message: str, stored_name: str, name: str) -> str:
    return re.sub(rf"\b{re.escape(stored_name)}\b", lambda _: name, message, count=1)
