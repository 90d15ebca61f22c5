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
    │  │  └─ EngineUnreachable 502  retryable; nothing was sent, so nothing is charged
    │  ├─ EngineTimeout        504  retryable
    │  ├─ EngineRateLimited    429  retryable
    │  ├─ BadEngineReply       502  retryable
    │  ├─ ChunkRefused         502  the provider rejects this chunk
    │  ├─ EngineRefused        502  the provider rejects every chunk: bad key, spent quota
    │  │  ├─ OptionRefused     502  (option) unknown model or language; exits 2
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

Programming errors are ValueError or AssertionError, outside this tree. Foreign errors are translated where
they enter: `map_openai_errors`, `map_redis_errors`, `map_sqlite_errors`, `map_storage_errors`, and those of
media files in `media/probe.py` and `media/decode.py`. The command line exits with `exit_code`.
"""

from __future__ import annotations

from audio_tools.errors.base import (
    AudioToolsError,
    exit_code_of,
    shown,
)
from audio_tools.errors.config import (
    ConfigError,
    InvalidOption,
    MalformedRequest,
    PathRefused,
    WebhookRefused,
)
from audio_tools.errors.engine import (
    AllChunksFailed,
    BadEngineReply,
    ChunkRefused,
    CostLimitReached,
    EngineError,
    EngineNotReady,
    EngineRateLimited,
    EngineRefused,
    EngineTimeout,
    EngineUnavailable,
    EngineUnreachable,
    OptionRefused,
)
from audio_tools.errors.export import (
    EmptyTimeline,
    ExportError,
    InvalidRange,
    NoWords,
    UnsupportedFrameRate,
)
from audio_tools.errors.job import (
    JobCancelled,
    JobError,
    JobFinished,
    JobNotFinished,
    JobNotFound,
    JobNotRestartable,
    PeaksNotFound,
    PreviewsBusy,
    QueueUnavailable,
    RangeNotSatisfiable,
)
from audio_tools.errors.media import (
    DecodeFailed,
    MediaError,
    MediaNotFound,
    NoAudioStream,
    ProbeFailed,
)
from audio_tools.errors.service import (
    ServerUnreachable,
    ServiceStopping,
)
from audio_tools.errors.storage import (
    DiskFull,
    StorageError,
)
from audio_tools.errors.upload import (
    ChecksumMismatch,
    MalformedUpload,
    OffsetMismatch,
    UnsupportedMediaType,
    UnsupportedTusVersion,
    UploadError,
    UploadExpired,
    UploadInterrupted,
    UploadInUse,
    UploadLocked,
    UploadNotFound,
    UploadTimeout,
    UploadTooLarge,
    UploadUnfinished,
)

__all__ = [
    "AllChunksFailed",
    "AudioToolsError",
    "BadEngineReply",
    "ChecksumMismatch",
    "ChunkRefused",
    "ConfigError",
    "CostLimitReached",
    "DecodeFailed",
    "DiskFull",
    "EmptyTimeline",
    "EngineError",
    "EngineNotReady",
    "EngineRateLimited",
    "EngineRefused",
    "EngineTimeout",
    "EngineUnavailable",
    "EngineUnreachable",
    "ExportError",
    "InvalidOption",
    "InvalidRange",
    "JobCancelled",
    "JobError",
    "JobFinished",
    "JobNotFinished",
    "JobNotFound",
    "JobNotRestartable",
    "MalformedRequest",
    "MalformedUpload",
    "MediaError",
    "MediaNotFound",
    "NoAudioStream",
    "NoWords",
    "OffsetMismatch",
    "OptionRefused",
    "PathRefused",
    "PeaksNotFound",
    "PreviewsBusy",
    "ProbeFailed",
    "QueueUnavailable",
    "RangeNotSatisfiable",
    "ServerUnreachable",
    "ServiceStopping",
    "StorageError",
    "UnsupportedFrameRate",
    "UnsupportedMediaType",
    "UnsupportedTusVersion",
    "UploadError",
    "UploadExpired",
    "UploadInUse",
    "UploadInterrupted",
    "UploadLocked",
    "UploadNotFound",
    "UploadTimeout",
    "UploadTooLarge",
    "UploadUnfinished",
    "WebhookRefused",
    "exit_code_of",
    "shown",
]
