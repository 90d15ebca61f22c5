"""Command lines that call the routes, to copy into a shell."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

from audio_tools.transcript import Json

BASE_URL = "http://127.0.0.1:3001"
FILE = "interview.mp4"
BODIES: Json = {
    "StartRequest": {"path": "/media/interview.mp4", "options": {"language": "en"}},
    "ExportRequest": {"format": "fcpxml", "cutPlan": {"preset": "tight"}},
    "CutOptions": {"preset": "tight", "minSilence": 0.5},
}
"""Bodies of requests by the name of their schema; a test checks them against it."""
FIELDS = {"options": json.dumps({"language": "en"}), "model": "whisper-1"}
"""Fields of forms beside the file."""
HEADERS = {"Upload-Length": f"$(stat -c %s {FILE})", "Upload-Offset": "0", "Tus-Resumable": "1.0.0"}
"""Values of request headers."""
QUERY = {"format": "srt"}
"""Values of required parameters of the query."""
VARIABLES = {"{job_id}": "$JOB_ID", "{upload_id}": "$UPLOAD_ID", "{model}": "whisper-1"}


def curl(method: str, path: str, route: Json, document: Json) -> str:
    """
    Return a command that calls a route; the shell variables JOB_ID and UPLOAD_ID take the place of ids.

    Args:
        route: the operation, with all its parameters.
        document: the whole OpenAPI document, which has the schemas of the bodies.
    """
    lines = [
        f'curl {_flags(method, route)}"{_url(path, route)}"',
        *(f'-H "{name}: {HEADERS[name]}"' for name in _needed_headers(route)),
        *_body(route, document["components"]["schemas"]),
    ]
    return " \\\n  ".join(lines)


def _flags(method: str, route: Json) -> str:
    if [*route["responses"].get("200", {}).get("content", {})] == ["text/event-stream"]:
        return "-N "
    if method == "head":
        return "-I "
    implied = "post" if "requestBody" in route and route["operationId"] != "createUpload" else "get"
    return "" if method == implied else f"-X {method.upper()} "


def _url(path: str, route: Json) -> str:
    for name, variable in VARIABLES.items():
        path = path.replace(name, variable)
    query = [
        f"{each['name']}={QUERY[each['name']]}"
        for each in route["parameters"]
        if each["in"] == "query" and each["required"]
    ]
    return BASE_URL + path + ("?" + "&".join(query) if query else "")


def _needed_headers(route: Json) -> list[str]:
    names = [each["name"] for each in route["parameters"] if each["in"] == "header" and each["required"]]
    return [*names, "Upload-Length"] if route["operationId"] == "createUpload" else names


def _body(route: Json, schemas: Json) -> Iterator[str]:
    for kind, body in route.get("requestBody", {}).get("content", {}).items():
        name = body["schema"].get("$ref", "").rpartition("/")[2]
        if kind == "multipart/form-data":
            for field, schema in schemas[name]["properties"].items():
                if schema.get("format") == "binary":
                    yield f"-F {field}=@{FILE}"
                elif field in FIELDS:
                    yield f"-F {shlex.quote(f'{field}={FIELDS[field]}')}"
        elif kind == "application/json":
            yield "-H 'Content-Type: application/json'"
            yield f"-d {shlex.quote(json.dumps(BODIES.get(name, {})))}"
        elif route["operationId"] == "appendToUpload":
            yield f"-H 'Content-Type: {kind}'"
            yield f"--data-binary @{FILE}"
