"""The text of a call of OpenAI's API as server-sent events, while its job runs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

from fastapi import Request
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, format_sse_event

from audio_tools.backend import Backend
from audio_tools.errors import AudioToolsError, ServiceStopping
from audio_tools.events import ChunkWords
from audio_tools.jobs import Job
from audio_tools.server.openai_api.calls import abandon, disconnected, transcript_of
from audio_tools.server.openai_api.deltas import TextDeltas, whole_text
from audio_tools.server.openai_api.errors import JobFailed, stream_error
from audio_tools.server.openai_api.fields import Call
from audio_tools.server.openai_api.replies import notes, speaker_segments
from audio_tools.server.request_body import ClientGone
from audio_tools.server.routes.event_stream import STREAM_HEADERS, EventStreams, end_tasks, kept_alive
from audio_tools.transcript import Json

FIRST_EVENT_S = 5.0
"""How long a stream waits for its first event, in seconds: a job that fails by then gets an HTTP status."""
STREAM_END = format_sse_event(data_str="[DONE]")
"""How OpenAI ends a stream."""


@dataclass(frozen=True, slots=True)
class TextStream:
    """Streams of the texts of jobs; a client that disconnects cancels its job, unless it is to be kept."""

    backend: Backend
    streams: EventStreams

    async def response(self, request: Request, job: Job, call: Call, *, keep: bool) -> Response:
        """The text as server-sent events; errors before the first one have an HTTP status."""
        events = self._events(job, call, keep)
        first = asyncio.create_task(_next_of(events))
        # A service that stops may end the response before it looks at this task, whose error is then no news.
        first.add_done_callback(lambda task: task.cancelled() or task.exception())
        leaving = asyncio.create_task(disconnected(request))
        try:
            await asyncio.wait({first, leaving}, timeout=FIRST_EVENT_S, return_when=asyncio.FIRST_COMPLETED)
            if leaving.done():
                first.cancel()
                raise ClientGone
            if first.done():
                first.result()
        finally:
            await end_tasks({leaving})
        return EventSourceResponse(self._body(first, events), headers=STREAM_HEADERS)

    async def _body(
        self, first: asyncio.Task[bytes | None], events: AsyncGenerator[bytes, None]
    ) -> AsyncGenerator[bytes, None]:
        complete = False

        async def chained() -> AsyncGenerator[bytes, None]:
            nonlocal complete
            if piece := await first:
                yield piece
            async for piece in events:
                yield piece
            complete = True

        try:
            async with (
                aclosing(events),
                aclosing(chained()) as pieces,
                aclosing(kept_alive(pieces, self.streams.stopping)) as stream,
            ):
                async for piece in stream:
                    yield piece
            if not complete:
                yield _event(stream_error(ServiceStopping()))
        except (AudioToolsError, JobFailed) as error:
            yield _event(stream_error(error))

    async def _events(self, job: Job, call: Call, keep: bool) -> AsyncGenerator[bytes, None]:
        deltas, ended = TextDeltas(), False
        try:
            async with aclosing(self.backend.queue.events(job.id)) as events:
                async for event in events:
                    if event.type == "words" and (text := deltas.push(ChunkWords.from_json(event.payload))):
                        yield _event({"type": "transcript.text.delta", "delta": text})
            ended = True
            transcript = await transcript_of(self.backend, job)
            text = whole_text(transcript)
            if rest := deltas.finish(text):
                yield _event({"type": "transcript.text.delta", "delta": rest})
            if call.response_format == "diarized_json":
                for segment in speaker_segments(transcript):
                    yield _event(segment)
            yield _event({"type": "transcript.text.done", "text": text} | notes(call, transcript))
            yield STREAM_END
        finally:
            if not ended:
                await abandon(self.backend, job, keep=keep)


async def _next_of(events: AsyncGenerator[bytes, None]) -> bytes | None:
    return await anext(events, None)


def _event(record: Json) -> bytes:
    """An event of the stream, named by its type: some tools read one, some the other."""
    return format_sse_event(data_str=json.dumps(record), event=record.get("type"))
