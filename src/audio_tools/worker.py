"""Take a job from the queue, make its transcript, say how it goes and how it ended."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

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
from audio_tools.jobs.job import Job, JobState
from audio_tools.jobs.outage_log import OutageLog
from audio_tools.logs import log_context
from audio_tools.metrics import JOBS_ENDED, MEDIA_SECONDS
from audio_tools.options import Options
from audio_tools.storage import MEDIA_NAME
from audio_tools.transcript import Json, Transcript

RETRY_S = 0.5
"""How long to wait, in seconds, before the queue is told again what it could not store."""

T = TypeVar("T")
Transcribe = Callable[[Path, Options, Callable[[Event], None]], Awaitable[Transcript]]
"""How a file becomes a transcript with the options of one job; see `transcribe.transcribe`."""

log = logging.getLogger(__name__)


class Worker:
    """Works on up to `slots` jobs at once until it is told to stop."""

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
        """Work until `stop`; returns when the last job is finished or given back."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(self._slots):
                tasks.create_task(self._work(), name=f"worker slot {number}")

    async def stop(self, grace_s: float) -> None:
        """Take no more jobs; give running ones so many seconds, then give them back to the queue."""
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
                    await _give_up(lease, error)

    async def _take(self) -> Lease | None:
        # Asked first: a job that is taken only to be given back has lost an attempt.
        if self._stopping.is_set():
            return None
        return await _unless(self._stopping, self._insist(self._backend.queue.take))

    async def _run(self, lease: Lease) -> None:
        """Do one job until it is done, cancelled, lost or interrupted, whichever comes first."""
        log.info("job started, attempt %d", lease.attempt)
        reporter = _Reporter(lease, self._insist)
        job = asyncio.create_task(self._make(lease.job, reporter.publish), name="transcribe")
        reporting = asyncio.create_task(reporter.run(), name="report")
        try:
            await _stop_at(job, lease.cancelled, lease.lost, self._interrupt)
            if lease.lost.is_set():
                raise LeaseLost
            # Asked once: a stop in between must not take back a job whose upload has gone.
            goes_back = self._goes_back(job)
            await self._clean_up(lease, job, goes_back)
            if not lease.cancelled.is_set():  # on a full disk they could not be stored
                reporter.finish()
                await reporting
            await self._end(lease, job, goes_back)
        finally:
            for task in (job, reporting):
                task.cancel()
            await asyncio.gather(job, reporting, return_exceptions=True)

    async def _make(self, job: Job, publish: Callable[[Event], None]) -> Json:
        """The job's transcript, stored; gives what the queue keeps of it."""
        with suppress(JobNotFound):
            # An earlier attempt died after it had stored it, and perhaps after it had removed the upload.
            return _summary(await self._backend.transcript(job.id))
        options, _ = Options.parse(job.data.get("options"))
        async with self._backend.opened_source(job) as path:
            try:
                transcript = await self._transcribe(path, options, publish)
            except MediaError as error:
                if not job.upload_id:
                    error.message = _with_name(error.message, path.name, job.file_name)
                raise
        await self._backend.store_transcript(job, transcript, self._outage_wait_s)
        if not transcript.dry_run:
            MEDIA_SECONDS.inc(transcript.duration)
        return _summary(transcript)

    def _goes_back(self, job: asyncio.Task[Json]) -> bool:
        """Whether the job, over here, is still to be done: it was interrupted, or is for other machines."""
        if job.cancelled():
            return True
        # Who stops us may have signalled the whole process group, and what reads the media died of that.
        passing = (QueueUnavailable, MediaError) if self._stopping.is_set() else QueueUnavailable
        return isinstance(job.exception(), passing)

    async def _clean_up(self, lease: Lease, job: asyncio.Task[Json], goes_back: bool) -> None:
        """Remove what the job no longer needs, before anything is stored: on a full disk that makes room."""
        if lease.cancelled.is_set():
            await self._backend.release_files(lease.job)
        elif not (goes_back or is_restartable(job.exception())):
            await self._backend.release_upload(lease.job)

    async def _end(self, lease: Lease, job: asyncio.Task[Json], goes_back: bool) -> None:
        """Tell the queue how it ended."""
        ended = await self._insist(_outcome(lease, job, goes_back))
        if ended.state is JobState.CANCELLED:  # perhaps only just now
            await self._backend.release_files(lease.job)
        if ended.finished:
            JOBS_ENDED.labels(ended.state).inc()
            if ended.state is not JobState.FAILED:  # that was logged with its reason
                log.info("job %s", ended.state)
        else:
            log.info("job requeued")

    async def _insist(self, tell: Callable[[], Awaitable[T]]) -> T:
        """
        Ask or tell the queue until it answers: finished work is not lost to an outage.

        Raises:
            QueueUnavailable, DiskFull: it does not answer, and the grace that `stop` gave is over.
        """
        while True:
            try:
                answer = await tell()
            except (QueueUnavailable, DiskFull) as error:
                self._outage.failed(error)
                if self._interrupt.is_set():
                    raise
                await _unless(self._interrupt, asyncio.sleep(RETRY_S))
            else:
                self._outage.passed()
                return answer


