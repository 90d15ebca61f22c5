"""What the OpenAPI document says that FastAPI cannot see: bodies that are streamed, events, tus."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST

from audio_tools.exports.registry import FORMATS
from audio_tools.server.openapi.errors import Responses
from audio_tools.server.openapi.json_schema import content, plain, ref
from audio_tools.server.openapi.schemas import SCHEMAS
from audio_tools.server.openapi.tus import tus_paths
from audio_tools.transcript import Json

DESCRIPTION = """\
Words, segments and silences of recordings of any size.

Unless a field says otherwise times are seconds on the media's own clock, moments are ISO 8601 in UTC, sizes \
are bytes, and bodies are JSON in UTF-8. With API_TOKEN set, requests carry `Authorization: Bearer TOKEN`. \
Every answer has `X-Request-Id`, the client's own if it sent one; a 429 or 503 that may pass has \
`Retry-After`, in seconds. Every error has the body ErrorBody; besides those of its route a request may meet \
404 `not_found`, 405 `method_not_allowed`, and `bad_request`, `forbidden`, `body_too_large` or `http_STATUS`.

A WebSocket at `ws://HOST:3002/?jobId=ID` (the `websocketUrl` of a job; port 3001 takes it too) tells what \
happens to a job, in messages of JSON (Event): first a SnapshotEvent, then every event of the job from its \
first on, also those of the past, then a normal close. `&after=ID`, with the `id` of the last event that was \
seen, goes on from there. With API_TOKEN set a client offers the subprotocols `audio-tools` and \
`bearer.TOKEN`, adds `&token=TOKEN`, or first sends `{"type": "auth", "token": "TOKEN"}`. The service pings \
every 20 s. It closes with

- 1000: the job has ended, and all was told
- 1012: the service stops; connect again
- 1013: the queue cannot be read now; try again
- 4400: there is no `jobId` in the address
- 4401: no valid token came
- 4404: there is no such job
"""

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
                        "options": {
                            "type": "string",
                            "description": "The options as JSON text, at most 64 KiB.",
                            "contentMediaType": "application/json",
                            "contentSchema": ref("Options"),
                        },
                    },
                }
            },
            "application/json": {
                "schema": {
                    "type": "object",
                    "properties": {
                        "path": {
                            "type": "string",
                            "description": "Absolute path of a file under MEDIA_ROOTS; or `uploadId`.",
                        },
                        "uploadId": {
                            "type": "string",
                            "description": "A finished resumable upload; or `path`.",
                        },
                        "options": ref("Options", "What else is wanted."),
                    },
                    "oneOf": [{"required": ["path"]}, {"required": ["uploadId"]}],
                }
            },
        },
    }
}
"""What `/process-audio` takes, for `openapi_extra`."""


def answers(name: str, description: str) -> Responses:
    """The `responses` of a route that goes well with a JSON body."""
    return {200: {"description": description, "content": content(name)}}


PENDING: Responses = {202: {"description": "Not finished yet.", "content": content("Pending")}}
EXPORTED: Responses = {
    200: {
        "description": "The file.",
        "headers": {"Content-Disposition": {"schema": {"type": "string"}, "description": "Its name."}},
        "content": {
            kind: {"schema": ref("ExportedJson") if kind == "application/json" else {"type": "string"}}
            for kind in (entry.media_type.partition(";")[0] for entry in FORMATS.values())
        }
        | {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}
HEALTHY: Responses = {
    200: {"description": "All is well.", "content": content("Health")},
    503: {"description": "Something keeps the service from its work.", "content": content("Health")},
}
FIGURES: Responses = {
    200: {
        "description": "In Prometheus' text form.",
        "content": {CONTENT_TYPE_LATEST.partition(";")[0]: {"schema": {"type": "string"}}},
    }
}


class DocumentedApp(FastAPI):
    """A FastAPI app whose document has every schema, and the routes of tus as well."""

    def openapi(self) -> dict[str, Any]:
        if self.openapi_schema is None:
            document = super().openapi()
            document["components"] = {"schemas": SCHEMAS}
            for item in document["paths"].values():
                for route in item.values():
                    _trim(route)
            document["paths"] |= tus_paths("/files")
        return super().openapi()


def _trim(route: Json) -> None:
    """Take out what FastAPI adds to every route with a parameter: titles, and a 422 of its own."""
    for parameter in route.get("parameters", ()):
        parameter["schema"] = plain(parameter["schema"])
    if "HTTPValidationError" in str(route["responses"].get("422")):
        del route["responses"]["422"]
