"""
Resumable uploads: tus 1.0 with its extensions creation, creation-with-upload, creation-defer-length,
expiration, termination and checksum (https://tus.io/protocols/resumable-upload).

The offset of an upload is the size of its file, never a separate counter: after a crash the two could differ,
and the next bytes would be written to the wrong place. One request at a time uses an upload, and the newest
wins:
a client that asks for the offset or sends the rest has lost the connection that still appears to be open.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import NamedTuple

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from audio_tools.errors import (
    AudioToolsError,
    MalformedUpload,
    OffsetMismatch,
    UnsupportedTusVersion,
    UploadInterrupted,
    UploadTooLarge,
)
from audio_tools.server.error_responses import error_response
from audio_tools.server.request_body import Body, ClientGone, has_body, parse_size
from audio_tools.server.routes._tus_headers import (
    ALGORITHMS,
    Checksum,
    expected_bytes,
    file_name_of,
    progress_headers,
    relative_location,
    require_body_type,
)
from audio_tools.storage import Upload, UploadRecord, Uploads, UploadStatus

VERSION = "1.0.0"
EXTENSIONS = "creation,creation-with-upload,creation-defer-length,expiration,termination,checksum"
IDLE_S = 30.0
"""Seconds without data after which a PATCH is aborted; received bytes are kept."""


class TusApp:
    """
    ASGI app for the collection of uploads and for each of them; `routes` mounts it.

    The instance tracks the active request of each upload, so each process must use only one instance per
    store. Writers of other processes are detected by the file lock (423).
    """

    def __init__(
        self,
        uploads: Uploads,
        *,
        idle_s: float = IDLE_S,
        require_unused: Callable[[str], Awaitable[None]] | None = None,
    ) -> None:
        """`require_unused` raises UploadInUse for an upload that a job uses."""
        self._uploads = uploads
        self._require_unused = require_unused
        self._idle_s = idle_s
        self._present: dict[str, _Presence] = {}

    def routes(self, path: str) -> list[Route]:
        """The routes of the collection at `path` (`/files`) and of its members."""
        one = ["HEAD", "PATCH", "DELETE", "OPTIONS", "POST"]
        return [
            Route(path, self, methods=["POST", "OPTIONS"]),
            Route(f"{path}/", self, methods=["POST", "OPTIONS"]),
            Route(f"{path}/{{upload_id}}", self, methods=one),
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            response = await self._answer(Request(scope), Body(receive, self._idle_s, scope))
        except ClientGone:
            return
        except AudioToolsError as error:
            response = error_response(error)
        response.headers.update(
            {"Tus-Resumable": VERSION, "Tus-Version": VERSION, "Cache-Control": "no-store"}
        )
        await response(scope, receive, send)

    async def _answer(self, request: Request, body: Body) -> Response:
        # Some networks allow only GET and POST.
        method = request.headers.get("x-http-method-override", request.method).upper()
        if method == "OPTIONS":
            return self._describe()
        if request.headers.get("tus-resumable") != VERSION:
            raise UnsupportedTusVersion(f"The header Tus-Resumable must be {VERSION}.")
        match method, request.path_params.get("upload_id"):
            case "POST", None:
                return await self._create(request, body)
            case "PATCH", str(upload_id):
                return await self._append(upload_id, request.headers, body)
            case "HEAD", str(upload_id):
                return await self._report(upload_id, body)
            case "DELETE", str(upload_id):
                return await self._terminate(upload_id, body)
        raise HTTPException(405, headers={"Allow": "POST, HEAD, PATCH, DELETE, OPTIONS"})

    def _describe(self) -> Response:
        headers = {
            "Tus-Max-Size": str(self._uploads.max_bytes),
            "Tus-Extension": EXTENSIONS,
            "Tus-Checksum-Algorithm": ",".join(ALGORITHMS),
        }
        return Response(status_code=204, headers=headers)

    async def _create(self, request: Request, body: Body) -> Response:
        headers = request.headers
        if "upload-concat" in headers:
            raise MalformedUpload(
                "Concatenating partial uploads is not supported.",
                hint="Set parallelUploads to 1 in the client.",
            )
        length = self._length(headers)
        if length is not None and "upload-defer-length" in headers:
            raise MalformedUpload("Upload-Length and Upload-Defer-Length cannot be used together.")
        if length is None and headers.get("upload-defer-length") != "1":
            raise MalformedUpload("The header Upload-Length is missing.")
        metadata = headers.get("upload-metadata", "")
        record = UploadRecord(file_name_of(metadata), resumable=True, length=length, metadata=metadata)
        if has_body(headers):
            require_body_type(headers)
        checksum = Checksum.of(headers)
        expected = expected_bytes(headers, 0, length)
        async with self._uploads.writer() as writer:
            await self._uploads.reserve(writer, expected if length is None else length)
            await self._uploads.run(writer.begin, record)
            try:
                await self._take(body, writer, length, checksum)
                status = await self._uploads.status(writer.id)
            except BaseException:
                # Without a response the client does not learn the upload's URL, so it cannot resume it.
                await self._uploads.remove(writer.id)
                raise
        location = relative_location(request.url.path, status.id)
        return Response(status_code=201, headers=progress_headers(status) | {"Location": location})

    async def _append(self, upload_id: str, headers: Headers, body: Body) -> Response:
        require_body_type(headers)
        offset = parse_size(headers.get("upload-offset", ""), "Upload-Offset")
        checksum = Checksum.of(headers)
        async with self._alone_at(upload_id, body):
            status = await self._uploads.status(upload_id)
            _require_offset(status.offset, offset)
            length = await self._settle_length(status, headers)
            expected = expected_bytes(headers, offset, length)
            if not status.finished:
                async with self._uploads.writer() as writer:
                    await self._uploads.reserve(writer, expected)
                    await self._uploads.run(writer.resume, upload_id)
                    # Check again under the lock: another process may have written meanwhile.
                    _require_offset(writer.size, offset)
                    await self._take(body, writer, length, checksum)
            elif await anext(body, None) is not None:
                # A chunked body exceeds the length; dropping the excess silently would look like success.
                raise UploadTooLarge(status.offset)
            return Response(status_code=204, headers=progress_headers(await self._uploads.status(upload_id)))

    async def _report(self, upload_id: str, body: Body) -> Response:
        async with self._alone_at(upload_id, body):
            status = await self._uploads.status(upload_id)
        headers = progress_headers(status)
        if status.metadata:
            headers["Upload-Metadata"] = status.metadata
        if status.length is None:
            headers["Upload-Defer-Length"] = "1"
        else:
            headers["Upload-Length"] = str(status.length)
        return Response(headers=headers)

    async def _terminate(self, upload_id: str, body: Body) -> Response:
        async with self._alone_at(upload_id, body):
            await self._uploads.status(upload_id)
            async with self._uploads.hold(upload_id):
                if self._require_unused is not None:
                    await self._require_unused(upload_id)
                await self._uploads.remove(upload_id)
        return Response(status_code=204)

    @asynccontextmanager
    async def _alone_at(self, upload_id: str, body: Body) -> AsyncIterator[None]:
        """Become the only request of an upload: interrupt the current one and wait for it."""
        while (other := self._present.get(upload_id)) is not None:
            other.body.interrupt(UploadInterrupted())
            await other.left.wait()
        presence = self._present[upload_id] = _Presence(body, asyncio.Event())
        try:
            yield
        finally:
            del self._present[upload_id]
            presence.left.set()

    async def _take(self, body: Body, writer: Upload, length: int | None, checksum: Checksum | None) -> None:
        """
        Append the body. Bytes before an error are kept, unless their checksum failed or they exceed the
        length.
        """
        start = writer.size
        try:
            await body.pour(partial(_write, writer, length, checksum), self._uploads)
            if checksum is not None:
                checksum.verify()
        except BaseException as error:
            if checksum is not None or isinstance(error, UploadTooLarge):
                await self._uploads.run(writer.truncate, start)
            raise
        if writer.size == length:
            await self._uploads.run(writer.finish)

    async def _settle_length(self, status: UploadStatus, headers: Headers) -> int | None:
        """Return the length of an upload, if this or an earlier request declared it."""
        length = self._length(headers)
        if length is None or length == status.length:
            return status.length
        if status.length is not None or length < status.offset:
            raise MalformedUpload(f"Upload-Length {length} does not match the upload.")
        await self._uploads.set_length(status.id, length)
        return length

    def _length(self, headers: Headers) -> int | None:
        if "upload-length" not in headers:
            return None
        length = parse_size(headers["upload-length"], "Upload-Length")
        if length > self._uploads.max_bytes:
            raise UploadTooLarge(self._uploads.max_bytes)
        return length


class _Presence(NamedTuple):
    """The active request of an upload: its body, and an event for its end."""

    body: Body
    left: asyncio.Event


def _write(writer: Upload, length: int | None, checksum: Checksum | None, block: bytes) -> None:
    if length is not None and writer.size + len(block) > length:
        raise UploadTooLarge(length)
    if checksum is not None:
        checksum.update(block)
    writer.write(block)


def _require_offset(expected: int, got: int) -> None:
    if expected != got:
        raise OffsetMismatch(expected=expected, got=got)
