"""The routes about jobs: start one, see how it goes, fetch what came out, cancel it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, BinaryIO
from urllib.parse import quote

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from audio_tools.errors import InvalidOption, JobCancelled, JobNotFound, MalformedRequest, PathRefused
from audio_tools.exports.files import FORMATS, MEDIA_TYPES
from audio_tools.jobs import Job, JobState, Queue
from audio_tools.options import Options
from audio_tools.server.body import Body
from audio_tools.server.multipart import receive_upload
from audio_tools.store import TranscriptStore
from audio_tools.transcript import Json
from audio_tools.uploads import UploadStore

CANCEL_WAIT_S = 2.0
"""How long a DELETE waits for the worker to let go; the state says the rest."""
JSON_BODY_BYTES = 65_536
BLOCK_BYTES = 256 * 1024
MOST_JOBS = 1_000_000_000
"""No list is longer: larger numbers are no places in it, and databases cannot count so far."""


@dataclass(frozen=True, slots=True)
class JobRoutes:
    """What the routes work with."""

    queue: Queue
    uploads: UploadStore
    transcripts: TranscriptStore
    media_roots: tuple[Path, ...]
    ws_port: int
    upload_idle_s: float

    def router(self) -> APIRouter:
        """The routes, to be mounted at the root."""
        router = APIRouter()
        start = router.post("/process-audio", summary="Start a job", openapi_extra=_body_schema())
        start(self.process_audio)
        router.get("/job/{job_id}/status", summary="How a job is doing")(self.status)
        router.get("/job/{job_id}/result", summary="What came out")(self.result)
        router.get("/job/{job_id}/export", summary="The transcript as a file")(self.export)
        router.delete("/job/{job_id}", summary="Cancel a job, or delete one that has ended")(self.delete)
        router.get("/jobs", summary="All jobs, in order of creation")(self.list)
        return router

    async def process_audio(
        self, request: Request, idempotency_key: Annotated[str | None, Header(max_length=255)] = None
    ) -> Json:
        """
        Start a job on an upload (`multipart/form-data`: `audioFile`, and `options` as JSON text), or, with a
        JSON body, on a file of this machine (`path`, under MEDIA_ROOTS) or a finished resumable upload
        (`uploadId`). A repeated `Idempotency-Key` gives the job that is there, as does a repeated `uploadId`.
        """
        if idempotency_key and (known := await self.queue.find(idempotency_key)):
            return self._started(request, known, [])
        if request.headers.get("content-type", "").startswith("application/json"):
            return await self._start_from_json(request, idempotency_key)
        return await self._start_from_upload(request, idempotency_key)

    async def _start_from_upload(self, request: Request, key: str | None) -> Json:
        upload, text = await receive_upload(request, self.uploads, idle_s=self.upload_idle_s)
        try:
            options, unknown = Options.parse(_options_of(text))
            data = {"uploadId": upload.id, "fileName": upload.name, "fileSize": upload.size}
            added = await self.queue.add(data | _options_json(options), idempotency_key=key)
        except BaseException:
            await self.uploads.remove(upload.id)
            raise
        if not added.new:
            await self.uploads.remove(upload.id)
        return self._started(request, added.job, unknown)

    async def _start_from_json(self, request: Request, key: str | None) -> Json:
        body = await _json_body(request, self.upload_idle_s)
        given = {} if body.get("options") is None else body["options"]
        if not isinstance(given, dict):
            raise MalformedRequest("The field options must be a JSON object.")
        options, unknown = Options.parse(given)
        match body:
            case {"path": str(path)}:
                file, size = await asyncio.to_thread(resolve_media, path, self.media_roots)
                data: Json = {"path": str(file), "fileName": file.name, "fileSize": size}
            case {"uploadId": str(upload_id)}:
                # The upload goes when its job ends, so there is one job for it however often it is named.
                key = key or f"upload:{upload_id}"
                if known := await self.queue.find(key):
                    return self._started(request, known, unknown)
                upload = await self.uploads.open(upload_id)
                data = {"uploadId": upload.id, "fileName": upload.name, "fileSize": upload.size}
            case _:
                raise MalformedRequest(
                    "The body names neither a path nor an uploadId.",
                    hint='Send {"path": "…"} or {"uploadId": "…"}, or a multipart form with audioFile.',
                )
        added = await self.queue.add(data | _options_json(options), idempotency_key=key)
        return self._started(request, added.job, unknown)

    def _started(self, request: Request, job: Job, unknown: list[str]) -> Json:
        answer: Json = {
            "success": True,
            "jobId": job.id,
            "message": "Audio processing job started",
            "websocketUrl": websocket_url(request, self.ws_port, job.id),
        }
        if unknown:
            answer["warnings"] = [f"The option {name} is unknown and was ignored." for name in unknown]
        return answer

    async def status(self, job_id: str) -> Response:
        """The job as it is now; `progress` is 0 to 100 and never goes back."""
        job = await self.queue.get(job_id)
        record = status_json(job)
        if job.state == JobState.COMPLETED:
            del record["result"]
            return await self._with_transcript(job, record, "result")
        return JSONResponse(record)

    async def result(self, job_id: str) -> Response:
        """The transcript; 202 while there is none yet; the error's own status and body if the job failed."""
        job = await self.queue.get(job_id)
        if job.state == JobState.COMPLETED:
            return await self._with_transcript(job, {"success": True}, "result")
        if job.state == JobState.CANCELLED:
            raise JobCancelled(job.id)
        if job.state == JobState.FAILED:
            error = dict(job.error or {})
            status = int(error.pop("status", 500))
            return JSONResponse(
                {"success": False, "error": error.pop("code", "internal_error"), **error}, status
            )
        message = "The job is not finished yet."
        return JSONResponse({"success": False, "message": message, "state": job.state}, 202)

    async def export(
        self, job_id: str, format: Annotated[str, Query(description=f"One of {', '.join(FORMATS)}.")]
    ) -> Response:
        """The transcript as a file of another kind."""
        if (name := format.strip().lower()) not in FORMATS:
            raise InvalidOption("format", format, f"one of {', '.join(FORMATS)}")
        job = await self.queue.get(job_id)
        if job.state != JobState.COMPLETED:
            return await self.result(job_id)
        try:
            transcript = await asyncio.to_thread(self.transcripts.get, job.id)
        except FileNotFoundError:  # deleted a moment ago
            raise JobNotFound(job.id) from None
        text = await asyncio.to_thread(FORMATS[name], transcript)
        stem = Path(job.data.get("fileName") or job.id).stem
        headers = {"Content-Disposition": _attachment(f"{stem}.{name}")}
        return Response(text, media_type=MEDIA_TYPES[name], headers=headers)

    async def delete(self, job_id: str) -> Json:
        """
        Cancel a waiting or running job: its FFmpeg, its requests and its files are gone within a second.
        A job that has ended is deleted with all its data.
        """
        job = await self.queue.get(job_id)
        if not job.finished:
            await self.queue.cancel(job_id)
            try:
                async with asyncio.timeout(CANCEL_WAIT_S):
                    job = await self.queue.wait_until_finished(job_id)
            except TimeoutError:
                return {"success": True, "message": "Job is being cancelled"}
            if job.state == JobState.CANCELLED:
                await self.forget_files(job)
                return {"success": True, "message": "Job cancelled successfully"}
            # It ended by itself just before.
        await self.queue.delete(job_id)
        await self.forget_files(job)
        return {"success": True, "message": "Job deleted"}

    async def list(
        self,
        state: Annotated[list[JobState] | None, Query(description="Only jobs in these states.")] = None,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1_000,
        offset: Annotated[int, Query(ge=0, le=MOST_JOBS)] = 0,
    ) -> Json:
        """All jobs in order of creation, `limit` of them after the first `offset`."""
        page = await self.queue.list(state, limit=limit, offset=offset)
        fields = ("jobId", "state", "progress", "data", "error")
        jobs = [{"id": job.number} | {name: status_json(job)[name] for name in fields} for job in page.jobs]
        return {"jobs": jobs, "total": page.total}

    async def forget_files(self, job: Job) -> None:
        """Remove the files of a job that has ended."""
        if upload := job.data.get("uploadId"):
            await self.uploads.remove(upload)
        await asyncio.to_thread(self.transcripts.remove, job.id)

    async def _with_transcript(self, job: Job, record: Json, name: str) -> Response:
        """The record with the stored transcript as its last field, read from disk as it is sent."""
        try:
            file = await asyncio.to_thread(self.transcripts.path(job.id).open, "rb")
        except FileNotFoundError:  # deleted a moment ago
            raise JobNotFound(job.id) from None
        head = json.dumps(record)[:-1] + (", " if record else "") + json.dumps(name) + ": "
        return StreamingResponse(_spliced(head.encode(), file, b"}"), media_type="application/json")


