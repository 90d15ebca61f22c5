"""Why a job has failed, as it is stored in the queue and shown to clients."""

from __future__ import annotations

from dataclasses import dataclass

from audio_tools.errors import AudioToolsError
from audio_tools.transcript import Json

UPLOAD_REMOVED: Json = {
    "restartable": False,
    "uploadRemoved": True,
    "hint": "Its upload was removed to free disk space. Upload the file again.",
}
"""Replaces these fields when the upload of a failed job is removed."""


@dataclass(frozen=True, slots=True)
class JobFailure:
    """
    The error of a failed job.

    `stored` is its JSON form in the queue, and must not be modified: `code`, `message`, `status` and, where
    they apply, `hint`, `retryable`, `restartable`, `uploadRemoved` and the facts of the error.
    """

    stored: Json

    @classmethod
    def of(cls, error: AudioToolsError, message: str) -> JobFailure:
        """Return the failure of a job by `error`, with this message."""
        return cls(
            {
                "code": error.code,
                "message": message,
                **({"hint": error.hint} if error.hint else {}),
                "status": error.status,
                "retryable": error.retryable,
                "restartable": error.restartable,
                **error.facts(),
            }
        )

    @property
    def code(self) -> str:
        """Stable code of the error."""
        return str(self.stored.get("code", AudioToolsError.code))

    @property
    def message(self) -> str:
        """What is wrong, one sentence."""
        return str(self.stored.get("message", "Failed"))

    @property
    def hint(self) -> str | None:
        """What to do about the error, if known."""
        hint = self.stored.get("hint")
        return None if hint is None else str(hint)

    @property
    def status(self) -> int:
        """HTTP status of the job's result."""
        return int(self.stored.get("status", 500))

    @property
    def restartable(self) -> bool:
        """Whether the job may succeed when it is restarted; its upload is kept until then."""
        return bool(self.stored.get("restartable"))

    @property
    def upload_removed(self) -> bool:
        """Whether the upload of the job was removed to free disk space."""
        return bool(self.stored.get("uploadRemoved"))

    def without_upload(self) -> JobFailure:
        """Return the failure after the upload was removed: it is no longer restartable."""
        return JobFailure(self.stored | UPLOAD_REMOVED)

    def response_body(self) -> Json:
        """Return the body of the response to a request for the result."""
        facts = {name: value for name, value in self.stored.items() if name not in {"code", "status"}}
        return {"success": False, "error": self.code, **facts}
