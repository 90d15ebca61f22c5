"""Parse and render the headers of tus."""

from __future__ import annotations

import base64
import hashlib
from email.utils import formatdate
from typing import Self

from starlette.datastructures import Headers

from audio_tools.errors import ChecksumMismatch, MalformedUpload, UnsupportedMediaType, UploadTooLarge
from audio_tools.server.request_body import content_length, require_plain_body
from audio_tools.storage import UploadStatus

ALGORITHMS = ("sha1", "sha256")
BODY_TYPE = "application/offset+octet-stream"
METADATA_BYTES = 4_096


class Checksum:
    """The expected checksum of a request's bytes."""

    def __init__(self, algorithm: str, expected: bytes) -> None:
        self._hash = hashlib.new(algorithm, usedforsecurity=False)
        self._expected = expected

    @classmethod
    def of(cls, headers: Headers) -> Self | None:
        """Parse `Upload-Checksum`; None if absent. Raises MalformedUpload."""
        if "upload-checksum" not in headers:
            return None
        algorithm, _, encoded = headers["upload-checksum"].partition(" ")
        if algorithm not in ALGORITHMS:
            raise MalformedUpload(f"Upload-Checksum must use {' or '.join(ALGORITHMS)}.")
        return cls(algorithm, _from_base64(encoded, "Upload-Checksum"))

    def update(self, block: bytes) -> None:
        """Hash the next bytes."""
        self._hash.update(block)

    def verify(self) -> None:
        """Raise ChecksumMismatch if the bytes do not match."""
        if self._hash.digest() != self._expected:
            raise ChecksumMismatch


def file_name_of(metadata: str) -> str:
    """Return the file name of `Upload-Metadata`, or an empty string. Raises MalformedUpload."""
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
    """Raise UnsupportedMediaType unless the body has the media type of upload data, uncompressed."""
    require_plain_body(headers)
    if headers.get("content-type", "").lower() != BODY_TYPE:
        raise UnsupportedMediaType(f"The Content-Type must be {BODY_TYPE}.")


def expected_bytes(headers: Headers, offset: int, length: int | None) -> int:
    """Return the expected number of bytes, to reserve space. Raises UploadTooLarge."""
    announced = content_length(headers)
    if length is None:
        return announced or 0
    if announced is not None and announced > length - offset:
        raise UploadTooLarge(length)
    return length - offset if announced is None else announced


def progress_headers(status: UploadStatus) -> dict[str, str]:
    """Headers for the offset and expiry of an upload."""
    headers = {"Upload-Offset": str(status.offset)}
    if not status.finished:
        headers["Upload-Expires"] = formatdate(status.expires_at, usegmt=True)
    return headers


def relative_location(path: str, upload_id: str) -> str:
    """Relative URL from the collection to a member, correct behind a proxy that renames the collection."""
    return f"{path.rsplit('/', maxsplit=1)[-1]}/{upload_id}".lstrip("/")
