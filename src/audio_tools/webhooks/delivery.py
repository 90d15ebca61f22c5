"""One message to a receiver: its body, its id, and the attempts to deliver it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Annotated, Literal, get_args
from uuid import NAMESPACE_URL, uuid5

from pydantic import Field

from audio_tools.jobs import Job
from audio_tools.json_value import Json, JsonValue, Moment, iso, omit_if_none
from audio_tools.options import WebhookEvent

DeliveryState = Literal["pending", "delivered", "failed"]

DAY_S = 86_400.0
DELAYS_S = (5.0, 30.0, 120.0, 600.0, 1800.0, 3600.0, 7200.0, 14_400.0)
"""Seconds between attempts; the last one repeats until a day is over (Standard Webhooks, "Retries")."""


@dataclass(frozen=True, slots=True)
class Attempt(JsonValue):
    """One request to the receiver."""

    at: Moment
    """Start of the request, ISO 8601 in UTC."""
    status: int | None
    """HTTP status of the reply; null if there was none."""
    error: str | None
    """Why the attempt failed, one sentence; null if the receiver accepted the message."""
    gone: Annotated[bool, Field(exclude=True)] = False
    """Whether the receiver wants no more messages (410)."""


@dataclass(frozen=True, slots=True)
class Delivery(JsonValue):
    """A message and the attempts to deliver it."""

    id: str
    """The `webhook-id`, the same on every attempt."""
    type: str
    """What has happened: `job.completed`, `job.failed` or `job.cancelled`."""
    state: DeliveryState
    """`pending` until the receiver accepts it, `failed` when it has not within a day or wants no more."""
    created_at: Moment
    """Time of the event, ISO 8601 in UTC."""
    attempts: tuple[Attempt, ...] = ()
    """Requests so far, oldest first."""
    next_attempt_at: Annotated[str | None, omit_if_none(format="date-time")] = None
    """Time of the next attempt while it is pending, ISO 8601 in UTC."""


@dataclass(frozen=True, slots=True)
class Message(JsonValue):
    """A delivery as it is stored, with the body that is sent."""

    delivery: Delivery
    body: str
    created: float
    """Time of the event, epoch seconds."""
    due: float
    """Time of the next attempt, epoch seconds."""

    @classmethod
    def of(cls, job: Job) -> Message:
        """The message that the job has ended; always the same for the same end of a job."""
        ended = job.finished_at or job.created_at
        kind = f"job.{job.state}"
        # Derived, not random: a process that died before it stored the message leaves the same id.
        message_id = f"msg_{uuid5(NAMESPACE_URL, f'{job.id}/{kind}/{ended!r}').hex}"
        delivery = Delivery(message_id, kind, "pending", iso(ended), next_attempt_at=iso(ended))
        return cls(delivery, body_of(job, kind, ended).decode(), ended, ended)

    def tried(self, attempt: Attempt, now: float) -> Message:
        """The message after an attempt: delivered, to be tried again, or given up."""
        attempts = (*self.delivery.attempts, attempt)
        if attempt.error is None:
            return self._closed("delivered", attempts)
        due = now + DELAYS_S[min(len(attempts), len(DELAYS_S)) - 1]
        if attempt.gone or due > self.created + DAY_S:
            return self._closed("failed", attempts)
        delivery = replace(self.delivery, attempts=attempts, next_attempt_at=iso(due))
        return replace(self, delivery=delivery, due=due)

    def _closed(self, state: DeliveryState, attempts: tuple[Attempt, ...]) -> Message:
        delivery = replace(self.delivery, state=state, attempts=attempts, next_attempt_at=None)
        return replace(self, delivery=delivery)


@dataclass(frozen=True, slots=True)
class JobNews(JsonValue):
    """The job that a message is about; its transcript is fetched from `/job/{jobId}/result`."""

    job_id: str
    """Id of the job, a UUID."""
    state: str
    """State of the job."""
    progress: float
    """Percent."""
    file_name: str
    """The client's name of the file."""
    created_at: Moment
    """Time of the request, ISO 8601 in UTC."""
    finished_at: Annotated[str | None, omit_if_none(format="date-time")] = None
    """Time of the end, ISO 8601 in UTC."""
    message: str = ""
    """The current step, one sentence; `Done`, `Cancelled` or the error once the job has ended."""
    result: Annotated[Json | None, omit_if_none()] = None
    """The transcript in numbers, of a completed job."""
    error: Annotated[str | None, omit_if_none()] = None
    """Code of the error, of a failed job."""
    hint: Annotated[str | None, omit_if_none()] = None
    """What to do about the error."""


@dataclass(frozen=True, slots=True)
class WebhookMessage(JsonValue):
    """The body of a webhook request."""

    type: Annotated[
        str, Field(json_schema_extra={"enum": [f"job.{name}" for name in get_args(WebhookEvent)]})
    ]
    """What has happened."""
    timestamp: Moment
    """When it happened, ISO 8601 in UTC."""
    data: JobNews
    """The job."""


def body_of(job: Job, kind: str, at: float | None = None) -> bytes:
    """The body of a message about a job as it is now; `at` is the time of the event in epoch seconds."""
    error = job.error
    news = JobNews(
        job_id=job.id,
        state=job.state,
        progress=round(job.progress, 1),
        file_name=job.file_name.encode(errors="replace").decode(),
        created_at=iso(job.created_at),
        finished_at=None if job.finished_at is None else iso(job.finished_at),
        message=job.message,
        result=job.result,
        error=error.code if error else None,
        hint=error.hint if error else None,
    )
    return WebhookMessage(kind, iso(time.time() if at is None else at), news).to_json_text()
