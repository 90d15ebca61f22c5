"""A job and its events, as every queue backend stores them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePath

from audio_tools.transcript import Json


class JobState(StrEnum):
    """
    State of a job, in BullMQ's terms.

        waiting ──take──▶ active ──▶ completed | failed | cancelled
           ▲                 │
           └──── released ───┘   the worker shut down, or died and was restarted

    Cancelling moves a waiting or delayed job to `cancelled` at once, an active one when its worker has
    stopped.
    """

    WAITING = "waiting"  #: the next free worker takes it
    ACTIVE = "active"  #: a worker holds it
    DELAYED = "delayed"  #: waits until a point in time; used by BullMQ's retries only
    COMPLETED = "completed"  #: `result` summarises the transcript
    FAILED = "failed"  #: `error` gives the reason
    CANCELLED = "cancelled"  #: at the request of a client


UNFINISHED = frozenset({JobState.WAITING, JobState.ACTIVE, JobState.DELAYED})
TERMINAL = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED})

PROGRESS = "progress"
"""Event type with `progress`, 0..100, in its payload; only the latest one of a job is stored."""

CANCELLING = "cancelling"
"""Event type of an active job that was cancelled; its worker is about to stop."""

STATE_EVENTS = frozenset({*JobState, CANCELLING})
"""Event types stored by the queue itself; all others are reports of the worker."""


@dataclass(frozen=True, slots=True)
class Job:
    """
    A job: one media file to transcribe. Times are epoch seconds.

    `number` counts from 1 in order of creation; `id` is a UUID as text. `data` is the request (media,
    options,
    original name), `report` the payload of the latest progress event. `result` is a summary of the
    transcript.
    `error` has `code`, `message`, `status` and further facts. `attempts` counts the starts; `started_at` is
    the start of the latest attempt. The dicts are plain JSON and must not be modified.
    """

    number: int
    id: str
    state: JobState
    data: Json
    created_at: float
    progress: float = 0.0
    report: Json = field(default_factory=dict)
    result: Json | None = None
    error: Json | None = None
    attempts: int = 0
    cancel_requested: bool = False
    started_at: float | None = None
    finished_at: float | None = None
    idempotency_key: str | None = None

    @property
    def finished(self) -> bool:
        """Whether the job has finished, successfully or not."""
        return self.state in TERMINAL

    @property
    def restartable(self) -> bool:
        """Whether the job failed for a reason that may pass; its upload is then kept."""
        return self.state is JobState.FAILED and bool((self.error or {}).get("restartable"))

    @property
    def upload_removed(self) -> bool:
        """Whether the upload of the failed job was removed to free disk space."""
        return bool((self.error or {}).get("uploadRemoved"))

    @property
    def waiting_for(self) -> Json | None:
        """The reason why a running job waits; None while it makes progress."""
        waiting: Json | None = self.report.get("waiting") if self.state is JobState.ACTIVE else None
        return waiting

    @property
    def upload_id(self) -> str | None:
        """Id of the job's upload; None if it uses a local file."""
        return self._text("uploadId")

    @property
    def path(self) -> str | None:
        """Path of the job's local file; the caller must check it before opening."""
        return self._text("path")

    @property
    def file_name(self) -> str:
        """The client's file name, else the name of its path, else the id of the job."""
        return self._text("fileName") or PurePath(self.path or "").name or self.id

    def _text(self, field: str) -> str | None:
        # Other producers may add jobs with arbitrary data to Redis.
        value = self.data.get(field)
        return value if isinstance(value, str) else None

    @property
    def stage(self) -> str | None:
        """The stage last reported, named like its module: probe, decode, transcribe …"""
        return self.report.get("stage")

    @property
    def message(self) -> str:
        """A sentence about the current step or the outcome."""
        match self.state:
            case JobState.COMPLETED:
                return "Done"
            case JobState.CANCELLED:
                return "Cancelled"
            case JobState.FAILED:
                return str((self.error or {}).get("message", "Failed"))
        return str(self.report.get("message", ""))

    @property
    def eta_s(self) -> float | None:
        """Estimated seconds left, None while unknown; 0 once the job has finished."""
        return 0.0 if self.finished else self.report.get("etaSeconds")


@dataclass(frozen=True, slots=True)
class Event:
    """
    An entry in a job's event log.

    `id` is opaque and serves to resume. `type` is a state (`waiting`, `active`, `completed` …), `cancelling`,
    or a report of the worker (`progress`, `words`). `timestamp` is in epoch seconds. `payload` is plain JSON,
    possibly shared by readers, and must not be modified.
    """

    id: str
    type: str
    timestamp: float
    payload: Json

    @property
    def terminal(self) -> bool:
        """Whether it is the last event of its job."""
        return self.type in TERMINAL

    def to_json(self) -> Json:
        return self.payload | {"type": self.type, "id": self.id, "timestamp": self.timestamp}
