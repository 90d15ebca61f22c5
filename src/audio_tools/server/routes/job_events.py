"""A job's progress over a WebSocket: a snapshot, then every event, then a normal close."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Coroutine
from contextlib import suppress

from fastapi import WebSocket, WebSocketDisconnect

from audio_tools.errors import JobNotFound, QueueUnavailable
from audio_tools.jobs import Event, Job, JobState, Queue
from audio_tools.jobs.job import PROGRESS
from audio_tools.server.uvicorn_ext.frames import TextMessage, sender
from audio_tools.server.views import JobStatus, iso
from audio_tools.transcript import Json

NORMAL = 1000
TRY_AGAIN = 1013
NO_JOB_ID = 4400
UNKNOWN_JOB = 4404
MESSAGES_KEPT = 100
"""Number of cached messages shared by clients; messages with words have some tens of KB."""


class JobEvents:
    """Serves the events of jobs to all clients, and serialises each message once."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._messages: dict[str, TextMessage] = {}

    async def follow(self, socket: WebSocket) -> None:
        """
        Serve one client: `?jobId=…`, and `&after=…` with the `id` of the last event that it received.

        Closes with 1000 after the job's last event, 4400 without a jobId, 4404 for an unknown job, 1013 if
        the queue is unavailable. A slow client gets the latest progress and all other events; a disconnected
        client is detected at once.
        """
        job_id = socket.query_params.get("jobId")
        offered = "audio-tools" in socket.scope["subprotocols"]
        await socket.accept(subprotocol="audio-tools" if offered else None)
        if not job_id:
            await socket.close(NO_JOB_ID, "jobId is missing: ?jobId=…")
            return
        try:
            job = await self._queue.get(job_id)
            await _unless_gone(socket, self._send(socket, job))
            await socket.close(NORMAL, "The job has ended")
        except JobNotFound:
            await socket.close(UNKNOWN_JOB, "No such job")
        except QueueUnavailable:
            await socket.close(TRY_AGAIN, "The queue is unavailable; try again")
        except (WebSocketDisconnect, OSError):
            pass

    async def _send(self, socket: WebSocket, job: Job) -> None:
        send, report = sender(socket), job.report
        await send(
            _message(JobStatus.of(job).to_json() | {"type": "snapshot", "timestamp": iso(time.time())})
        )
        async for event in self._queue.events(job.id, socket.query_params.get("after")):
            if event.type == PROGRESS:
                report = event.payload
                # The snapshot of a finished job has 100 %, the last report a little less.
                if report["progress"] < job.progress:
                    continue
            elif event.type == JobState.COMPLETED:
                await send(_whole(job, report, event))
            await send(self._message_of(job, event))
        # Yield once, so that all clients get the last event before the first close handshake.
        await asyncio.sleep(0)

    def _message_of(self, job: Job, event: Event) -> TextMessage:
        """Return the message of an event, cached for other clients."""
        key = f"{job.id} {event.id}"
        if (message := self._messages.get(key)) is None:
            message = self._messages[key] = _event_message(job, event, event.to_json())
            if len(self._messages) > MESSAGES_KEPT:
                del self._messages[next(iter(self._messages))]
        return message


async def _unless_gone(socket: WebSocket, telling: Coroutine[None, None, None]) -> None:
    """Send all events, unless the client disconnects first."""
    sending = asyncio.create_task(telling, name="send events")
    leaving = asyncio.create_task(_wait_until_gone(socket), name="wait for client to leave")
    try:
        await asyncio.wait([sending, leaving], return_when=asyncio.FIRST_COMPLETED)
        if not sending.done():
            raise WebSocketDisconnect
        sending.result()
    finally:
        for task in (sending, leaving):
            task.cancel()
        await asyncio.gather(sending, leaving, return_exceptions=True)


async def _wait_until_gone(socket: WebSocket) -> None:
    """Drop messages of the client until it disconnects."""
    with suppress(WebSocketDisconnect):
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass


def _whole(job: Job, report: Json, end: Event) -> TextMessage:
    """A final progress of 100 %: the worker's last report is lower, and clients may wait for 100."""
    record = report | {"type": PROGRESS, "progress": 100.0, "message": "Done", "etaSeconds": 0.0}
    return _event_message(job, end, record)


def _event_message(job: Job, event: Event, record: Json) -> TextMessage:
    return _message(record | {"jobId": job.id, "timestamp": iso(event.timestamp)})


def _message(record: Json) -> TextMessage:
    return TextMessage(json.dumps(record))
