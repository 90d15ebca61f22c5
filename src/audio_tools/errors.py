"""
The errors of audio-tools.

    AudioToolsError                 code, status, retryable, hint
    ├─ ConfigError             400  a setting or an option is wrong; the command line exits 2
    │  ├─ InvalidOption        400  (option, value, allowed)
    │  ├─ MalformedRequest     400
    │  ├─ PathRefused          403
    │  └─ WebhookRefused       400
    ├─ StorageError            500
    │  └─ DiskFull             507
    ├─ UploadError             400
    │  ├─ MalformedUpload      400
    │  ├─ UploadInterrupted    400  a newer request took the upload over
    │  ├─ UploadNotFound       404  (upload_id)
    │  ├─ UploadTimeout        408  (idle_s) retryable
    │  ├─ OffsetMismatch       409  (expected, got)
    │  ├─ UploadUnfinished     409  (offset, length)
    │  ├─ UploadInUse          409  (upload_id, job_id)
    │  ├─ UploadExpired        410  (upload_id)
    │  ├─ UnsupportedTusVersion 412
    │  ├─ UploadTooLarge       413  (limit)
    │  ├─ UnsupportedMediaType 415
    │  ├─ UploadLocked         423  retryable
    │  └─ ChecksumMismatch     460  retryable
    ├─ ServiceStopping         503  retryable
    ├─ ServerUnreachable       503  retryable
    ├─ MediaError              422  the command line exits 3
    │  ├─ MediaNotFound        404
    │  ├─ ProbeFailed          422
    │  ├─ NoAudioStream        422
    │  └─ DecodeFailed         422
    ├─ EngineError             502  (retry_after_s) the command line exits 4
    │  ├─ EngineUnavailable    502  (received) retryable
    │  │  └─ EngineUnreachable 502  no connection: nothing was sent, nothing is paid
    │  ├─ EngineTimeout        504  retryable
    │  ├─ EngineRateLimited    429  retryable
    │  ├─ BadEngineReply       502  retryable
    │  ├─ ChunkRefused         502  this chunk will never be taken
    │  ├─ EngineRefused        502  nor will any other: bad key, spent quota
    │  │  ├─ OptionRefused     502  (option) it does not know the model or the language; exits 2
    │  │  └─ CostLimitReached  402  (max_cost_usd)
    │  ├─ EngineNotReady       503  (an extra, a model or a key is missing) exits 2
    │  └─ AllChunksFailed      502
    ├─ ExportError             422
    │  ├─ InvalidRange         422  (range) a range of a cut plan
    │  ├─ EmptyTimeline        422  nothing would be kept
    │  ├─ NoWords              422  the format needs at least one word
    │  └─ UnsupportedFrameRate 422  (frame_rate) the format cannot count frames at this rate
    └─ JobError                500
       ├─ JobNotFound          404  (job_id)
       ├─ PeaksNotFound        404  (job_id)
       ├─ JobNotFinished       409  (job_id, state)
       ├─ JobFinished          409  (job_id, state)
       ├─ JobNotRestartable    409  (job_id, state)
       ├─ JobCancelled         409  (job_id)
       ├─ RangeNotSatisfiable  416  (size)
       ├─ PreviewsBusy         503  retryable
       └─ QueueUnavailable     503  retryable

Programming errors are ValueError or AssertionError, outside this tree. Foreign errors are translated
where they are raised: `media/ffmpeg.py`, `engines/openai/errors.py`, `engines/whisper/engine.py`,
`jobs/sqlite/queue.py`, `jobs/bullmq/connection.py`, `storage/local.py`.
"""

from __future__ import annotations

import json
from typing import ClassVar

from audio_tools.redaction import redact

LONGEST_SHOWN = 200
"""Characters of a value that a message quotes."""


