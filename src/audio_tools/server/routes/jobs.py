"""Routes for jobs: start, status, result, cancel."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, BinaryIO

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response, StreamingResponse

from audio_tools.backend import Backend
from audio_tools.errors import (
    DiskFull,
    JobCancelled,
    JobFinished,
    JobNotFinished,
    JobNotFound,
    MalformedRequest,
    QueueUnavailable,
    StorageError,
    shown,
)
from audio_tools.jobs import Job, JobFailure, JobPage, JobState
from audio_tools.options import Options
from audio_tools.server.error_responses import LenientJson
from audio_tools.server.multipart import receive_upload
from audio_tools.server.openapi.document import PENDING, START_BODY, UPLOAD_BODY, answers
from audio_tools.server.openapi.errors import (
    INVALID_REQUEST,
    OF_A_FAILED_JOB,
    OF_A_JOB,
    OF_A_RESTART,
    OF_A_START,
    OF_AN_UPLOAD,
    errors,
)
from audio_tools.server.routes._job_view import websocket_url
from audio_tools.server.routes._json_body import json_body, json_object, unknown_names
from audio_tools.server.routes._parameters import JobId
from audio_tools.server.routes.event_stream import AFTER, LONGEST_WAIT_S, EventStreams
from audio_tools.server.routes.exports import ExportRoutes
from audio_tools.server.views import Done, JobStatus, ListedJob, Pending, Started
from audio_tools.transcript import Json

JSON_BODY_BYTES = 65_536
BODY_FIELDS = {"path", "uploadId", "options"}
BLOCK_BYTES = 256 * 1024
JOBS_PER_PIECE = 50
MOST_JOBS = 1_000_000_000
"""Upper bound for `offset`; databases do not support larger numbers."""

DeleteToo = Annotated[
    bool | None,
    Query(
        description="`true`: delete the job, after cancelling it if it has not finished; 409 "
        "`job_not_finished` while it is being cancelled: repeat the request. `false`: cancel only; 409 "
        "`job_finished` if there is nothing to cancel. Omitted: by the state of the job at that moment."
    ),
]
IdempotencyKey = Annotated[
    str | None,
    Header(
        max_length=255,
        description="Idempotency key: a repeated request returns the job that the first one started.",
    ),
]


@dataclass(frozen=True, slots=True)
class JobRoutes:
    """Dependencies of the routes."""

    backend: Backend
    streams: EventStreams
    ws_port: int
    upload_idle_s: float

    def router(self) -> APIRouter:
        """The routes, to be mounted at the root."""
        router = APIRouter(default_response_class=LenientJson, tags=["jobs"])
        router.post(
            "/process-audio",
            summary="Upload a file and start a job",
            operation_id="processAudio",
            openapi_extra=UPLOAD_BODY,
            responses=answers("Started", "The job that was started, or that already existed.")
            | errors(*OF_AN_UPLOAD, *OF_A_START),
        )(self.process_audio)
        router.post(
            "/jobs",
            summary="Start a job on a path or a finished upload",
            operation_id="startJob",
            openapi_extra=START_BODY,
            responses=answers("Started", "The job that was started, or that already existed.")
            | errors(*OF_A_START),
        )(self.start_job)
        router.get(
            "/job/{job_id}/status",
            summary="Job status",
            operation_id="getJobStatus",
            responses=answers("JobStatus", "Current status of the job.") | errors(*OF_A_JOB, INVALID_REQUEST),
        )(self.status)
        ended = PENDING | errors(*OF_A_JOB, JobCancelled, *OF_A_FAILED_JOB)
        router.get(
            "/job/{job_id}/result",
            summary="Job result",
            operation_id="getJobResult",
            responses=answers("Result", "The transcript.") | ended,
        )(self.result)
        router.include_router(self.streams.router())
        exports = ExportRoutes(self.backend, self.result, self.upload_idle_s)
        router.include_router(exports.router())
        router.post(
            "/job/{job_id}/restart",
            summary="Restart a failed job",
            operation_id="restartJob",
            responses=answers("Started", "The job was requeued.") | errors(*OF_A_RESTART),
        )(self.restart)
        router.delete(
            "/job/{job_id}",
            summary="Cancel a job, or delete a finished one",
            operation_id="deleteJob",
            responses=answers("Done", "The job is cancelled, being cancelled, or deleted.")
            | errors(*OF_A_JOB, INVALID_REQUEST, JobFinished, JobNotFinished, StorageError, DiskFull),
        )(self.delete)
        router.get(
            "/job/{job_id}/webhooks",
            summary="Webhook deliveries of a job",
            operation_id="listWebhookDeliveries",
            responses=answers("Deliveries", "The deliveries so far.") | errors(*OF_A_JOB),
        )(self.deliveries)
        router.get(
            "/jobs",
            summary="List jobs",
            operation_id="listJobs",
            responses=answers("JobList", "A page of the list.") | errors(INVALID_REQUEST, QueueUnavailable),
        )(self.list)
        return router

    async def process_audio(
        self,
        request: Request,
        idempotency_key: IdempotencyKey = None,
    ) -> Response:
        """
        Start a job on a file in a form (`audioFile`, and `options` as JSON text before or after it). A JSON
        body (StartRequest) is accepted as at `POST /jobs`. A request with a known `Idempotency-Key` returns
        the existing job.
        """
        if request.headers.get("content-type", "").lower().startswith("application/json"):
            return await self.start_job(request, idempotency_key)
        key = idempotency_key or None
        if known := await self._known(request, key):
            return known
        return await self._start_from_upload(request, key)

    async def start_job(self, request: Request, idempotency_key: IdempotencyKey = None) -> Response:
        """
        Start a job on a file of the service's machine (`path`, under MEDIA_ROOTS) or on a finished resumable
        upload (`uploadId`). A known `Idempotency-Key` or `uploadId` returns the existing job.
        """
        key = idempotency_key or None
        if known := await self._known(request, key):
            return known
        return await self._start_from_json(request, key)

    async def _known(self, request: Request, key: str | None) -> Response | None:
        """
        Return the response for a known key. Also checks the queue before gigabytes are received for nothing.
        """
        if key and (job := await self.backend.find(key)):
            return self._started(request, job, [])
        await self.backend.queue.check()
        return None

    async def _start_from_upload(self, request: Request, key: str | None) -> Response:
        uploads = self.backend.uploads
        upload, text = await receive_upload(request, uploads, idle_s=self.upload_idle_s)
        try:
            options, unknown = Options.parse(_options_of(text))
        except BaseException:
            await uploads.remove(upload.id)
            raise
        job = await self.backend.start_with_upload(upload, options, key)
        return self._started(request, job, unknown)

    async def _start_from_json(self, request: Request, key: str | None) -> Response:
        body = await json_body(request, self.upload_idle_s, JSON_BODY_BYTES)
        options, unknown = Options.parse(body.get("options"))
        strays = sorted(set(body) - BODY_FIELDS)
        match body:
            case {"path": str(_), "uploadId": str(_)}:
                raise MalformedRequest(
                    "The body names both a path and an uploadId.", hint="Send one of them."
                )
            case {"path": str(path)}:
                job = await self.backend.start_with_path(path, options, key)
            case {"uploadId": str(upload_id)}:
                job = await self.backend.start_with_upload_id(upload_id, options, key)
            case _:
                raise _no_source(body)
        return self._started(request, job, unknown, strays)

    def _started(
        self, request: Request, job: Job, unknown: list[str], strays: Sequence[str] = ()
    ) -> Response:
        warnings = [*unknown_names("option", unknown), *unknown_names("field", strays)]
        address = websocket_url(request, self.ws_port, job.id)
        started = Started(job_id=job.id, websocket_url=address, warnings=warnings or None)
        return LenientJson(started.to_json())

    async def status(
        self,
        job_id: JobId,
        wait: Annotated[
            float,
            Query(ge=0, le=LONGEST_WAIT_S, description="Longest wait, seconds, for an event or the end."),
        ] = 0.0,
        after: Annotated[str | None, Query(description=AFTER)] = None,
    ) -> Response:
        """
        The current status of the job; `progress` is 0 to 100 and never decreases. With `wait` the reply
        waits for an event later than `after`, or without `after` for the end of the job. With `after` it has
        `events` and `lastEventId`, the `after` of the next request.
        """
        job, events = await self.streams.poll(job_id, after, wait)
        record = JobStatus.of(job).to_json()
        if events is not None:
            ids = [event["id"] for event in events if "id" in event]
            record |= {"events": events, "lastEventId": ids[-1] if ids else after}
        if job.state == JobState.COMPLETED:
            del record["result"]
            return await self._with_transcript(job, record, "result")
        return LenientJson(record)

    async def result(self, job_id: JobId) -> Response:
        """The transcript; 202 while the job is unfinished; the error's own status and body if it failed."""
        job = await self.backend.queue.get(job_id)
        if job.state == JobState.COMPLETED:
            return await self._with_transcript(job, {"success": True}, "result")
        if job.state == JobState.CANCELLED:
            raise JobCancelled(job.id)
        if job.state == JobState.FAILED:
            failure = job.error or JobFailure({})
            return LenientJson(failure.response_body(), failure.status)
        pending = Pending(message="The job has not finished.", state=job.state)
        return LenientJson(pending.to_json(), 202)

    async def restart(self, request: Request, job_id: JobId) -> Response:
        """
        Put a failed job back into the queue, with the same id, file and options. Chunks that were
        transcribed before are not sent again. An unfinished job is left unchanged.
        """
        return self._started(request, await self.backend.restart(job_id), [])

    async def delete(self, job_id: JobId, delete: DeleteToo = None) -> Response:
        """
        Cancel a waiting or running job: its decoder, requests and files are removed within a second. A
        finished job is deleted with all its data. `delete` chooses one of the two, whatever the job does
        meanwhile.
        """
        job = await self.backend.queue.get(job_id)
        if not job.finished:
            job = await self.backend.cancel(job_id)
            if not job.finished and delete:
                raise JobNotFinished(job_id, job.state)
            if not job.finished:
                return LenientJson(Done(message="Job is being cancelled").to_json())
            if job.state == JobState.CANCELLED and not delete:
                return LenientJson(Done(message="Job cancelled successfully").to_json())
            # The job finished just before.
        if delete is False:
            raise JobFinished(job_id, job.state)
        await self.backend.delete(job_id)
        return LenientJson(Done(message="Job deleted").to_json())

    async def deliveries(self, job_id: JobId) -> Response:
        """The webhook messages about the end of a job, with every attempt to deliver them."""
        found = await self.backend.deliveries(job_id)
        return LenientJson({"deliveries": [delivery.to_json() for delivery in found]})

    async def list(
        self,
        state: Annotated[list[JobState] | None, Query(description="Only jobs in these states.")] = None,
        limit: Annotated[int, Query(ge=1, le=10_000, description="Maximum number of jobs.")] = 1_000,
        offset: Annotated[int, Query(ge=0, le=MOST_JOBS, description="Number of jobs to skip.")] = 0,
    ) -> Response:
        """
        A page of jobs, `limit` jobs after the first `offset`: unfinished ones first, then the newest first.
        """
        page = await self.backend.queue.list(state, limit=limit, offset=offset)
        return StreamingResponse(_list_json(page), media_type="application/json")

    async def _with_transcript(self, job: Job, record: Json, name: str) -> Response:
        """Stream the record with the stored transcript as its last field, read from disk while sending."""
        try:
            file = await asyncio.to_thread(self.backend.transcripts.open, job.id)
        except FileNotFoundError:  # deleted a moment ago
            raise JobNotFound(job.id) from None
        head = (
            json.dumps(record, ensure_ascii=False)[:-1] + (", " if record else "") + json.dumps(name) + ": "
        )
        return StreamingResponse(
            _spliced(head.encode(errors="replace"), file, b"}"), media_type="application/json"
        )


