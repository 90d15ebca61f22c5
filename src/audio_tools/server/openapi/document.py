"""Parts of the OpenAPI document that FastAPI cannot derive: streamed bodies, events, tus."""

from __future__ import annotations

import asyncio
import threading
from typing import Any

from fastapi import FastAPI
from prometheus_client import CONTENT_TYPE_LATEST

from audio_tools.exports.registry import FORMATS
from audio_tools.server.openapi import openai_paths
from audio_tools.server.openapi.errors import Responses
from audio_tools.server.openapi.examples import EXAMPLES
from audio_tools.server.openapi.json_schema import content, plain, ref
from audio_tools.server.openapi.schemas import schemas
from audio_tools.server.openapi.tus import tus_paths
from audio_tools.transcript import Json

DESCRIPTION = """\
Words, segments and silences of recordings of any size.

Unless a field says otherwise, times are seconds on the media's own clock, dates are ISO 8601 in UTC, sizes \
are bytes, and bodies are JSON in UTF-8. With API_TOKEN set, requests need `Authorization: Bearer TOKEN`. \
Every answer has an `X-Request-Id`, the client's own if it sent one; a 429 or 503 that may pass has \
`Retry-After`, in seconds. Every error has the body ErrorBody, below `/v1/` OpenAIError. Besides the errors \
of its route a request may get 404 `not_found`, 405 `method_not_allowed`, `bad_request`, `forbidden`, \
`body_too_large` or `http_STATUS`.

A WebSocket at `ws://HOST:3002/?jobId=ID` (the `websocketUrl` of a job; port 3001 accepts it too) sends the \
events of a job as JSON messages (Event): first a SnapshotEvent, then every event from the start of the job, \
then a normal close. `&after=ID` resumes after the event with that `id`. With API_TOKEN set, a client offers \
the subprotocols `audio-tools` and `bearer.TOKEN`, adds `&token=TOKEN`, or first sends \
`{"type": "auth", "token": "TOKEN"}`. The service pings every 20 s. A refused handshake has the body \
ErrorBody: 400 `bad_handshake`, 426 `upgrade_required`, or as above. Close codes:

- 1000: the job has ended and every event was sent
- 1012: the service is stopping; reconnect
- 1013: the queue is unavailable; try again
- 4400: `jobId` is missing
- 4401: the token is missing or invalid
- 4404: the job does not exist

Without WebSockets, `GET /job/{jobId}/events` sends the same messages as server-sent events, and \
`GET /job/{jobId}/status?wait=30&after=ID` returns them in batches.
"""

TAGS = [
    {"name": "jobs", "description": "Start, follow, fetch, cancel and delete jobs."},
    {"name": "uploads", "description": "Resumable uploads (tus 1.0)."},
    {"name": "openai", "description": "OpenAI's transcription API on the jobs of this service."},
    {"name": "service", "description": "State of the service."},
]
SECURITY: Json = {
    "token": {"type": "http", "scheme": "bearer", "description": "API_TOKEN, where the service has one."}
}
OPTIONAL_TOKEN: list[Json] = [{}, {"token": []}]

UPLOAD_BODY: Json = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": ref("UploadForm"),
                "encoding": {"options": {"contentType": "text/plain"}},
            }
        },
    }
}
"""Body of `POST /process-audio`. JSON is accepted as well, but client generators support only one type."""
START_BODY: Json = {"requestBody": {"required": True, "content": content("StartRequest")}}
"""Body of `POST /jobs`."""
BODIES: Json = {
    "UploadForm": {
        "type": "object",
        "description": "A file and the options of its job.",
        "required": ["audioFile"],
        "properties": {
            "audioFile": {
                "type": "string",
                "format": "binary",
                "description": "The audio or video file, at least one byte.",
            },
            "options": {
                "type": "string",
                "description": "The options (Options) as JSON text, at most 64 KiB.",
                "examples": ['{"language": "en", "silenceThreshold": 1.0}'],
            },
        },
    },
    "StartRequest": {
        "type": "object",
        "description": "A file that the service can already read: either `path` or `uploadId`.",
        "properties": {
            "path": {
                "type": "string",
                "description": "Absolute path of a file under MEDIA_ROOTS.",
                "examples": ["/media/talk.mp4"],
            },
            "uploadId": {"type": "string", "description": "A finished resumable upload."},
            "options": ref("Options", "Options of the job."),
        },
    },
}