class AudioToolsError(Exception):
    """
    The base class: a message that states what is wrong, and a hint that states what to do.

    Attributes: `code` is a stable identifier; `status` is the HTTP status; `retryable` is whether the same
    call may succeed a moment later, `restartable` whether a job that failed with it may succeed later with
    the same file and options.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False
    restartable: bool = True
    exit_code: int = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        # Redact here, since the error text of a provider, which may quote the key, is logged, stored and
        # sent.
        self.message = redact(message)
        self.hint = redact(hint)
        super().__init__(self.message)

    def facts(self) -> dict[str, object]:
        """Machine-readable details in addition to code and message: JSON values, camelCase keys."""
        return {}


class ConfigError(AudioToolsError):
    """A setting is missing or wrong."""

    code, status, exit_code = "config_error", 400, 2


class InvalidOption(ConfigError):
    """An option has the wrong type or is out of range; one that is not `required` may be omitted."""

    code, restartable = "invalid_option", False

    def __init__(self, option: str, value: object, allowed: str, *, required: bool = False) -> None:
        super().__init__(
            f"Option {option} is {shown(value)}, but must be {allowed}.",
            hint=f"Set {option} to an allowed value{'' if required else ', or omit it'}.",
        )
        self.option, self.value, self.allowed = option, value, allowed

    def facts(self) -> dict[str, object]:
        return {"option": self.option, "value": self.value, "allowed": self.allowed}


class MalformedRequest(ConfigError):
    """The request does not have the required format."""

    code, restartable = "malformed_request", False


class PathRefused(ConfigError):
    """The path may not be used; the error is the same whether the file exists or not."""

    code, status = "path_refused", 403


class WebhookRefused(ConfigError):
    """The receiver of a job's messages may not be used."""

    code, restartable = "webhook_refused", False


class StorageError(AudioToolsError):
    """A file in the data directory cannot be read or written."""

    code, status = "storage_error", 500


class DiskFull(StorageError):
    """The disk is full."""

    code, status = "disk_full", 507


class UploadError(AudioToolsError):
    """An upload was refused or not completed."""

    code, status = "upload_error", 400


class MalformedUpload(UploadError):
    """The upload request is malformed: headers, boundary or fields."""

    code = "malformed_upload"


class UploadInterrupted(UploadError):
    """
    A newer request took over the upload; received bytes are kept.

    The status is 400, as in tusd: official clients retry a 409 or 423, and two of them would take the
    upload from each other endlessly.
    """

    code = "upload_interrupted"

    def __init__(self) -> None:
        super().__init__(
            "Another request took over this upload.",
            hint="Upload from one client only; it resumes where this request stopped.",
        )


class UploadNotFound(UploadError):
    """There is no upload with this id; it may have been removed."""

    code, status, restartable = "upload_not_found", 404, False

    def __init__(self, upload_id: str) -> None:
        # The message quotes the id that the client sent, limited to the length of an id.
        super().__init__(f"Upload not found: {upload_id[:32]}.", hint="Start a new upload.")
        self.upload_id = upload_id[:32]

    def facts(self) -> dict[str, object]:
        return {"uploadId": self.upload_id}


class UploadTimeout(UploadError):
    """The client sent no data for too long."""

    code, status, retryable = "upload_timeout", 408, True

    def __init__(self, idle_s: float) -> None:
        super().__init__(
            f"No data received from the client for {idle_s:g} seconds.",
            hint="Check the connection and Content-Length; a resumable upload continues from its offset.",
        )
        self.idle_s = idle_s

    def facts(self) -> dict[str, object]:
        return {"idleSeconds": self.idle_s}


class OffsetMismatch(UploadError):
    """The offset of the request differs from that of the upload."""

    code, status = "offset_mismatch", 409

    def __init__(self, *, expected: int, got: int) -> None:
        super().__init__(
            f"Offset mismatch: the upload is at byte {expected}, but the request starts at byte {got}.",
            hint="Get the current offset with HEAD and resume from there.",
        )
        self.expected, self.got = expected, got

    def facts(self) -> dict[str, object]:
        return {"expected": self.expected, "got": self.got}


class UploadUnfinished(UploadError):
    """The upload is not complete; `length` is None while unknown."""

    code, status = "upload_unfinished", 409

    def __init__(self, offset: int, length: int | None) -> None:
        super().__init__(
            f"The upload is incomplete: {offset} of {'an unknown number of' if length is None else length} "
            "bytes received.",
            hint="Send the remaining bytes first.",
        )
        self.offset, self.length = offset, length

    def facts(self) -> dict[str, object]:
        return {"offset": self.offset, "length": self.length}


