"""Routes for cut plans and exports of a finished transcript."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import quote

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response

from audio_tools.backend import Backend
from audio_tools.errors import (
    EmptyTimeline,
    ExportError,
    InvalidOption,
    InvalidRange,
    JobCancelled,
    MalformedRequest,
    NoWords,
    PeaksNotFound,
    UnsupportedFrameRate,
    UnsupportedMediaType,
)
from audio_tools.exports.cut_options import CutOptions
from audio_tools.exports.cut_plan import CutPlan, plan_transcript
from audio_tools.exports.export import Export
from audio_tools.exports.export_options import ExportOptions
from audio_tools.exports.plan_input import plan_from_json
from audio_tools.exports.plan_json import plan_document
from audio_tools.exports.registry import FORMATS, Document, render, require_format
from audio_tools.jobs import JobState
from audio_tools.server.error_responses import LenientJson
from audio_tools.server.openapi.document import EXPORTED, PEAKS, PENDING, answers, json_request
from audio_tools.server.openapi.errors import INVALID_REQUEST, OF_A_FAILED_JOB, OF_A_JOB, errors
from audio_tools.server.routes._json_body import json_body, unknown_names
from audio_tools.server.routes._parameters import JobId
from audio_tools.transcript import Json, Transcript

BODY_BYTES = 64 * 1024 * 1024
"""Maximum size of the body: a plan of 100,000 ranges has about 30 MB."""

LONGEST_S = 1e9

OF_AN_EXPORT = (
    InvalidOption,
    ExportError,
    InvalidRange,
    EmptyTimeline,
    NoWords,
    UnsupportedFrameRate,
    INVALID_REQUEST,
)


PARTIAL = (
    "Of a running job: what has been measured so far. Without it, or before anything has been, the response "
    "is 202."
)


@dataclass(frozen=True, slots=True)
class ExportRoutes:
    """
    Dependencies of the routes. `unfinished` renders the response for a job without a transcript.
    """

    backend: Backend
    unfinished: Callable[[str], Awaitable[Response]]
    idle_s: float

    def router(self) -> APIRouter:
        """The routes, to be mounted at the root."""
        router = APIRouter(default_response_class=LenientJson)
        of_a_job = (*OF_A_JOB, JobCancelled, *OF_A_FAILED_JOB, *OF_AN_EXPORT)
        of_a_body = PENDING | errors(*of_a_job, MalformedRequest, UnsupportedMediaType)
        router.get(
            "/job/{job_id}/export",
            summary="Export the transcript",
            operation_id="exportJob",
            response_class=Response,
            responses=EXPORTED | PENDING | errors(*of_a_job),
        )(self.export)
        router.post(
            "/job/{job_id}/export",
            operation_id="exportJobWith",
            summary="Export the transcript with options or a cut plan",
            response_class=Response,
            openapi_extra=json_request("ExportRequest"),
            responses=EXPORTED | of_a_body,
        )(self.export_with)
        router.post(
            "/job/{job_id}/cut-plan",
            operation_id="planCut",
            summary="Plan a cut",
            openapi_extra=json_request("CutOptions", required=False),
            responses=answers("PlannedCut", "The cut plan.") | of_a_body,
        )(self.cut_plan)
        router.get(
            "/job/{job_id}/peaks",
            operation_id="getPeaks",
            summary="Waveform",
            response_class=Response,
            responses=PEAKS
            | PENDING
            | errors(*OF_A_JOB, JobCancelled, *OF_A_FAILED_JOB, PeaksNotFound, INVALID_REQUEST),
        )(self.peaks)
        return router

    async def export(
        self,
        job_id: JobId,
        format: Annotated[
            str, Query(description="Format of the file.", json_schema_extra={"enum": [*FORMATS]})
        ],
        mediaPath: Annotated[
            str | None,
            Query(description="Path or URL of the media as the editing program sees it.", max_length=4096),
        ] = None,
    ) -> Response:
        """The transcript in another format. Sequences are cut by the default cut plan."""
        name = require_format(format)
        options = ExportOptions(media_path=mediaPath or None)
        found = await self._transcript(job_id)
        if isinstance(found, Response):
            return found
        transcript, file_name = found
        return await self._file(name, Export(transcript, file_name, options=options))

    async def export_with(self, job_id: JobId, request: Request) -> Response:
        """
        The transcript in another format, with export options and a cut plan. With a plan captions and text
        have the times of the cut sequence.
        """
        body = await json_body(request, self.idle_s, BODY_BYTES)
        name, given = body.pop("format", None), body.pop("cutPlan", None)
        if not isinstance(name, str):
            raise InvalidOption("format", name, f"one of {', '.join(FORMATS)}", required=True)
        name = require_format(name)
        options, _ = ExportOptions.parse(body, "body")
        if given is not None and not isinstance(given, dict):
            raise MalformedRequest("The field cutPlan must be a JSON object.")
        found = await self._transcript(job_id)
        if isinstance(found, Response):
            return found
        plan = None if given is None else await asyncio.to_thread(_plan, given, *found)
        return await self._file(name, Export(*found, plan, options))

    async def cut_plan(self, job_id: JobId, request: Request) -> Response:
        """
        Plan which ranges of the media stay in a cut sequence, from the stored transcript. Words that stay are
        never cut.
        """
        body = await json_body(request, self.idle_s, BODY_BYTES, optional=True)
        options, unknown = CutOptions.parse(body, "body")
        found = await self._transcript(job_id)
        if isinstance(found, Response):
            return found
        reply = await asyncio.to_thread(_planned, options, *found, unknown_names("option", unknown))
        return Response(reply, media_type="application/json")

    async def peaks(
        self,
        job_id: JobId,
        *,
        samplesPerPixel: Annotated[
            Literal["256", "1024", "4096"], Query(description="Samples, at 16 kHz, of a pixel.")
        ] = "256",
        format: Annotated[
            Literal["json", "dat"], Query(description="audiowaveform version 2: JSON or binary.")
        ] = "json",
        start: Annotated[float | None, Query(ge=0, le=LONGEST_S, description="Start, seconds.")] = None,
        end: Annotated[float | None, Query(ge=0, le=LONGEST_S, description="End, seconds.")] = None,
        partial: Annotated[bool, Query(description=PARTIAL)] = False,
        if_none_match: Annotated[str | None, Header(description="The ETag of an earlier reply.")] = None,
    ) -> Response:
        """
        The waveform: the lowest and the highest sample of each pixel, in 8 bits, of all channels mixed, or of
        each with `channelMode: separate`.
        """
        job = await self.backend.queue.get(job_id)
        complete = job.state == JobState.COMPLETED
        if not complete and not (partial and job.state == JobState.ACTIVE):
            return await self.unfinished(job_id)
        store = self.backend.transcripts
        try:
            peaks = await asyncio.to_thread(store.peaks if complete else store.partial_peaks, job.id)
        except FileNotFoundError:
            if complete:
                raise PeaksNotFound(job.id) from None
            return await self.unfinished(job_id)
        wanted = peaks.coarser(int(samplesPerPixel)).between(start, end)
        data = wanted.to_dat()
        tag = blake2b(data, digest_size=12).hexdigest()
        headers = {"ETag": f'"{tag}-{format}"', "Cache-Control": "no-cache"}
        if if_none_match == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        if format == "dat":
            return Response(data, media_type="application/octet-stream", headers=headers)
        return LenientJson(wanted.to_json(), headers=headers)

    async def _transcript(self, job_id: str) -> tuple[Transcript, str] | Response:
        """Return the transcript of a job and the name of its file, or the response if there is none."""
        job = await self.backend.queue.get(job_id)
        if job.state != JobState.COMPLETED:
            return await self.unfinished(job_id)
        return await self.backend.transcript(job.id), job.file_name

    async def _file(self, name: str, export: Export) -> Response:
        documents = await asyncio.to_thread(render, name, export)
        stem = Path(export.file_name).stem
        if len(documents) == 1:
            suffix, data, kind = documents[0].suffix, documents[0].data, FORMATS[name].media_type
        else:
            suffix, kind = f"{FORMATS[name].extension}.zip", "application/zip"
            data = await asyncio.to_thread(_zipped, stem, documents)
        headers = {"Content-Disposition": attachment(stem + suffix)}
        return Response(data, media_type=kind, headers=headers)


def _plan(given: Json, transcript: Transcript, file_name: str) -> CutPlan:
    """Return the plan that the client sent, or compute one from its options."""
    if "timebase" in given:
        return plan_from_json(given, transcript, file_name)
    return plan_transcript(transcript, file_name, CutOptions.parse(given, "cutPlan")[0])


def _planned(options: CutOptions, transcript: Transcript, file_name: str, warnings: list[str]) -> bytes:
    plan = plan_document(plan_transcript(transcript, file_name, options)).to_json_text()
    more = b', "warnings": ' + json.dumps(warnings).encode() if warnings else b""
    return b'{"success": true, ' + plan[1:-1] + more + b"}"


def _zipped(stem: str, documents: Sequence[Document]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for document in documents:
            archive.writestr(f"{stem}{document.suffix}".encode(errors="replace").decode(), document.data)
    return out.getvalue()


def attachment(name: str) -> str:
    """Return a Content-Disposition for any file name (RFC 6266)."""
    plain = "".join(
        char if char.isascii() and char.isprintable() and char not in '"\\' else "_" for char in name
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"
