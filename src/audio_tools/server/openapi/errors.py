"""Errors of each route for the OpenAPI document: status, code and meaning."""

from __future__ import annotations

import re
from typing import Any, NamedTuple, Self

from audio_tools import errors as own
from audio_tools.errors import AudioToolsError
from audio_tools.jobs.base import WORKER_CRASHED
from audio_tools.server.access_rules import BadHost, HostNotAllowed, OriginNotAllowed, Unauthorized
from audio_tools.server.openapi.json_schema import content
from audio_tools.server.uvicorn_ext.interface import HeadTooLarge, HeadTooLate

Responses = dict[int | str, dict[str, Any]]


class Refusal(NamedTuple):
    """An error as clients receive it."""

    status: int
    code: str
    meaning: str

    @classmethod
    def of(cls, error: type[AudioToolsError]) -> Self:
        """Its meaning is the first sentence of the docstring, up to a semicolon."""
        text = " ".join((error.__doc__ or "").split())
        return cls(error.status, error.code, re.split(r"[.;](?: |$)", text)[0] + ".")


Error = type[AudioToolsError] | Refusal

EVERYWHERE: tuple[Error, ...] = (
    BadHost,
    Unauthorized,
    HostNotAllowed,
    OriginNotAllowed,
    HeadTooLate,
    HeadTooLarge,
    own.ServiceStopping,
    Refusal(500, "internal_error", "Internal error; search the log of the service for `requestId`."),
)
"""Errors of every route."""
INVALID_REQUEST = Refusal(422, "invalid_request", "Invalid parameters; `problems` lists them.")
OF_A_JOB: tuple[Error, ...] = (own.JobNotFound, own.JobError, own.QueueUnavailable)
OF_AN_UPLOAD: tuple[Error, ...] = (
    own.UploadError,
    own.MalformedUpload,
    own.UploadTimeout,
    own.UploadTooLarge,
    own.UnsupportedMediaType,
    own.StorageError,
    own.DiskFull,
)
OF_A_START: tuple[Error, ...] = (
    own.MalformedRequest,
    own.UnsupportedMediaType,
    own.InvalidOption,
    own.PathRefused,
    own.WebhookRefused,
    own.UploadNotFound,
    own.UploadUnfinished,
    own.UploadExpired,
    own.UploadLocked,
    INVALID_REQUEST,
    own.QueueUnavailable,
)
OF_A_RESTART: tuple[Error, ...] = (
    *OF_A_JOB,
    own.JobNotRestartable,
    own.UploadNotFound,
    own.UploadExpired,
    own.UploadUnfinished,
    own.PathRefused,
    own.WebhookRefused,
)
OF_A_FAILED_JOB: tuple[Error, ...] = (
    own.ConfigError,
    own.InvalidOption,
    own.CostLimitReached,
    own.PathRefused,
    own.UploadNotFound,
    own.MediaNotFound,
    own.MediaError,
    own.ProbeFailed,
    own.NoAudioStream,
    own.DecodeFailed,
    own.EngineRateLimited,
    own.StorageError,
    Refusal(
        WORKER_CRASHED.status,
        WORKER_CRASHED.code,
        "The worker died repeatedly while processing this job.",
    ),
    own.EngineError,
    own.EngineUnavailable,
    own.EngineUnreachable,
    own.BadEngineReply,
    own.ChunkRefused,
    own.EngineRefused,
    own.OptionRefused,
    own.AllChunksFailed,
    own.EngineNotReady,
    own.EngineTimeout,
    own.DiskFull,
)
"""Errors of the result of a failed job: the job's own error."""


def errors(*kinds: Error) -> Responses:
    """The `responses` of a route: these errors and those of every route."""
    by_status: dict[int, list[str]] = {}
    for kind in dict.fromkeys((*EVERYWHERE, *kinds)):
        status, code, meaning = kind if isinstance(kind, Refusal) else Refusal.of(kind)
        by_status.setdefault(status, []).append(f"- `{code}`: {meaning}")
    return {
        status: {"description": "\n".join(by_status[status]), "content": content("ErrorBody")}
        for status in sorted(by_status)
    }
