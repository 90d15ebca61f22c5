"""A job's progress over a WebSocket: a snapshot, then every event, then a normal close."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import suppress

from fastapi import WebSocket, WebSocketDisconnect

from audio_tools.errors import JobNotFound, QueueUnavailable
from audio_tools.jobs import Event, Job, Queue
from audio_tools.jobs.job import PROGRESS
from audio_tools.server.jobs import iso, status_json
from audio_tools.transcript import Json

NORMAL = 1000
TRY_AGAIN = 1013
NO_JOB_ID = 4400
UNKNOWN_JOB = 4404


async def follow_job(socket: WebSocket, queue: Queue) -> None:
    """
    Serve one client: `?jobId=…`, and `&after=…` with the `id` of the last event that it has seen.

    Closes with 1000 after the job's last event, 4400 without a jobId, 4404 for an unknown job, 1013 when
    the queue cannot be read. A slow client gets the newest progress and every other event; a client that
    has gone is noticed at once.
    """
    job_id = socket.query_params.get("jobId")
    await socket.accept(subprotocol="audio-tools" if "audio-tools" in socket.scope["subprotocols"] else None)
    if not job_id:
        await socket.close(NO_JOB_ID, "Name a job: ?jobId=…")
        return
    try:
        job = await queue.get(job_id)
        await _send_until_gone(socket, queue, job)
        await socket.close(NORMAL, "The job has ended")
    except JobNotFound:
        await socket.close(UNKNOWN_JOB, "There is no such job")
    except QueueUnavailable:
        await socket.close(TRY_AGAIN, "The queue cannot be read now; try again")
    except WebSocketDisconnect:
        pass


async def _send_until_gone(socket: WebSocket, queue: Queue, job: Job) -> None:
    """Send what there is to tell, unless the client goes away first."""
    sending = asyncio.create_task(_send(socket, queue, job), name="send events")
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
    """Clients have nothing to say; what they send is dropped."""
    with suppress(WebSocketDisconnect):
        while (await socket.receive())["type"] != "websocket.disconnect":
            pass


async def _send(socket: WebSocket, queue: Queue, job: Job) -> None:
    await socket.send_text(json.dumps(status_json(job) | {"type": "snapshot", "timestamp": iso(time.time())}))
    async for event in queue.events(job.id, socket.query_params.get("after")):
        # The snapshot of a job that has ended says 100, the last that was reported of it a little less.
        if event.type != PROGRESS or event.payload["progress"] >= job.progress:
            await socket.send_text(json.dumps(_event_json(job, event)))


def _event_json(job: Job, event: Event) -> Json:
    return event.to_json() | {"jobId": job.id, "timestamp": iso(event.timestamp)}
