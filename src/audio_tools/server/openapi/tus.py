"""The routes of `routes.tus.TusApp` for the OpenAPI document, since FastAPI does not know them."""

from __future__ import annotations

from audio_tools import errors as own
from audio_tools.server.openapi.errors import OF_AN_UPLOAD, Error, errors
from audio_tools.server.routes._tus_headers import ALGORITHMS, BODY_TYPE, METADATA_BYTES
from audio_tools.server.routes.tus import VERSION
from audio_tools.transcript import Json


def _response_header(kind: str, description: str) -> Json:
    return {"schema": {"type": kind}, "description": description}


HEADERS = {
    "Tus-Resumable": _response_header("string", "The version of the protocol."),
    "Tus-Version": _response_header("string", "Supported versions."),
    "Tus-Extension": _response_header("string", "Supported extensions, comma-separated."),
    "Tus-Max-Size": _response_header("integer", "The largest upload, bytes."),
    "Tus-Checksum-Algorithm": _response_header("string", "Algorithms of Upload-Checksum, comma-separated."),
    "Location": _response_header("string", "URL of the upload, relative to the request URL."),
    "Upload-Offset": _response_header("integer", "Number of bytes received."),
    "Upload-Expires": _response_header("string", "Expiry of the unfinished upload, an HTTP date."),
    "Upload-Length": _response_header("integer", "Length of the upload, bytes, if known."),
    "Upload-Defer-Length": _response_header("string", "`1` while the length is unknown."),
    "Upload-Metadata": _response_header("string", "As sent by the client."),
}
"""Response headers."""
EVER = ("Tus-Resumable", "Tus-Version")
PROGRESS = ("Upload-Offset", "Upload-Expires")


def tus_paths(path: str) -> Json:
    """The routes of `routes.tus.TusApp`."""
    present = (own.UploadNotFound, own.UploadExpired, own.UploadLocked, own.UnsupportedTusVersion)
    upload_id = {
        "name": "upload_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string"},
        "description": "The last part of the upload's `Location`.",
    }
    version = _header(
        "Tus-Resumable", {"type": "string", "default": VERSION}, f"Always `{VERSION}`.", required=True
    )
    length = _header("Upload-Length", {"type": "integer", "minimum": 0}, "Length of the upload, bytes.")
    checksum = _header(
        "Upload-Checksum",
        {"type": "string"},
        f"One of {', '.join(ALGORITHMS)}, a space, the digest in Base64.",
    )
    body = {"content": {BODY_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
    create = {
        "summary": "Create an upload",
        "operationId": "createUpload",
        "tags": ["uploads"],
        "description": "Requires Upload-Length, or Upload-Defer-Length: 1. A body, if any, is the first "
        "part of the upload.",
        "parameters": [
            version,
            length,
            _header("Upload-Defer-Length", {"type": "string"}, "`1`: the length is sent later."),
            _header(
                "Upload-Metadata",
                {"type": "string", "maxLength": METADATA_BYTES},
                "Comma-separated pairs: `filename`, a space, the name in Base64.",
            ),
            checksum,
        ],
        "requestBody": body,
        "responses": _responses(
            201,
            "The upload was created.",
            ("Location", *PROGRESS),
            *OF_AN_UPLOAD,
            own.UnsupportedTusVersion,
            own.UploadInterrupted,
            own.ChecksumMismatch,
        ),
    }
    append = {
        "summary": "Append to an upload",
        "operationId": "appendToUpload",
        "tags": ["uploads"],
        "parameters": [
            version,
            _header(
                "Upload-Offset",
                {"type": "integer", "minimum": 0},
                "Offset of the body in the upload, bytes.",
                required=True,
            ),
            length,
            checksum,
        ],
        "requestBody": {**body, "required": True},
        "responses": _responses(
            204,
            "The bytes were stored.",
            PROGRESS,
            *(*present, *OF_AN_UPLOAD, own.UploadInterrupted, own.OffsetMismatch, own.ChecksumMismatch),
        ),
    }
    report = {
        "summary": "Upload offset",
        "operationId": "getUploadOffset",
        "tags": ["uploads"],
        "parameters": [version],
        "responses": _responses(
            200,
            "State of the upload.",
            (*PROGRESS, "Upload-Length", "Upload-Defer-Length", "Upload-Metadata"),
            *present,
        ),
    }
    terminate = {
        "summary": "Delete an upload",
        "operationId": "deleteUpload",
        "tags": ["uploads"],
        "parameters": [version],
        "responses": _responses(204, "The upload was deleted.", (), *present, own.UploadInUse),
    }
    describe = {
        "summary": "Supported tus versions and extensions",
        "operationId": "describeUploads",
        "tags": ["uploads"],
        "responses": _responses(
            204,
            "Versions, extensions and limits.",
            ("Tus-Extension", "Tus-Max-Size", "Tus-Checksum-Algorithm"),
        ),
    }
    return {
        path: {"post": create, "options": describe},
        f"{path}/{{upload_id}}": {
            "parameters": [upload_id],
            "head": report,
            "patch": append,
            "delete": terminate,
        },
    }


def _header(name: str, schema: Json, description: str, *, required: bool = False) -> Json:
    return {"name": name, "in": "header", "required": required, "schema": schema, "description": description}


def _responses(status: int, description: str, names: tuple[str, ...], *kinds: Error) -> Json:
    well = {"description": description, "headers": {name: HEADERS[name] for name in (*EVER, *names)}}
    return {str(status): well} | {str(code): answer for code, answer in errors(*kinds).items()}