async def _spliced(head: bytes, file: BinaryIO, tail: bytes) -> AsyncIterator[bytes]:
    try:
        yield head
        while block := await asyncio.to_thread(file.read, BLOCK_BYTES):
            yield block
        yield tail
    finally:
        file.close()


async def _json_body(request: Request, idle_s: float) -> Json:
    """A JSON object of at most 64 KiB."""
    body = bytearray()
    async for block in Body(request.receive, idle_s):
        body += block
        if len(body) > JSON_BODY_BYTES:
            raise MalformedRequest(f"The JSON body is larger than {JSON_BODY_BYTES} bytes.")
    return _json_object(bytes(body), "The body")


def _body_schema() -> Json:
    """What `/process-audio` takes, for the OpenAPI document: FastAPI does not see the bodies."""
    form = {
        "type": "object",
        "required": ["audioFile"],
        "properties": {
            "audioFile": {"type": "string", "format": "binary", "description": "The audio or video file."},
            "options": {"type": "string", "description": "The options as JSON text."},
        },
    }
    named = {
        "type": "object",
        "properties": {
            "path": {"type": "string", "description": "Absolute path of a file under MEDIA_ROOTS."},
            "uploadId": {"type": "string", "description": "A finished resumable upload."},
            "options": Options.model_json_schema(by_alias=True),
        },
        "oneOf": [{"required": ["path"]}, {"required": ["uploadId"]}],
    }
    kinds = {"multipart/form-data": form, "application/json": named}
    content = {kind: {"schema": schema} for kind, schema in kinds.items()}
    return {"requestBody": {"required": True, "content": content}}


