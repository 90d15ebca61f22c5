"""Errors in the shape of OpenAI's API: `{error: {message, type, param, code}}`."""

from __future__ import annotations

import json
from typing import NamedTuple

from audio_tools.errors import AudioToolsError, InvalidOption, MalformedRequest
from audio_tools.jobs import JobFailure
from audio_tools.server.error_responses import error_response
from audio_tools.transcript import Json

STATUSES = {415: 400, 422: 400}
"""Statuses that OpenAI's clients have no class for, and what stands for them."""
TYPES = {402: "insufficient_quota", 429: "rate_limit_exceeded"}
CODES = {"unauthorized": "invalid_api_key", "engine_rate_limited": "rate_limit_exceeded"}
PARAMS = {"task": "model"}
"""Job options by the field that decides them."""
OF_THE_FILE = {
    "decode_failed",
    "malformed_upload",
    "media_error",
    "no_audio_stream",
    "probe_failed",
    "unsupported_media_type",
    "upload_too_large",
}
"""Codes of errors whose parameter is the file."""
RETRIED = {408, 409, 429}
"""Statuses below 500 that OpenAI's clients retry unless they are told otherwise."""


class FieldRefused(MalformedRequest):
    """A field of a call is missing or unknown, or its value cannot be honoured."""

    code = InvalidOption.code

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field

    def facts(self) -> dict[str, object]:
        return {"option": self.field}


class ApiError(NamedTuple):
    """An error as OpenAI's clients read it; `retry`: whether they should try again, None: as they like."""

    status: int
    body: Json
    retry: bool | None


class JobFailed(Exception):
    """The job of a call failed: with the status and the body of `GET /job/{jobId}/result`."""

    def __init__(self, failure: JobFailure) -> None:
        super().__init__(failure.message)
        self.status, self.body = failure.status, failure.response_body()


def api_error(status: int, body: Json, *, may_retry: bool = False) -> ApiError:
    """
    The same error in OpenAI's shape.

    Args:
        status: HTTP status on other routes.
        body: body on other routes, with `error` and `message`.
        may_retry: whether the response has `Retry-After`.
    """
    code, option = str(body.get("error", "internal_error")), body.get("option")
    if code == "option_refused":
        status = 404 if option == "model" else 400
        code = "model_not_found" if option == "model" else code
    status = STATUSES.get(status, status)
    kind = TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")
    message = " ".join(filter(None, (str(body.get("message", "")), str(body.get("hint", "")))))
    param = PARAMS.get(str(option), option) or ("file" if code in OF_THE_FILE else None)
    error = {"message": message, "type": kind, "param": param, "code": CODES.get(code, code)}
    retried = status >= 500 or status in RETRIED
    return ApiError(status, {"error": error}, may_retry or bool(body.get("retryable")) if retried else None)


def stream_error(error: AudioToolsError | JobFailed) -> Json:
    """The body of an error that interrupts a stream."""
    if isinstance(error, JobFailed):
        return api_error(error.status, error.body).body
    response = error_response(error)
    return api_error(response.status_code, json.loads(bytes(response.body))).body
