"""What the headers of tus mean."""

from __future__ import annotations

import base64
import hashlib
from email.utils import formatdate
from typing import Self

from starlette.datastructures import Headers

from audio_tools.errors import ChecksumMismatch, MalformedUpload, UnsupportedMediaType, UploadTooLarge
from audio_tools.server.request_body import content_length
from audio_tools.storage import UploadStatus

ALGORITHMS = ("sha1", "sha256")
BODY_TYPE = "application/offset+octet-stream"
METADATA_BYTES = 4_096


class Checksum:
    """What a request's bytes must hash to."""

    def __init__(self, algorithm: str, expected: bytes) -> None:
        self._hash = hashlib.new(algorithm, usedforsecurity=False)
        self._expected = expected

    @classmethod
    def of(cls, headers: Headers) -> Self | None:
        """The one in `Upload-Checksum`, None if there is none. Raises MalformedUpload."""
        if "upload-checksum" not in headers:
            return None
        algorithm, _, encoded = headers["upload-checksum"].partition(" ")
        if algorithm not in ALGORITHMS:
            raise MalformedUpload(f"Upload-Checksum must use {' or '.join(ALGORITHMS)}.")
        return cls(algorithm, _from_base64(encoded, "Upload-Checksum"))

    def update(self, block: bytes) -> None:
        """Take the next bytes."""
        self._hash.update(block)

    def verify(self) -> None:
        """Raises ChecksumMismatch."""
        if self._hash.digest() != self._expected:
            raise ChecksumMismatch


def file_name_of(metadata: str) -> str:
    """The client's file name in an `Upload-Metadata` header, or nothing. Raises MalformedUpload."""
    if len(metadata) > METADATA_BYTES:
        raise MalformedUpload(f"Upload-Metadata is longer than {METADATA_BYTES} bytes.")
    values = {}
    for entry in filter(None, metadata.split(",")):
        key, _, value = entry.strip().partition(" ")
        values[key] = _from_base64(value, "Upload-Metadata")
    return (values.get("filename") or values.get("name") or b"").decode("utf-8", "replace")


def _from_base64(text: str, header: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise MalformedUpload(f"{header} contains a value that is not Base64.") from None


def require_body_type(headers: Headers) -> None:
    """Raises UnsupportedMediaType where the body is not of the kind that carries an upload's bytes."""
    if headers.get("content-type", "").lower() != BODY_TYPE:
        raise UnsupportedMediaType(f"The Content-Type must be {BODY_TYPE}.")


def expected_bytes(headers: Headers, offset: int, length: int | None) -> int:
    """How much the request may bring, to keep room for it. Raises UploadTooLarge if it says too much."""
    announced = content_length(headers)
    if length is None:
        return announced or 0
    if announced is not None and announced > length - offset:
        raise UploadTooLarge(length)
    return length - offset if announced is None else announced


def progress_headers(status: UploadStatus) -> dict[str, str]:
    """How far an upload is, and until when it can be gone on with."""
    headers = {"Upload-Offset": str(status.offset)}
    if not status.finished:
        headers["Upload-Expires"] = formatdate(status.expires_at, usegmt=True)
    return headers


def relative_location(path: str, upload_id: str) -> str:
    """The way from the collection to a member, right behind a proxy that calls the collection otherwise."""
    return f"{path.rsplit('/', maxsplit=1)[-1]}/{upload_id}".lstrip("/")
