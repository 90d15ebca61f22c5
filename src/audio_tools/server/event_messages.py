"""The events of a job as clients receive them, whatever the transport."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing
from functools import cached_property

from fastapi.sse import format_sse_event

from audio_tools.jobs import Event, Job, JobState, Queue
from audio_tools.jobs.job import PROGRESS
from audio_tools.json_value import iso
from audio_tools.server.views import JobStatus
from audio_tools.transcript import Json

MESSAGES_KEPT = 100
"""Number of cached messages shared by clients; messages with words have some tens of KB."""


class EventMessage:
    """
    A message about a job. `id` is its place in the stored log; None for what is made for one client.

    Text and server-sent event are made once and shared by any number of clients.
    """

    def __init__(self, record: Json, event_id: str | None = None) -> None:
        self.text = json.dumps(record)
        self.record = record
        self.id = event_id

    @cached_property
    def server_sent(self) -> bytes:
        """The message as a server-sent event without a type, so that `onmessage` receives it."""
        return format_sse_event(data_str=self.text, id=self.id)


class EventMessages:
    """Makes the messages of jobs for all clients, and serialises each of them once."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._messages: dict[str, EventMessage] = {}

    async def events(
        self, job: Job, after: str | None = None, *, follow: bool = True
    ) -> AsyncGenerator[EventMessage, None]:
        """
        The events of a job after the one with the id `after`: stored ones, then, if `follow`, new ones.

        A completed job reports a progress of 100 % right before the end: the last report of its worker is
        lower, and clients may wait for 100.
        """
        report = job.report
        async with aclosing(self._queue.events(job.id, after, follow=follow)) as events:
            async for event in events:
                if event.type == PROGRESS:
                    report = event.payload
                    # A finished job has 100 %, its last report a little less.
                    if report["progress"] < job.progress:
                        continue
                elif event.type == JobState.COMPLETED:
                    whole = {"type": PROGRESS, "progress": 100.0, "message": "Done", "etaSeconds": 0.0}
                    yield EventMessage(_addressed(report | whole, job, event))
                yield self._message_of(job, event)

    def _message_of(self, job: Job, event: Event) -> EventMessage:
        """Return the message of an event, cached for other clients."""
        key = f"{job.id} {event.id}"
        if (message := self._messages.get(key)) is None:
            message = EventMessage(_addressed(event.to_json(), job, event), event.id)
            self._messages[key] = message
            if len(self._messages) > MESSAGES_KEPT:
                del self._messages[next(iter(self._messages))]
        return message


def snapshot(job: Job) -> EventMessage:
    """The first message to every client: the status of the job."""
    return EventMessage(JobStatus.of(job).to_json() | {"type": "snapshot", "timestamp": iso(time.time())})


def _addressed(record: Json, job: Job, event: Event) -> Json:
    return record | {"jobId": job.id, "timestamp": iso(event.timestamp)}