def _list_json(page: JobPage) -> Iterator[bytes]:
    """Stream the list as JSON; each piece is made in a worker thread, so the event loop is not blocked."""
    yield b'{"jobs": ['
    for first in range(0, len(page.jobs), JOBS_PER_PIECE):
        jobs = [ListedJob.of(job).to_json() for job in page.jobs[first : first + JOBS_PER_PIECE]]
        text = json.dumps(jobs, ensure_ascii=False)[1:-1]
        yield ((", " if first else "") + text).encode(errors="replace")
    yield f'], "total": {page.total}}}'.encode()


async def _spliced(head: bytes, file: BinaryIO, tail: bytes) -> AsyncIterator[bytes]:
    try:
        yield head
        while block := await asyncio.to_thread(file.read, BLOCK_BYTES):
            yield block
        yield tail
    finally:
        file.close()


def _no_source(body: Json) -> MalformedRequest:
    for name in ("path", "uploadId"):
        if (value := body.get(name)) is not None and not isinstance(value, str):
            return MalformedRequest(f"The field {name} is {shown(value)}, but must be text.")
    return MalformedRequest(
        "The body names neither a path nor an uploadId.",
        hint='Send {"path": "…"} or {"uploadId": "…"}, or a multipart form with audioFile.',
    )


def _options_of(text: str | None) -> Json:
    # JavaScript sends `null` for options that are not set.
    return json_object(text, "The field options") if text and text.strip() not in {"", "null"} else {}
