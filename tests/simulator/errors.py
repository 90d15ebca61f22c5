"""
The errors of the transcription API, word for word where they have been seen.

Each has the body `{"error": {"message", "type", "param", "code"}}`, all four keys always there. Where no
public report shows the real wording, the function says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from aiohttp import web

MAX_BODY_BYTES = 26_214_400
_FORMATS = ["flac", "m4a", "mp3", "mp4", "mpeg", "mpga", "oga", "ogg", "wav", "webm"]


class ApiError(Exception):
    """An answer other than 200. `extra` stands beside `error` in the body."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = dict(headers or {})
        error = {"message": message, "type": type, "param": param, "code": code}
        self.body = {"error": error, **(extra or {})}

    def response(self) -> web.Response:
        """The error as an HTTP answer."""
        return web.json_response(self.body, status=self.status, headers=self.headers)


def missing_key() -> ApiError:
    """No bearer token was sent."""
    return ApiError(
        401,
        "You didn't provide an API key. You need to provide your API key in an Authorization header using "
        "Bearer auth (i.e. Authorization: Bearer YOUR_KEY), or as the password field (with blank username) "
        "if you're accessing the API from your browser and are prompted for a username and password. You "
        "can obtain an API key from https://platform.openai.com/account/api-keys.",
    )


def wrong_key(key: str) -> ApiError:
    """The bearer token is not a key; the message shows its two ends."""
    shown = f"{key[:8]}{'*' * max(len(key) - 12, 3)}{key[-4:]}"
    return ApiError(
        401,
        f"Incorrect API key provided: {shown}. You can find your API key at "
        "https://platform.openai.com/account/api-keys.",
        code="invalid_api_key",
    )


def unknown_url(method: str, path: str) -> ApiError:
    """There is nothing at this address."""
    return ApiError(404, f"Invalid URL ({method} {path})")


def unknown_model(model: str) -> ApiError:
    """The model does not exist."""
    message = f"The model `{model}` does not exist or you do not have access to it."
    return ApiError(404, message, code="model_not_found")


def missing_parameter(name: str) -> ApiError:
    """A field that must be there is not."""
    message = f"Missing required parameter: '{name}'."
    return ApiError(400, message, param=name, code="missing_required_parameter")


def unknown_parameter(name: str) -> ApiError:
    """A field that the API does not know."""
    return ApiError(400, f"Unknown parameter: '{name}'.", param=name, code="unknown_parameter")


def invalid_value(name: str, value: str, allowed: tuple[str, ...]) -> ApiError:
    """A field has a value that is none of those allowed."""
    names = [f"'{choice}'" for choice in allowed]
    supported = " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
    message = f"Invalid value: '{value}'. Supported values are: {supported}."
    return ApiError(400, message, param=name, code="invalid_value")


def not_supported(name: str, model: str) -> ApiError:
    """A field does not go with this model; the real wording has not been seen."""
    message = f"'{name}' is not supported with model '{model}'."
    return ApiError(400, message, param=name, code="unsupported_parameter")


def incompatible_format(response_format: str, snapshot: str, allowed: tuple[str, ...]) -> ApiError:
    """The model does not answer in this format."""
    choices = " or ".join(f"'{choice}'" for choice in allowed)
    message = (
        f"response_format '{response_format}' is not compatible with model '{snapshot}'. "
        f"Use {choices} instead."
    )
    return ApiError(400, message, param="response_format", code="unsupported_value")


def granularities_need_verbose_json() -> ApiError:
    """Word or segment times were asked for without verbose_json; the real wording has not been seen."""
    message = "timestamp_granularities is only supported with response_format 'verbose_json'."
    return ApiError(400, message, param="timestamp_granularities", code="unsupported_value")


def invalid_language(language: str) -> ApiError:
    """The language is not a two-letter code."""
    return ApiError(
        400,
        f"Invalid language '{language}'. Language parameter must be specified in ISO-639-1 format.",
        param="language",
        code="invalid_language_format",
    )


