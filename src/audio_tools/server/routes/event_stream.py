"""The events of a job without a WebSocket: server-sent events, and long polling."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing, suppress
from typing import Annotated, Any

from anyio import CancelScope
from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import Response
from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse

from audio_tools.errors import JobNotFound, QueueUnavailable
from audio_tools.jobs import Job, Queue
from audio_tools.metrics import EVENT_STREAMS
from audio_tools.server.event_messages import EventMessages, snapshot
from audio_tools.server.openapi.document import EVENT_STREAM
from audio_tools.server.openapi.errors import OF_A_JOB, errors
from audio_tools.server.routes._parameters import JobId
from audio_tools.transcript import Json

KEEP_ALIVE_S = 15.0
"""Seconds without an event after which a comment is sent; proxies close a silent connection after 60."""
LONGEST_WAIT_S = 50.0
"""Longest wait of a poll, seconds: less than the 60 after which proxies give up."""
EVENTS_PER_POLL = 100
"""Maximum number of events in one reply; an event with words has some tens of KB."""
STREAM_HEADERS = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
"""Caches must not answer, and nginx must not collect the events (its name for a response's own setting)."""

AFTER = "Id of the last event received: only later ones are sent. An unknown id (`0`) stands for none."


class EventStreams:
    """The events of jobs over plain HTTP; `stopping`, once set, ends every open request."""

    def __init__(self, queue: Queue) -> None:
        self.messages = EventMessages(queue)
        self.stopping = asyncio.Event()
        self._queue = queue

    def router(self) -> APIRouter:
        """The route, to be mounted at the root."""
        router = APIRouter(tags=["jobs"])
        router.get(
            "/job/{job_id}/events",
            summary="Events of a job",
            operation_id="getJobEvents",
            response_class=Response,
            responses=EVENT_STREAM | errors(*OF_A_JOB),
        )(self.events)
        return router

    async def events(
        self,
        request: Request,
        job_id: JobId,
        after: Annotated[str | None, Query(description=AFTER)] = None,
        last_event_id: Annotated[
            str | None, Header(description="The same, as EventSource sends it; takes precedence.")
        ] = None,
    ) -> Response:
        """
        The messages of the WebSocket as server-sent events: a snapshot, then every event from the start of
        the job, then the end of the response. 204 if nothing can follow the event `after`.
        """
        job = await self._queue.get(job_id)
        place = last_event_id or after
        if job.finished and place and not await self._has_more(job, place):
            return Response(status_code=204, headers={"Cache-Control": "no-cache"})
        if getattr(request.state, "head", False):
            return EventSourceResponse(_nothing(), headers=STREAM_HEADERS)
        return EventSourceResponse(self._stream(job, place), headers=STREAM_HEADERS)

    async def poll(self, job_id: str, after: str | None, wait_s: float) -> tuple[Job, list[Json] | None]:
        """
        Wait up to `wait_s` seconds for an event after `after`, or without `after` for the end of the job.

        Returns:
            The job, and the events after `after` that are stored by then (None without `after`).
        """
        job = await self._queue.get(job_id)
        if after is None:
            if wait_s and not job.finished:
                await self._wait(self._queue.wait_until_finished(job_id), wait_s)
                job = await self._queue.get(job_id)
            return job, None
        events = await self._stored(job, after)
        if not events and wait_s and not job.finished:
            await self._wait(self._next(job_id, after), wait_s)
            events = await self._stored(job, after)
        return await self._queue.get(job_id), events

    async def _stream(self, job: Job, after: str | None) -> AsyncGenerator[bytes, None]:
        with EVENT_STREAMS.track_inprogress(), suppress(JobNotFound, QueueUnavailable):
            yield snapshot(job).server_sent
            async with (
                aclosing(self._pieces(job, after)) as pieces,
                aclosing(kept_alive(pieces, self.stopping)) as stream,
            ):
                async for piece in stream:
                    yield piece

    async def _pieces(self, job: Job, after: str | None) -> AsyncGenerator[bytes, None]:
        async with aclosing(self.messages.events(job, after)) as messages:
            async for message in messages:
                yield message.server_sent

    async def _has_more(self, job: Job, after: str) -> bool:
        async with aclosing(self._queue.events(job.id, after, follow=False)) as events:
            return await anext(events, None) is not None

    async def _next(self, job_id: str, after: str) -> None:
        async with aclosing(self._queue.events(job_id, after)) as events:
            await anext(events, None)

    async def _stored(self, job: Job, after: str) -> list[Json]:
        found: list[Json] = []
        async with aclosing(self.messages.events(job, after, follow=False)) as messages:
            async for message in messages:
                found.append(message.record)
                if len(found) >= EVENTS_PER_POLL and message.id:
                    break
        return found

    async def _wait(self, what: Coroutine[Any, Any, object], wait_s: float) -> None:
        """Wait for `what`, for `wait_s` seconds or for the service to stop, whichever is first."""
        tasks = {asyncio.create_task(what), asyncio.create_task(self.stopping.wait())}
        try:
            done, _ = await asyncio.wait(tasks, timeout=wait_s, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            await end_tasks(tasks)


async def kept_alive(
    pieces: AsyncGenerator[bytes, None], stopping: asyncio.Event
) -> AsyncGenerator[bytes, None]:
    """The pieces of a stream, with a comment where none came for a while; ends early at `stopping`."""
    stop = asyncio.create_task(stopping.wait())
    coming: asyncio.Task[bytes | None] = asyncio.create_task(_next_of(pieces))
    try:
        while not stop.done():
            await asyncio.wait({coming, stop}, timeout=KEEP_ALIVE_S, return_when=asyncio.FIRST_COMPLETED)
            if not coming.done():
                yield KEEPALIVE_COMMENT
            elif piece := coming.result():
                yield piece
                coming = asyncio.create_task(_next_of(pieces))
            else:
                return
    finally:
        # The generator that `coming` runs in cannot be closed before; a client that disconnects cancels this.
        with CancelScope(shield=True):
            await end_tasks({coming, stop})


async def _next_of(pieces: AsyncGenerator[bytes, None]) -> bytes | None:
    return await anext(pieces, None)


async def _nothing() -> AsyncGenerator[bytes, None]:
    return
    yield


async def end_tasks(tasks: set[asyncio.Task[Any]]) -> None:
    """Cancel the tasks and wait for their end."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