class _Reporter:
    """Hands events to the queue in order; of progress that piles up only the newest is worth telling."""

    def __init__(
        self, lease: Lease, insist: Callable[[Callable[[], Awaitable[None]]], Awaitable[None]]
    ) -> None:
        self._lease = lease
        self._insist = insist
        # As many as the job has chunks at the most: it waits for the engine far longer than we for the queue.
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()

    def publish(self, event: Event) -> None:
        self._events.put_nowait(event)

    def finish(self) -> None:
        """Nothing more comes: `run` returns when all is told."""
        self._events.put_nowait(None)

    async def run(self) -> None:
        """Raises LeaseLost, and what the queue refuses for good."""
        while (event := await self._events.get()) is not None:
            newer = not self._events.empty()
            if not (newer and isinstance(event, Progress)):
                await self._tell(event)

    async def _tell(self, event: Event) -> None:
        record = event.to_json()
        kind = record.pop("type")
        await self._insist(lambda: self._lease.report(kind, record))


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


def _outcome(lease: Lease, job: asyncio.Task[Json], goes_back: bool) -> Callable[[], Awaitable[Job]]:
    """What is to be told of a job that is over."""
    if lease.cancelled.is_set():
        return lease.acknowledge_cancel
    if goes_back:
        if not job.cancelled():
            log.warning("requeueing the job: %s", job.exception())
        return lease.release
    if error := job.exception():
        return partial(lease.fail, to_record(error, lease.job))
    return partial(lease.complete, job.result())


async def _give_up(lease: Lease, error: Exception) -> None:
    """A mistake of ours ends its job, not the worker."""
    record = to_record(error, lease.job)
    try:
        await lease.fail(record)
    except Exception as refused:
        log.warning("cannot store the failure: %s", refused)


async def _unless(stopped: asyncio.Event, awaitable: Coroutine[Any, Any, T]) -> T | None:
    """What `awaitable` gives, or None if `stopped` is set first."""
    wanted, stop = asyncio.create_task(awaitable), asyncio.create_task(stopped.wait())
    try:
        await asyncio.wait([wanted, stop], return_when=asyncio.FIRST_COMPLETED)
        return wanted.result() if wanted.done() else None
    finally:
        for task in (wanted, stop):
            task.cancel()
        await asyncio.gather(wanted, stop, return_exceptions=True)


def _summary(transcript: Transcript) -> Json:
    return {
        "totalDuration": transcript.duration,
        "words": len(transcript.words),
        "silences": len(transcript.silences),
        "successRate": transcript.success_rate,
    }


def is_restartable(error: BaseException | None) -> bool:
    """Whether a job that failed with this error may succeed later, so that its upload is worth keeping."""
    if isinstance(error, AudioToolsError):
        return error.restartable
    return error is not None


def to_record(error: BaseException, job: Job) -> Json:
    """An error as the queue keeps it and clients see it; what is not ours is logged and kept private."""
    if isinstance(error, AudioToolsError):
        # A file's name may be no text, which neither a log nor an answer can hold.
        message = _as_client_calls_it(error, job).encode(errors="replace").decode()
        log.warning("job failed: %s: %s", error.code, message)
        return {
            "code": error.code,
            "message": message,
            **({"hint": error.hint} if error.hint else {}),
            "status": error.status,
            "retryable": error.retryable,
            "restartable": error.restartable,
            **error.facts(),
        }
    log.error("job failed unexpectedly", exc_info=error)
    return {
        "code": AudioToolsError.code,
        "message": "An unexpected error stopped this job.",
        "hint": "See the log of the service.",
        "status": 500,
        "retryable": False,
        "restartable": True,
    }


def _as_client_calls_it(error: AudioToolsError, job: Job) -> str:
    """The message with the client's name of an upload for ours, which comes first where it comes at all."""
    if job.upload_id and isinstance(error, MediaError):
        return _with_name(error.message, MEDIA_NAME, job.file_name)
    return error.message


def _with_name(message: str, ours: str, name: str) -> str:
    return re.sub(rf"\b{re.escape(ours)}\b", lambda _: name, message, count=1)
