"""The events of a job over a WebSocket: a snapshot, then every event, then a normal close."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import aclosing, suppress

from fastapi import WebSocket, WebSocketDisconnect

from audio_tools.errors import JobNotFound, QueueUnavailable
from audio_tools.jobs import Job, Queue
from audio_tools.server.event_messages import EventMessages, snapshot

NORMAL = 1000
TRY_AGAIN = 1013
NO_JOB_ID = 4400
UNKNOWN_JOB = 4404


class JobEvents:
    """Serves the events of jobs to WebSocket clients."""

    def __init__(self, queue: Queue, messages: EventMessages | None = None) -> None:
        self._queue = queue
        self._messages = messages or EventMessages(queue)

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
        await socket.send_text(snapshot(job).text)
        async with aclosing(self._messages.events(job, socket.query_params.get("after"))) as messages:
            async for message in messages:
                await socket.send_text(message.text)
        # Yield once, so that all clients get the last event before the first close handshake.
        await asyncio.sleep(0)


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
