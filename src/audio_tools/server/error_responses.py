"""Render every error as `{success: false, error, message, hint?, ...facts}` with its HTTP status."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection
from starlette.responses import JSONResponse
from starlette.routing import Match

from audio_tools.errors import AudioToolsError, EngineError, RangeNotSatisfiable

LONGEST_TEXT = 2_000
"""Maximum length of a message or fact in characters: errors may quote megabytes sent by the client."""
DEFAULT_RETRY_AFTER_S = 5
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
WANT_RETRY_AFTER = {HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE}
CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "unsupported_media_type",
}
"""Stable codes of the framework's own errors; any other status is `http_<status>`."""


class LenientJson(JSONResponse):
    """JSON with `?` for lone surrogates, which JSON input and file names can contain but UTF-8 cannot."""

    def render(self, content: object) -> bytes:
        text = json.dumps(content, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode(errors="replace")


def error_response(error: AudioToolsError) -> Response:
    """
    Return the response to a request that failed with `error`.

    A retryable 429 or 503 has `Retry-After`, in whole seconds; a 416 has `Content-Range`.
    """
    headers = {}
    if error.retryable and error.status in WANT_RETRY_AFTER:
        headers["Retry-After"] = str(_retry_after_s(error))
    if isinstance(error, RangeNotSatisfiable):
        headers["Content-Range"] = f"bytes */{error.size}"
    return _response(
        error.status, error.code, error.message, hint=error.hint, facts=error.facts(), headers=headers
    )


def install(app: FastAPI) -> None:
    """Install handlers for errors of audio-tools, of the framework, and unexpected ones."""
    app.add_exception_handler(AudioToolsError, _on_own_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, _on_invalid_request)
    app.add_exception_handler(Exception, _on_unexpected_error)


async def _on_own_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, AudioToolsError)
    return error_response(error)


async def on_http_error(request: HTTPConnection, error: Exception) -> Response:
    """The response to an error of the framework; that of a WebSocket handshake is the same."""
    assert isinstance(error, HTTPException)
    status, headers = error.status_code, dict(error.headers or {})
    message, hint = str(error.detail), ""
    if message == HTTPStatus(status).phrase:
        message = f"{request.scope.get('method', 'GET')} {request.url.path}: {message.lower()}."
    if status == HTTPStatus.NOT_FOUND:
        hint = "See GET /docs for the available routes."
    elif status == HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_allowed_methods(request, headers.get("Allow", "")))
        hint = f"Allowed methods: {headers.get('Allow', 'another method')}."
    return _response(status, CODES.get(status, f"http_{status}"), message, hint=hint, headers=headers)


def _allowed_methods(request: HTTPConnection, of_first_route: str) -> list[str]:
    """The methods of all routes of the path; the framework names those of the first one only."""
    methods = set(filter(None, of_first_route.split(", ")))

    def has_route(method: str) -> bool:
        scope = {**request.scope, "method": method}
        return any(route.matches(scope)[0] is Match.FULL for route in request.app.routes)

    if not has_route(request.scope["method"]):  # else the route itself refused the method
        methods.update(filter(has_route, METHODS))
    if "GET" in methods:
        methods.add("HEAD")  # HeadAsGet answers it
    return sorted(methods)


async def _on_invalid_request(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # Omit the value that was sent: it may be long, or a secret in the wrong field.
    problems = [
        {"field": ".".join(str(part) for part in problem["loc"]), "message": str(problem["msg"])}
        for problem in error.errors()
    ]
    message = "; ".join(f"{problem['field']}: {problem['message']}" for problem in problems) + "."
    hint = "See GET /docs for the allowed values of each field."
    return _response(422, "invalid_request", message, hint=hint, facts={"problems": problems})


async def _on_unexpected_error(request: Request, _: Exception) -> Response:
    # The exception itself is logged (access_log.py); its text may contain paths and must not be sent.
    request_id = request.scope.get("state", {}).get("request_id")
    return _response(
        500,
        AudioToolsError.code,
        "Internal server error.",
        hint="See the log of the service for this request id.",
        facts={"requestId": request_id},
    )


def _retry_after_s(error: AudioToolsError) -> int:
    wish = error.retry_after_s if isinstance(error, EngineError) else None
    return DEFAULT_RETRY_AFTER_S if wish is None else max(1, math.ceil(wish))


def _response(
    status: int,
    code: str,
    message: str,
    *,
    hint: str = "",
    facts: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    body = {"success": False, "error": code, "message": _cut(message)} | ({"hint": hint} if hint else {})
    known = {name: _jsonable(value) for name, value in (facts or {}).items() if name not in body}
    # ASCII, since JSON input may contain a lone surrogate, which UTF-8 cannot encode.
    text = json.dumps(body | known)
    return Response(text, status, dict(headers or {}), media_type="application/json")


def _jsonable(value: object) -> object:
    """
    The value as JSON can hold it: NaN, which Python's parser lets in, becomes text; too long is cut.

    A list stays a list, of the first entries that fit: programs read it.
    """
    if isinstance(value, list):
        return _first_that_fit([_jsonable(item) for item in value])
    text = json.dumps(value, default=repr)
    return _cut(text) if len(text) > LONGEST_TEXT else json.loads(text, parse_constant=str)


def _first_that_fit(items: list[object]) -> list[object]:
    room = LONGEST_TEXT
    kept: list[object] = []
    for item in items:
        room -= len(json.dumps(item))
        if room < 0 and kept:
            break
        kept.append(item)
    return kept


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else text[: LONGEST_TEXT - 1] + "…"