def invalid_temperature(value: str) -> ApiError:
    """The temperature is not within 0..1; the real wording has not been seen."""
    message = f"Invalid 'temperature': expected a decimal from 0 to 1, but got {value} instead."
    return ApiError(400, message, param="temperature", code="invalid_value")


def malformed_form() -> ApiError:
    """The body is not a multipart form; the real wording has not been seen."""
    return ApiError(400, "Could not parse multipart form")


def too_large(n_bytes_read: int) -> ApiError:
    """The whole body, not the file alone, is beyond 25 MiB."""
    return ApiError(
        413,
        f"413: Maximum content size limit ({MAX_BODY_BYTES}) exceeded ({n_bytes_read} bytes read)",
        type="server_error",
        extra={"usage": {"type": "duration", "seconds": 0}},
    )


def unreadable_file() -> ApiError:
    """The file is of no known format, or it is damaged."""
    return ApiError(400, f"Invalid file format. Supported formats: {_FORMATS}")


def has_known_suffix(file_name: str) -> bool:
    """Whether the API would tell the format by the file's name."""
    return file_name.rpartition(".")[2].lower() in _FORMATS


def too_short() -> ApiError:
    """Less than a tenth of a second."""
    message = "Audio file is too short. Minimum audio length is 0.1 seconds."
    return ApiError(400, message, param="file", code="audio_too_short")


def too_long(seconds: float, max_seconds: int) -> ApiError:
    """More than the model takes at once."""
    message = (
        f"audio duration {seconds:.6f} seconds is longer than {max_seconds} seconds which is the maximum for "
        "this model"
    )
    return ApiError(400, message, code="invalid_value")


def chunking_strategy_required() -> ApiError:
    """Diarization of more than 30 s needs to be told how to cut."""
    message = "chunking_strategy is required for diarization models"
    return ApiError(400, message, param="chunking_strategy", code="missing_required_parameter")


def rate_limited(model: str, limit: int, wait_s: float, retry_after_s: float | None) -> ApiError:
    """Too many requests a minute."""
    return ApiError(
        429,
        f"Rate limit reached for {model} in organization org-simulator on requests per min (RPM): Limit "
        f"{limit}, Used {limit}, Requested 1. Please try again in {go_duration(wait_s)}. Visit "
        "https://platform.openai.com/account/rate-limits to learn more.",
        type="requests",
        code="rate_limit_exceeded",
        headers={} if retry_after_s is None else {"Retry-After": f"{retry_after_s:g}"},
    )


def slow_down(retry_after_s: float) -> ApiError:
    """There is too much going on, whoever asks; the real wording has not been seen."""
    return ApiError(
        429,
        "The service is under heavy load. Please slow down.",
        type="rate_limit_error",
        code="slow_down",
        headers={"Retry-After": f"{retry_after_s:g}"},
    )


def quota_exhausted() -> ApiError:
    """There is no money left: trying again is of no use."""
    return ApiError(
        429,
        "You exceeded your current quota, please check your plan and billing details. For more information "
        "on this error, read the docs: https://platform.openai.com/docs/guides/error-codes/api-errors.",
        type="insufficient_quota",
        code="insufficient_quota",
    )


def server_error() -> ApiError:
    """Something broke on the other side."""
    message = "The server had an error while processing your request. Sorry about that!"
    return ApiError(500, message, type="server_error")


def overloaded() -> ApiError:
    """The other side has too much to do."""
    return ApiError(
        503,
        "The engine is currently overloaded, please try again later",
        type="service_unavailable_error",
        code="server_is_overloaded",
    )


def go_duration(seconds: float) -> str:
    """A duration as Go prints it: `0s`, `20ms`, `1.2s`, `6m0s`, `1h0m0.5s`."""
    ms = round(seconds * 1000)
    if 0 < ms < 1000:
        return f"{ms}ms"
    minutes, rest = divmod(ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    head = (f"{hours}h" if hours else "") + (f"{minutes}m" if hours or minutes else "")
    return f"{head}{rest / 1000:g}s"
