"""The routes of `tus.TusApp`, which is no FastAPI app, for the OpenAPI document."""

from __future__ import annotations

from audio_tools import errors as own
from audio_tools.server.openapi.errors import OF_AN_UPLOAD, Error, errors
from audio_tools.server.routes._tus_headers import ALGORITHMS, BODY_TYPE, METADATA_BYTES
from audio_tools.server.routes.tus import VERSION
from audio_tools.transcript import Json


def _told(kind: str, description: str) -> Json:
    return {"schema": {"type": kind}, "description": description}


HEADERS = {
    "Tus-Resumable": _told("string", "The version of the protocol."),
    "Tus-Version": _told("string", "All versions that are spoken."),
    "Tus-Extension": _told("string", "The extensions, by commas."),
    "Tus-Max-Size": _told("integer", "The largest upload, bytes."),
    "Tus-Checksum-Algorithm": _told("string", "The algorithms of Upload-Checksum, by commas."),
    "Location": _told("string", "Where it goes on, relative to the address that was called."),
    "Upload-Offset": _told("integer", "How many bytes are there."),
    "Upload-Expires": _told("string", "While it is unfinished: when it will be removed, an HTTP date."),
    "Upload-Length": _told("integer", "Bytes of the whole upload, if somebody has said."),
    "Upload-Defer-Length": _told("string", "`1` if nobody has said how long it will be."),
    "Upload-Metadata": _told("string", "As it was sent, if it was."),
}
"""What answers tell in their heads."""
EVER = ("Tus-Resumable", "Tus-Version")
PROGRESS = ("Upload-Offset", "Upload-Expires")


def tus_paths(path: str) -> Json:
    """The routes of `tus.TusApp`, which is no FastAPI app."""
    present = (own.UploadNotFound, own.UploadExpired, own.UploadLocked, own.UnsupportedTusVersion)
    upload_id = {
        "name": "upload_id",
        "in": "path",
        "required": True,
        "schema": {"type": "string"},
        "description": "The end of the Location that the upload was given.",
    }
    version = _header(
        "Tus-Resumable", {"type": "string", "const": VERSION}, "The protocol's version.", required=True
    )
    length = _header("Upload-Length", {"type": "integer", "minimum": 0}, "Bytes of the whole upload.")
    checksum = _header(
        "Upload-Checksum",
        {"type": "string"},
        f"One of {', '.join(ALGORITHMS)}, a blank, the digest in Base64.",
    )
    body = {"content": {BODY_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
    create = {
        "summary": "Begin a resumable upload (tus 1.0)",
        "description": "Upload-Length, or Upload-Defer-Length: 1. A body is the upload's beginning.",
        "parameters": [
            version,
            length,
            _header("Upload-Defer-Length", {"type": "string", "const": "1"}, "The length comes later."),
            _header(
                "Upload-Metadata",
                {"type": "string", "maxLength": METADATA_BYTES},
                "Pairs by commas: `filename`, a blank, the name in Base64.",
            ),
            checksum,
        ],
        "requestBody": body,
        "responses": _responses(
            201,
            "It has begun.",
            ("Location", *PROGRESS),
            *OF_AN_UPLOAD,
            own.UnsupportedTusVersion,
            own.UploadInterrupted,
            own.ChecksumMismatch,
        ),
    }
    append = {
        "summary": "Send the next bytes of an upload",
        "parameters": [
            version,
            _header(
                "Upload-Offset", {"type": "integer", "minimum": 0}, "At which byte they go in.", required=True
            ),
            length,
            checksum,
        ],
        "requestBody": {**body, "required": True},
        "responses": _responses(
            204,
            "The bytes are there.",
            PROGRESS,
            *(*present, *OF_AN_UPLOAD, own.UploadInterrupted, own.OffsetMismatch, own.ChecksumMismatch),
        ),
    }
    report = {
        "summary": "How far an upload is",
        "parameters": [version],
        "responses": _responses(
            200,
            "So far it is.",
            (*PROGRESS, "Upload-Length", "Upload-Defer-Length", "Upload-Metadata"),
            *present,
        ),
    }
    terminate = {
        "summary": "Remove an upload that no job works on",
        "parameters": [version],
        "responses": _responses(204, "It is gone.", (), *present, own.UploadInUse),
    }
    describe = {
        "summary": "What is spoken here",
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
