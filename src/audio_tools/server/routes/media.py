"""Routes for the recording of a job: an address for playback, and the file itself with byte ranges."""

from __future__ import annotations

import asyncio
import mimetypes
import os
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Query
from fastapi.responses import FileResponse, Response
from starlette.datastructures import MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from audio_tools.backend import Backend
from audio_tools.errors import MediaNotFound, PathRefused, RangeNotSatisfiable, UploadError
from audio_tools.jobs import Job
from audio_tools.json_value import iso
from audio_tools.server.byte_ranges import satisfiable_ranges
from audio_tools.server.error_responses import LenientJson
from audio_tools.server.media_tickets import VALID_S, media_ticket
from audio_tools.server.openapi.document import RECORDING, answers
from audio_tools.server.openapi.errors import OF_A_JOB, errors
from audio_tools.server.routes._parameters import JobId
from audio_tools.server.views import MediaAddress

# Not every system knows them.
_TYPES = {
    ".mov": "video/quicktime",
    ".mkv": "video/x-matroska",
    ".mxf": "application/mxf",
    ".flac": "audio/flac",
}
HEADERS = {
    # A recording is played, never opened as a page, whatever its first bytes look like.
    "Content-Security-Policy": "sandbox; default-src 'none'; media-src 'self'",
    "Content-Disposition": "inline",
    "Cache-Control": "private, no-cache",
}


@dataclass(frozen=True, slots=True)
class MediaRoutes:
    """Dependencies of the routes; `token`: that of the service, if it has one."""

    backend: Backend
    token: str | None

    def router(self) -> APIRouter:
        """The routes, to be mounted at the root."""
        router = APIRouter(default_response_class=LenientJson, tags=["jobs"])
        of_media = errors(*OF_A_JOB, MediaNotFound)
        router.get(
            "/job/{job_id}/media-address",
            summary="Address of the recording",
            operation_id="getMediaAddress",
            responses=answers("MediaAddress", "The address.") | of_media,
        )(self.address)
        router.get(
            "/job/{job_id}/media",
            summary="The recording",
            operation_id="getMedia",
            response_class=Response,
            responses=RECORDING | of_media | errors(RangeNotSatisfiable),
        )(self.media)
        return router

    async def address(self, job_id: JobId) -> Response:
        """
        An address for a media element, relative to that of the service. Where the service has a token, the
        address contains a ticket that is valid for this recording for 12 hours.
        """
        job = await self.backend.queue.get(job_id)
        await require_source(self.backend, job)
        expires_at = int(time.time()) + VALID_S
        place, query = f"job/{quote(job.id)}", ""
        if self.token is not None:
            query = f"?ticket={media_ticket(self.token, job.id, expires_at)}"
        url, preview_url = f"{place}/media{query}", f"{place}/preview{query}"
        reply = MediaAddress(
            url=url, preview_url=preview_url, media_type=_type_of(job.file_name), expires_at=iso(expires_at)
        )
        return LenientJson(reply.to_json(), headers={"Cache-Control": "no-store"})

    async def media(
        self,
        job_id: JobId,
        ticket: Annotated[
            str, Query(description="Ticket of the address, where the service has a token.")
        ] = "",
    ) -> Response:
        """
        The file that the job was started with, with byte ranges. An upload is kept for KEEP_UPLOADS seconds
        after the end of its job, as long as there is room.
        """
        del ticket  # checked by the access rules
        job = await self.backend.queue.get(job_id)
        await require_source(self.backend, job)
        return _Recording(self.backend, job)


async def require_source(backend: Backend, job: Job) -> None:
    """Check that the recording of a job can be read. Raises MediaNotFound."""
    try:
        await backend.sources.path(job)
    except (UploadError, PathRefused):
        raise MediaNotFound(
            "The service no longer has the recording of this job.",
            hint="Choose the file again to play it, or set KEEP_UPLOADS.",
        ) from None


class _Recording(Response):
    """The file, which stays open while it is sent: it cannot be replaced by a link to another one."""

    def __init__(self, backend: Backend, job: Job) -> None:
        super().__init__()
        self._backend = backend
        self._job = job

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._backend.sources.opened(self._job) as path:
            found = await asyncio.to_thread(os.stat, path)

            async def send_in_one_shape(message: Message) -> None:
                if message["type"] == "http.response.start" and message["status"] >= HTTPStatus.BAD_REQUEST:
                    raise RangeNotSatisfiable(found.st_size)
                await send(message)

            file = FileResponse(
                path, media_type=_type_of(self._job.file_name), headers=HEADERS, stat_result=found
            )
            await file(_with_valid_ranges(scope, found.st_size), receive, send_in_one_shape)


def _with_valid_ranges(scope: Scope, size: int) -> Scope:
    """The request without ranges that are not valid or outside the file: FileResponse refuses them all."""
    headers = MutableHeaders(raw=list(scope["headers"]))
    if (wanted := headers.get("range")) is None:
        return scope
    if (ranges := satisfiable_ranges(wanted, size)) is None:
        del headers["range"]
    else:
        headers["range"] = ranges
    return {**scope, "headers": headers.raw}


def _type_of(file_name: str) -> str:
    """The media type of sound and picture; anything else is bytes, so that no browser renders it."""
    suffix = "." + file_name.rpartition(".")[2].lower()
    kind = _TYPES.get(suffix) or mimetypes.guess_type(f"media{suffix}", strict=False)[0] or ""
    return kind if kind.startswith(("audio/", "video/")) else "application/octet-stream"
