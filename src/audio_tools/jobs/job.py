"""A job and its events, as every queue backend stores them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from audio_tools.jobs.failure import JobFailure
from audio_tools.jobs.request import JobRequest
from audio_tools.options import Options
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

    `number` counts from 1 in order of creation; `id` is a UUID as text. `attempts` counts the starts;
    `started_at` is the start of the latest attempt.

    `report` is the payload of the latest progress event, `result` a `Summary` of the transcript. Both are
    plain JSON and must not be modified: the queue stores what a worker reported, possibly one of another
    version, and clients get it unchanged. The properties below read it by type.
    """

    number: int
    id: str
    state: JobState
    request: JobRequest
    created_at: float
    progress: float = 0.0
    report: Json = field(default_factory=dict)
    result: Json | None = None
    error: JobFailure | None = None
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
        return self.state is JobState.FAILED and self.error is not None and self.error.restartable

    @property
    def upload_removed(self) -> bool:
        """Whether the upload of the failed job was removed to free disk space."""
        return self.error is not None and self.error.upload_removed

    @property
    def waiting_for(self) -> Json | None:
        """The reason why a running job waits; None while it makes progress."""
        waiting: Json | None = self.report.get("waiting") if self.state is JobState.ACTIVE else None
        return waiting

    @property
    def upload_id(self) -> str | None:
        """Id of the job's upload; None if it uses a local file."""
        return self.request.upload_id

    @property
    def path(self) -> str | None:
        """Path of the job's local file; the caller must check it before opening."""
        return self.request.path

    @property
    def file_name(self) -> str:
        """The client's file name, else the name of its path, else the id of the job."""
        return self.request.file_name or self.id

    @property
    def options(self) -> Options:
        """The options of the job. Raises InvalidOption if another producer added it with invalid ones."""
        return self.request.options

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
                return self.error.message if self.error else "Failed"
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
    possibly shared by readers, and must not be modified: events are stored and passed on as they were written
    (`events.py` has their types), so that a replay is the same after an upgrade.
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