class UploadInUse(UploadError):
    """The upload cannot be deleted while an unfinished job uses it."""

    code, status = "upload_in_use", 409

    def __init__(self, upload_id: str, job_id: str) -> None:
        super().__init__(
            f"Upload {upload_id} is in use by job {job_id}.",
            hint="Cancel the job; this also deletes its upload.",
        )
        self.upload_id, self.job_id = upload_id, job_id

    def facts(self) -> dict[str, object]:
        return {"uploadId": self.upload_id, "jobId": self.job_id}


class UploadExpired(UploadError):
    """The upload was left unfinished for too long."""

    code, status, restartable = "upload_expired", 410, False

    def __init__(self, upload_id: str) -> None:
        super().__init__(f"Upload {upload_id} has expired.", hint="Start a new upload.")
        self.upload_id = upload_id

    def facts(self) -> dict[str, object]:
        return {"uploadId": self.upload_id}


class UnsupportedTusVersion(UploadError):
    """The version of the tus protocol is not supported."""

    code, status = "unsupported_tus_version", 412


class UploadTooLarge(UploadError):
    """The request is too large; `what` names the part that exceeds its limit."""

    code, status = "upload_too_large", 413

    def __init__(self, limit: int, what: str = "The upload") -> None:
        super().__init__(f"{what} is larger than {limit} bytes.", hint=f"Send at most {limit} bytes.")
        self.limit = limit

    def facts(self) -> dict[str, object]:
        return {"limit": self.limit}


class UnsupportedMediaType(UploadError):
    """The media type of the body is not supported by this route."""

    code, status = "unsupported_media_type", 415


class UploadLocked(UploadError):
    """Another process is writing to this upload."""

    code, status, retryable = "upload_locked", 423, True

    def __init__(self) -> None:
        super().__init__("Another process is writing to this upload.", hint="Try again in a moment.")


class ChecksumMismatch(UploadError):
    """The received bytes do not match the client's checksum; they are dropped."""

    code, status, retryable = "checksum_mismatch", 460, True

    def __init__(self) -> None:
        super().__init__("The bytes do not match Upload-Checksum.", hint="Send them again.")


class ServiceStopping(AudioToolsError):
    """The service is shutting down; the request was not completed."""

    code, status, retryable = "service_stopping", 503, True

    def __init__(self) -> None:
        super().__init__(
            "The service is shutting down.",
            hint="Send the request again; resume a tus upload from its offset.",
        )


class ServerUnreachable(AudioToolsError):
    """The service cannot be reached."""

    code, status, retryable = "server_unreachable", 503, True


class MediaError(AudioToolsError):
    """The media file cannot be used."""

    code, status, exit_code, restartable = "media_error", 422, 3, False


class MediaNotFound(MediaError):
    """The file does not exist or cannot be read."""

    code, status = "media_not_found", 404


class ProbeFailed(MediaError):
    """The file is not a supported media file."""

    code = "probe_failed"


class NoAudioStream(MediaError):
    """The file has no audio stream, or not the requested one."""

    code = "no_audio_stream"


class DecodeFailed(MediaError):
    """The audio stream cannot be decoded."""

    code = "decode_failed"


class EngineError(AudioToolsError):
    """
    An engine did not transcribe a chunk.

    `retry_after_s` is the delay that the provider requested, in seconds, or None; `restartable` replaces the
    value of the class, unless it is None.
    """

    code, status, exit_code = "engine_error", 502, 4

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        retry_after_s: float | None = None,
        restartable: bool | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s
        if restartable is not None:
            self.restartable = restartable


