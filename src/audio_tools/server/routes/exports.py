"""The routes that turn a finished transcript into files: cut plans and exports."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from fastapi import Path as InPath
from fastapi.responses import Response

from audio_tools.errors import (
    EmptyTimeline,
    ExportError,
    InvalidOption,
    InvalidRange,
    JobCancelled,
    JobNotFound,
    NoWords,
    UnsupportedFrameRate,
)
from audio_tools.exports.export_options import ExportOptions
from audio_tools.exports.registry import FORMATS, Document, Export, render, require_format
from audio_tools.jobs import JobState, Queue
from audio_tools.server.error_responses import LenientJson
from audio_tools.server.openapi.document import EXPORTED, PENDING
from audio_tools.server.openapi.errors import INVALID_REQUEST, OF_A_FAILED_JOB, OF_A_JOB, errors
from audio_tools.storage.transcripts import TranscriptStore
from audio_tools.transcript import Transcript

JobId = Annotated[str, InPath(description="The `jobId` of the job.")]

OF_AN_EXPORT = (
    InvalidOption,
    ExportError,
    InvalidRange,
    EmptyTimeline,
    NoWords,
    UnsupportedFrameRate,
    INVALID_REQUEST,
)


@dataclass(frozen=True, slots=True)
class ExportRoutes:
    """
    What the routes work with. `unfinished` answers for a job without a transcript, as `/result` does.
    """

    queue: Queue
    transcripts: TranscriptStore
    unfinished: Callable[[str], Awaitable[Response]]

    def router(self) -> APIRouter:
        """The routes, to be mounted at the root."""
        router = APIRouter(default_response_class=LenientJson)
        of_a_job = PENDING | errors(*OF_A_JOB, JobCancelled, *OF_A_FAILED_JOB, *OF_AN_EXPORT)
        router.get(
            "/job/{job_id}/export",
            summary="Export the transcript",
            operation_id="exportJob",
            response_class=Response,
            responses=EXPORTED | of_a_job,
        )(self.export)
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

    async def _transcript(self, job_id: str) -> tuple[Transcript, str] | Response:
        """The transcript of a job and the name of its file; the answer to give if there is none."""
        job = await self.queue.get(job_id)
        if job.state != JobState.COMPLETED:
            return await self.unfinished(job_id)
        try:
            return await asyncio.to_thread(self.transcripts.get, job.id), job.file_name
        except FileNotFoundError:  # deleted a moment ago
            raise JobNotFound(job.id) from None

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


def _zipped(stem: str, documents: Sequence[Document]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for document in documents:
            archive.writestr(f"{stem}{document.suffix}".encode(errors="replace").decode(), document.data)
    return out.getvalue()


def attachment(name: str) -> str:
    """A Content-Disposition for any file name (RFC 6266)."""
    plain = "".join(
        char if char.isascii() and char.isprintable() and char not in '"\\' else "_" for char in name
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"
