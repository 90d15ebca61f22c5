"""Route for the sound of a recording that a browser cannot play itself."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response
from starlette.types import Receive, Scope, Send

from audio_tools.backend import Backend
from audio_tools.errors import DecodeFailed, InvalidOption, MediaNotFound, PreviewsBusy, RangeNotSatisfiable
from audio_tools.jobs import Job
from audio_tools.media.preview import sound_preview
from audio_tools.server.error_responses import LenientJson
from audio_tools.server.openapi.document import RECORDING
from audio_tools.server.openapi.errors import OF_A_JOB, errors
from audio_tools.server.routes._parameters import JobId
from audio_tools.server.routes.media import HEADERS, require_source

MOST_DECODERS = 4
"""Previews that are decoded at once, each by a process."""
SLOT_WAIT_S = 5.0
"""How long a preview waits for another one to end (seconds); a player that seeks leaves one and opens one."""
IDLE_S = 20.0
"""A player that takes nothing for so long (seconds) is paused, and needs no process until it does."""
_RANGE = re.compile(r"bytes=([0-9]{1,15})-([0-9]{0,15})", re.ASCII)


@dataclass(frozen=True, slots=True)
class PreviewRoutes:
    """Dependencies of the route."""

    backend: Backend
    decoders: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_DECODERS))

    def router(self) -> APIRouter:
        """The route, to be mounted at the root."""
        router = APIRouter(default_response_class=LenientJson, tags=["jobs"])
        router.get(
            "/job/{job_id}/preview",
            summary="The sound of the recording as WAV",
            operation_id="getPreview",
            response_class=Response,
            responses=RECORDING
            | errors(*OF_A_JOB, MediaNotFound, DecodeFailed, PreviewsBusy, RangeNotSatisfiable),
        )(self.preview)
        return router

    async def preview(
        self,
        request: Request,
        job_id: JobId,
        range: Annotated[str, Header(description="One range of bytes; others are ignored.")] = "",
        ticket: Annotated[
            str, Query(description="Ticket of the address, where the service has a token.")
        ] = "",
    ) -> Response:
        """
        The transcribed audio stream as mono WAV with byte ranges, for players that do not know the format of
        the recording. It is decoded from the requested byte on, as fast as the client takes it.
        """
        del ticket  # checked by the access rules
        job = await self.backend.queue.get(job_id)
        await require_source(self.backend, job)
        return _Sound(self, job, range, head=getattr(request.state, "head", False))

    @asynccontextmanager
    async def decoder(self, wait_s: float | None) -> AsyncIterator[None]:
        """Context manager: the right to run a process. Raises PreviewsBusy."""
        try:
            async with asyncio.timeout(wait_s):
                await self.decoders.acquire()
        except TimeoutError:
            raise PreviewsBusy(MOST_DECODERS) from None
        try:
            yield
        finally:
            self.decoders.release()


class _Sound(Response):
    """Sends a part of the WAV while it is decoded."""

    def __init__(self, routes: PreviewRoutes, job: Job, wanted: str, *, head: bool) -> None:
        super().__init__()
        self._routes = routes
        self._job = job
        found = _RANGE.fullmatch(wanted)
        if found and found[2] and int(found[2]) < int(found[1]):
            found = None  # RFC 9110, 14.1.1: an invalid range, which is ignored
        self._partial = found is not None
        self._first = int(found[1]) if found else 0
        self._last = int(found[2]) if found and found[2] else None
        self._head = head

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope
        async with self._routes.backend.sources.opened(self._job) as path:
            sending = asyncio.create_task(self._send(path, send), name="send preview")
            leaving = asyncio.create_task(_until_left(receive), name="watch listener")
            try:
                await asyncio.wait([sending, leaving], return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (sending, leaving):
                    task.cancel()
                await asyncio.gather(sending, leaving, return_exceptions=True)
            if not sending.cancelled():
                sending.result()

    async def _send(self, path: Path, send: Send) -> None:
        position = _audio_stream(self._job)
        at, end = self._first, None
        wait_s: float | None = SLOT_WAIT_S
        # Each turn is a process: while the player is paused, none runs.
        while end is None or at < end:
            async with self._routes.decoder(wait_s), sound_preview(path, position, at) as sound:
                if end is None:
                    end = await self._begin(sound.size, send)
                taking = None
                async for block in sound.blocks:
                    part = block[: end - at]
                    at += len(part)
                    taking = await _taken_at_once(send, part, more=at < end)
                    if taking is not None or at >= end:
                        break
            if taking is not None:
                await taking
            wait_s = None

    async def _begin(self, size: int, send: Send) -> int:
        """Send the head of the response; returns where the part ends. Raises RangeNotSatisfiable."""
        if self._first >= size:
            raise RangeNotSatisfiable(size)
        end = size if self._last is None else min(self._last + 1, size)
        headers = HEADERS | {
            "Accept-Ranges": "bytes",
            "Content-Type": "audio/wav",
            "Content-Length": str(end - self._first),
        }
        if self._partial:
            headers["Content-Range"] = f"bytes {self._first}-{end - 1}/{size}"
        status = HTTPStatus.PARTIAL_CONTENT if self._partial else HTTPStatus.OK
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": int(status), "headers": pairs})
        if self._head:
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return self._first
        return end


def _audio_stream(job: Job) -> int | None:
    """The stream that the job transcribes, None: the file's default."""
    try:
        return job.options.audio_stream
    except InvalidOption:
        return None  # of a job that another producer added, and that has failed


async def _taken_at_once(send: Send, part: bytes, *, more: bool) -> asyncio.Task[None] | None:
    """Send a part; returns the task that still sends it where the client takes longer than IDLE_S."""
    sending = asyncio.create_task(_send_part(send, part, more=more), name="send part")
    try:
        done, _ = await asyncio.wait([sending], timeout=IDLE_S)
    except asyncio.CancelledError:
        sending.cancel()
        raise
    if not done:
        return sending
    return sending.result()


async def _send_part(send: Send, part: bytes, *, more: bool) -> None:
    await send({"type": "http.response.body", "body": part, "more_body": more})


async def _until_left(receive: Receive) -> None:
    """Return when the client has gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