class EngineUnavailable(EngineError):
    """
    The engine's server cannot be reached, closed the connection, or returned a 5xx.

    `received`: whether it may have received the request, which is then charged. `away`: whether there is no
    engine behind the reply yet, as a gateway reports; None if the reply alone does not show it. `loading`:
    whether the reply says that the engine is loading its model.
    """

    code, retryable = "engine_unavailable", True

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        retry_after_s: float | None = None,
        received: bool = True,
        away: bool | None = False,
        loading: bool = False,
    ) -> None:
        super().__init__(message, hint=hint, retry_after_s=retry_after_s)
        self.received = received
        self.away = True if loading else away
        self.loading = loading


class EngineUnreachable(EngineUnavailable):
    """The engine's server cannot be connected to; nothing was sent or charged."""

    code = "engine_unreachable"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint, received=False, away=True)


class EngineTimeout(EngineError):
    """The engine did not respond in time."""

    code, status, retryable = "engine_timeout", 504, True


class EngineRateLimited(EngineError):
    """The engine's rate limit is exceeded."""

    code, status, retryable = "engine_rate_limited", 429, True


class BadEngineReply(EngineError):
    """The engine's reply is truncated, garbled or in an unknown format."""

    code, retryable = "bad_engine_reply", True


class ChunkRefused(EngineError):
    """The provider permanently rejects this chunk (too long, too large, unreadable)."""

    code, restartable = "chunk_refused", False


class EngineRefused(EngineError):
    """The provider rejects all requests: the key is invalid or the quota is used up."""

    code, restartable = "engine_refused", False


class OptionRefused(EngineRefused):
    """The engine does not accept the model, language or prompt; `option` names it, where it is known."""

    code, exit_code = "option_refused", 2

    def __init__(self, message: str, *, hint: str = "", option: str = "") -> None:
        super().__init__(message, hint=hint)
        self.option = option

    def facts(self) -> dict[str, object]:
        return {"option": self.option} if self.option else {}


class CostLimitReached(EngineRefused):
    """The cost limit of the job is reached; `done` is a sentence about the cost and the stored chunks."""

    code, status, restartable = "cost_limit_reached", 402, True

    def __init__(self, max_cost_usd: float, done: str = "") -> None:
        super().__init__(
            f"Cost limit of {max_cost_usd:g} USD reached. {done}".strip(),
            hint="Run the same command again with a higher limit (maxCost, --max-cost): finished chunks are "
            "not charged again.",
        )
        self.max_cost_usd = max_cost_usd

    def facts(self) -> dict[str, object]:
        return {"maxCost": self.max_cost_usd}


class EngineNotReady(EngineError):
    """The engine cannot start: a package, a model or a key is missing."""

    code, status, exit_code = "engine_not_ready", 503, 2


class AllChunksFailed(EngineError):
    """No chunk could be transcribed."""

    code = "all_chunks_failed"


class ExportError(AudioToolsError):
    """The requested file or cut plan cannot be made from the transcript."""

    code, status, exit_code = "export_error", 422, 2


class InvalidRange(ExportError):
    """A range of a cut plan is outside the media or its words."""

    code = "invalid_range"

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"Range {name}: {problem}.", hint="Correct the range, or omit it.")
        self.name = name

    def facts(self) -> dict[str, object]:
        return {"range": self.name}


class EmptyTimeline(ExportError):
    """A cut plan keeps nothing."""

    code = "empty_timeline"


class NoWords(ExportError):
    """The requested format requires words, and the transcript has none."""

    code = "no_words"


class UnsupportedFrameRate(ExportError):
    """The format does not support the frame rate of the media."""

    code = "unsupported_frame_rate"

    def __init__(self, frame_rate: str, what: str) -> None:
        super().__init__(
            f"{what} does not support {frame_rate} frames per second.",
            hint="Convert the media to a constant standard frame rate, or set frameRate.",
        )
        self.frame_rate = frame_rate

    def facts(self) -> dict[str, object]:
        return {"frameRate": self.frame_rate}


class JobError(AudioToolsError):
    """An error of a job or of the queue."""

    code, status = "job_error", 500


class PeaksNotFound(JobError):
    """There is no waveform for this job: its transcript is of an older version, or of a dry run."""

    code, status = "peaks_not_found", 404

    def __init__(self, job_id: str) -> None:
        super().__init__(f"There is no waveform for job {job_id}.", hint="Transcribe the file again.")
        self.job_id = job_id

    def facts(self) -> dict[str, object]:
        return {"jobId": self.job_id}