def _json_object(text: bytes | str, what: str) -> Json:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedRequest(f"{what} is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise MalformedRequest(f"{what} must be a JSON object.")
    return value


def _options_of(text: str | None) -> Json:
    return _json_object(text, "The field options") if text and text.strip() else {}


def _options_json(options: Options) -> Json:
    return {"options": options.model_dump(by_alias=True, exclude_none=True)}


def resolve_media(path: str, roots: Sequence[Path]) -> tuple[Path, int]:
    """
    The regular file that `path` names, links followed, if it lies under one of `roots`; and its bytes.

    Raises:
        PathRefused: it does not, or it is no regular file, or there is no such file: one answer for all, so
            that nobody can find out what there is. Also if no roots are set.
    """
    if not roots:
        raise PathRefused("Paths are not taken here.", hint="Set MEDIA_ROOTS to the folders that hold media.")
    refused = PathRefused(
        "The path names no file under MEDIA_ROOTS.", hint="Give the absolute path of a file in one of them."
    )
    try:
        resolved = Path(path).resolve(strict=True)
        inside = any(resolved.is_relative_to(root.resolve()) for root in roots)
        if inside and Path(path).is_absolute() and resolved.is_file():
            return resolved, resolved.stat().st_size
    except (OSError, ValueError, RuntimeError):
        pass
    raise refused


def status_json(job: Job) -> Json:
    """A job as clients see it; times are ISO 8601 in UTC."""
    error = job.error or {}
    return {
        "jobId": job.id,
        "state": job.state,
        "progress": round(job.progress, 1),
        "data": {key: value for key, value in job.data.items() if key != "path"},
        "result": None,
        "error": error.get("message"),
        "errorCode": error.get("code"),
        "message": job.message,
        "stage": job.stage,
        "etaSeconds": job.eta_s,
        "createdAt": iso(job.created_at),
        "startedAt": iso(job.started_at),
        "finishedAt": iso(job.finished_at),
        "attempts": job.attempts,
    }


def iso(epoch_s: float | None) -> str | None:
    """A moment as clients see it."""
    return (
        None if epoch_s is None else datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds")
    )


def websocket_url(request: Request, ws_port: int, job_id: str) -> str:
    """
    Where this client finds the job's events: the host that it used, and the WebSocket port.

    A client that came through a proxy, by a name and port that are not ours, goes back the same way.
    """
    host, own_port = request.url.hostname or "127.0.0.1", request.scope["server"][1]
    if request.url.port not in {own_port, None} or request.headers.get("x-forwarded-proto"):
        secure = request.headers.get("x-forwarded-proto", request.url.scheme) == "https"
        return f"{'wss' if secure else 'ws'}://{request.url.netloc}/?jobId={job_id}"
    name = f"[{host}]" if ":" in host else host
    return f"ws://{name}:{ws_port}/?jobId={job_id}"


def _attachment(name: str) -> str:
    """A Content-Disposition for any file name (RFC 6266)."""
    plain = "".join(
        char if char.isascii() and char.isprintable() and char not in '"\\' else "_" for char in name
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
