"""What the OpenAPI document says that FastAPI cannot see: bodies that are streamed, statuses, tus."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI

from audio_tools.options import Options
from audio_tools.server.responses import ErrorBody
from audio_tools.server.tus import VERSION
from audio_tools.server.tus_headers import ALGORITHMS, BODY_TYPE, METADATA_BYTES
from audio_tools.transcript import Json

Responses = dict[int | str, dict[str, Any]]

EVERYWHERE = (400, 401, 403, 500)
"""What any request may meet: a bad Host, no token, a stranger's Host or Origin, a fault of ours."""
OF_A_FAILED_JOB = (402, 404, 422, 429, 502, 504, 507)
"""What the result of a failed job may answer with: the status of the job's own error."""
ERROR = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}}

START_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["audioFile"],
                    "properties": {
                        "audioFile": {
                            "type": "string",
                            "format": "binary",
                            "description": "The audio or video file, of at least one byte.",
                        },
                        "options": {"type": "string", "description": "The options as JSON text."},
                    },
                }
            },
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "path": {
                            "type": "string",
                            "description": "Absolute path of a file under MEDIA_ROOTS.",
                        },
                        "uploadId": {"type": "string", "description": "A finished resumable upload."},
                        "options": Options.model_json_schema(by_alias=True),
                    },
                    "oneOf": [{"required": ["path"]}, {"required": ["uploadId"]}],
                }
            },
        },
    }
}
"""What `/process-audio` takes, for `openapi_extra`."""


def errors(*statuses: int) -> Responses:
    """The `responses` of a route that may answer with these statuses besides those that all may."""
    return {
        status: {"model": ErrorBody, "description": HTTPStatus(status).phrase}
        for status in sorted({*EVERYWHERE, *statuses})
    }


class DocumentedApp(FastAPI):
    """A FastAPI app whose document has the routes of tus as well."""

    def openapi(self) -> dict[str, Any]:
        document = super().openapi()
        document["paths"] |= _tus_paths("/files")
        return document


def _tus_paths(path: str) -> Json:
    """The routes of `tus.TusApp`, which is no FastAPI app."""
    upload_id = {"name": "upload_id", "in": "path", "required": True, "schema": {"type": "string"}}
    version = _header("Tus-Resumable", {"type": "string", "const": VERSION}, required=True)
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
        "responses": _tus_responses(201, "Location: where it goes on.", 408, 412, 413, 415, 460, 507),
    }
    append = {
        "summary": "Send the next bytes of an upload",
        "parameters": [
            version,
            _header("Upload-Offset", {"type": "integer", "minimum": 0}, "Where they go.", required=True),
            length,
            checksum,
        ],
        "requestBody": {**body, "required": True},
        "responses": _tus_responses(
            204, "Upload-Offset: how far it is now.", *(404, 408, 409, 410, 412, 413, 415, 423, 460, 507)
        ),
    }
    report = {
        "summary": "How far an upload is",
        "parameters": [version],
        "responses": _tus_responses(200, "Upload-Offset, Upload-Length, Upload-Expires.", 404, 410, 412, 423),
    }
    terminate = {
        "summary": "Remove an upload that no job works on",
        "parameters": [version],
        "responses": _tus_responses(204, "It is gone.", 404, 409, 410, 412, 423),
    }
    describe = {
        "summary": "What is spoken here: version, extensions, largest upload in bytes",
        "responses": _tus_responses(204, "Tus-Version, Tus-Extension, Tus-Max-Size."),
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


def _header(name: str, schema: Json, description: str = "", *, required: bool = False) -> Json:
    return {"name": name, "in": "header", "required": required, "schema": schema, "description": description}


def _tus_responses(status: int, description: str, *statuses: int) -> Json:
    bad = {
        str(code): {"description": _phrase(code), "content": ERROR}
        for code in sorted({*EVERYWHERE, *statuses})
    }
    return {str(status): {"description": description}} | bad


def _phrase(status: int) -> str:
    # 460 is tus's own.
    return "Checksum Mismatch" if status == 460 else HTTPStatus(status).phrase