class RangeNotSatisfiable(JobError):
    """The requested byte range is outside the recording, which has `size` bytes."""

    code, status = "range_not_satisfiable", 416

    def __init__(self, size: int) -> None:
        super().__init__(
            f"The requested range is outside the recording of {size} bytes.",
            hint="Request a range that begins inside it.",
        )
        self.size = size

    def facts(self) -> dict[str, object]:
        return {"size": self.size}


class PreviewsBusy(JobError):
    """As many previews are decoded as this service runs at once."""

    code, status, retryable = "previews_busy", 503, True

    def __init__(self, most: int) -> None:
        super().__init__(
            f"The limit of {most} concurrent previews has been reached.",
            hint="Try again when one of them has finished.",
        )


class JobNotFound(JobError):
    """There is no job with this id; it may have been deleted."""

    code, status = "job_not_found", 404

    def __init__(self, job_id: str) -> None:
        hint = "Finished jobs are deleted after RESULT_TTL seconds."
        if job_id.isdecimal():
            hint = "A job is named by its jobId, which GET /jobs lists beside its number."
        super().__init__(f"Job not found: {job_id}.", hint=hint)
        self.job_id = job_id

    def facts(self) -> dict[str, object]:
        return {"jobId": self.job_id}


class JobNotFinished(JobError):
    """The job has not finished."""

    code, status = "job_not_finished", 409

    def __init__(self, job_id: str, state: str) -> None:
        super().__init__(f"Job {job_id} is {state}.", hint="Wait until it has finished, or cancel it.")
        self.job_id, self.state = job_id, state

    def facts(self) -> dict[str, object]:
        return {"jobId": self.job_id, "state": self.state}


class JobFinished(JobError):
    """The job has finished: there is nothing to cancel, and it is not to be deleted."""

    code, status = "job_finished", 409

    def __init__(self, job_id: str, state: str) -> None:
        super().__init__(
            f"Job {job_id} has already finished ({state}).",
            hint="Its data is kept until it is deleted.",
        )
        self.job_id, self.state = job_id, state

    def facts(self) -> dict[str, object]:
        return {"jobId": self.job_id, "state": self.state}


class JobNotRestartable(JobError):
    """Only a job that failed for a reason outside its file and options can be restarted."""

    code, status = "job_not_restartable", 409

    def __init__(self, job_id: str, state: str, *, upload_removed: bool = False) -> None:
        reason = "would fail again for the same reason" if state == "failed" else f"is {state}"
        if upload_removed:
            reason = "has no upload any more: it was removed to free disk space"
        super().__init__(f"Job {job_id} {reason}.", hint="Start a new job.")
        self.job_id, self.state = job_id, state

    def facts(self) -> dict[str, object]:
        return {"jobId": self.job_id, "state": self.state}


class JobCancelled(JobError):
    """The job was cancelled; it has no result."""

    code, status = "job_cancelled", 409

    def __init__(self, job_id: str) -> None:
        super().__init__(f"Job {job_id} was cancelled.", hint="Start it again to get a transcript.")
        self.job_id = job_id

    def facts(self) -> dict[str, object]:
        return {"jobId": self.job_id}


class QueueUnavailable(JobError):
    """The queue is temporarily unavailable."""

    code, status, retryable = "queue_unavailable", 503, True


def shown(value: object) -> str:
    """A value that a client sent as JSON shows it, text in single quotes; a long one is cut off."""
    if isinstance(value, str):
        text = repr(value)
    elif isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 10**LONGEST_SHOWN:
        return "a number of many digits"
    else:
        text = json.dumps(value, default=str, ensure_ascii=False)
    return text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"


def exit_code_of(code: str) -> int:
    """Return the exit code of the error with this `code`; 1 for unknown codes."""
    kinds: list[type[AudioToolsError]] = [AudioToolsError]
    for kind in kinds:
        if kind.code == code:
            return kind.exit_code
        kinds += kind.__subclasses__()
    return AudioToolsError.exit_code