def answers(name: str, description: str) -> Responses:
    """The successful response of a route with a JSON body."""
    body = content(name)
    if name in EXAMPLES:
        body["application/json"]["example"] = EXAMPLES[name]
    return {200: {"description": description, "content": body}}


def json_request(name: str, *, required: bool = True) -> Json:
    """A JSON body with a schema under `components`, for `openapi_extra`."""
    return {"requestBody": {"required": required, "content": content(name)}}


PENDING: Responses = {202: {"description": "The job has not finished.", "content": content("Pending")}}
EXPORTED: Responses = {
    200: {
        "description": "The file.",
        "headers": {
            "Content-Disposition": {"schema": {"type": "string"}, "description": "Name of the file."}
        },
        "content": {
            kind: {"schema": ref("ExportedJson") if kind == "application/json" else {"type": "string"}}
            for kind in (entry.media_type.partition(";")[0] for entry in FORMATS.values())
        }
        | {"application/zip": {"schema": {"type": "string", "format": "binary"}}},
    }
}
PEAKS: Responses = {
    200: {
        "description": "The waveform.",
        "headers": {"ETag": {"schema": {"type": "string"}, "description": "For conditional requests."}},
        "content": content("Waveform")
        | {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
    304: {"description": "The client has this waveform already."},
}
EVENT_STREAM: Responses = {
    200: {
        "description": "Server-sent events; the data of each is an Event as JSON, its id that of the event.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    204: {"description": "The job has ended, and nothing follows the event `after`."},
}
RECORDING: Responses = {
    200: {"description": "The file.", "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}}},
    206: {
        "description": "The bytes of the `Range`.",
        "content": {"*/*": {"schema": {"type": "string", "format": "binary"}}},
    },
}
HEALTHY: Responses = {
    200: {"description": "All checks pass.", "content": content("Health")},
    503: {"description": "A check fails.", "content": content("Health")},
}
FIGURES: Responses = {
    200: {
        "description": "Metrics in the text format of Prometheus.",
        "content": {CONTENT_TYPE_LATEST.partition(";")[0]: {"schema": {"type": "string"}}},
    }
}


class DocumentedApp(FastAPI):
    """
    A FastAPI app whose document includes every schema, the security scheme and the tus routes.

    It is made at the first request, in a thread: that takes half a second.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(openapi_url=None, docs_url=None, redoc_url=None, **settings)
        self._making = threading.Lock()

    def openapi(self) -> dict[str, Any]:
        with self._making:
            if self.openapi_schema is None:
                document = super().openapi()
                document["components"] = {
                    "schemas": BODIES | openai_paths.BODIES | schemas(),
                    "securitySchemes": SECURITY,
                }
                document["security"] = OPTIONAL_TOKEN
                for item in document["paths"].values():
                    for route in item.values():
                        _trim(route)
                document["paths"] |= tus_paths("/files") | openai_paths.openai_paths()
            return super().openapi()

    async def document(self, root_path: str) -> Json:
        """The document of a service whose routes begin with `root_path` for the client."""
        document = await asyncio.to_thread(self.openapi)
        return document | {"servers": [{"url": root_path}]} if root_path else document


def _trim(route: Json) -> None:
    """Remove the titles and the 422 that FastAPI adds to every route with a parameter."""
    for parameter in route.get("parameters", ()):
        parameter["schema"] = plain(parameter["schema"])
    if "HTTPValidationError" in str(route["responses"].get("422")):
        del route["responses"]["422"]
