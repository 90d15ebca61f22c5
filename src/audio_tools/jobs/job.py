"""A job and the events of its life, as every queue backend keeps them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import PurePath

from audio_tools.transcript import Json


class JobState(StrEnum):
    """
    Where a job stands, in BullMQ's words.

        waiting ──take──▶ active ──▶ completed | failed | cancelled
           ▲                 │
           └──── released ───┘   the worker shut down, or died and was restarted

    Cancelling takes a waiting or delayed job straight to cancelled; an active one goes there as soon as its
    worker has stopped.
    """

    WAITING = "waiting"  #: the next free worker takes it
    ACTIVE = "active"  #: a worker holds it
    DELAYED = "delayed"  #: it waits for a moment in time; SQLite never uses it, BullMQ's retries do
    COMPLETED = "completed"  #: `result` says where the transcript is
    FAILED = "failed"  #: `error` says why
    CANCELLED = "cancelled"  #: somebody asked for it


UNFINISHED = frozenset({JobState.WAITING, JobState.ACTIVE, JobState.DELAYED})
TERMINAL = frozenset({JobState.COMPLETED, JobState.FAILED, JobState.CANCELLED})

PROGRESS = "progress"
"""The event type whose payload holds `progress`, 0..100; only the newest one of a job is kept."""

CANCELLING = "cancelling"
"""The event type that says: an active job was cancelled, its worker is about to stop."""

STATE_EVENTS = frozenset({*JobState, CANCELLING})
"""Event types that the queue itself stores; all others are reports of the worker."""


@dataclass(frozen=True, slots=True)
class Job:
    """
    One media file on its way to one transcript. Times are epoch seconds.

    `number` counts from 1 in order of creation, `id` is a UUID as text. `data` is what the client asked for
    (media, options, original name), `report` the payload of the newest progress event. `result` points to
    the transcript; it is not the transcript. `error` holds `code`, `message`, `status` and what else the
    error knows. `attempts` counts how often a worker began; `started_at` belongs to the newest attempt.
    The dicts hold plain JSON and are not to be changed.
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
        """Whether it has ended, well or not."""
        return self.state in TERMINAL

    @property
    def restartable(self) -> bool:
        """Whether it failed in a way that another attempt may not; its upload is kept as long as that."""
        return self.state is JobState.FAILED and bool((self.error or {}).get("restartable"))

    @property
    def waiting_for(self) -> Json | None:
        """What a running job waits for before it can continue, None while it works."""
        waiting: Json | None = self.report.get("waiting") if self.state is JobState.ACTIVE else None
        return waiting

    @property
    def upload_id(self) -> str | None:
        """The upload that it works on; None where it works on a file of the machine."""
        return self._text("uploadId")

    @property
    def path(self) -> str | None:
        """The file of the machine that it works on; to be checked by whoever opens it."""
        return self._text("path")

    @property
    def file_name(self) -> str:
        """The client's name of the file, else that of its path, else the id of the job."""
        return self._text("fileName") or PurePath(self.path or "").name or self.id

    def _text(self, field: str) -> str | None:
        # Others may add jobs to Redis: what they write is anything.
        value = self.data.get(field)
        return value if isinstance(value, str) else None

    @property
    def stage(self) -> str | None:
        """The stage last reported, named like its module: probe, decode, transcribe …"""
        return self.report.get("stage")

    @property
    def message(self) -> str:
        """One sentence for people about what goes on, or how it ended."""
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
        """Seconds left as last reported, None while nobody knows; 0 once it has ended."""
        return 0.0 if self.finished else self.report.get("etaSeconds")


@dataclass(frozen=True, slots=True)
class Event:
    """
    One entry in a job's log.

    `id` is opaque and marks the place to resume after. `type` is a state (`waiting`, `active`,
    `completed` …), `cancelling`, or what the worker reports (`progress`, `words`). `timestamp` in epoch
    seconds. `payload` is plain JSON and not to be changed: readers may share it.
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
