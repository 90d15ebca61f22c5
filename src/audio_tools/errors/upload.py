"""An upload was refused or not completed."""

from __future__ import annotations

from audio_tools.errors.base import AudioToolsError


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
