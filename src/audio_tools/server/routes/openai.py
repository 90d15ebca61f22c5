"""Routes of OpenAI's transcription API: each call is a job."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass

from anyio import CancelScope
from fastapi import APIRouter, Request
from fastapi.responses import Response
from fastapi.sse import EventSourceResponse, format_sse_event

from audio_tools.backend import Backend
from audio_tools.errors import (
    AudioToolsError,
    JobCancelled,
    OptionRefused,
    ServiceStopping,
)
from audio_tools.events import ChunkWords
from audio_tools.jobs import Job, JobFailure, JobState
from audio_tools.server.error_responses import LenientJson
from audio_tools.server.multipart import read_form_again, receive_form
from audio_tools.server.openai_api import late_reply
from audio_tools.server.openai_api.deltas import TextDeltas, whole_text
from audio_tools.server.openai_api.engine_facts import EngineFacts
from audio_tools.server.openai_api.errors import FieldRefused, JobFailed, stream_error
from audio_tools.server.openai_api.fields import FORM, Call, parse_call
from audio_tools.server.openai_api.late_reply import LateReply
from audio_tools.server.openai_api.replies import notes, reply, speaker_segments
from audio_tools.server.request_body import ClientGone
from audio_tools.server.routes.event_stream import STREAM_HEADERS, EventStreams, end_tasks, kept_alive
from audio_tools.server.routes.jobs import IdempotencyKey
from audio_tools.transcript import Json, Transcript

FIRST_EVENT_S = 5.0
"""How long a stream waits for its first event, in seconds: a job that fails by then gets an HTTP status."""
JOB_HEADER = "X-Job-Id"
STREAM_END = format_sse_event(data_str="[DONE]")
"""How OpenAI ends a stream."""


@dataclass(frozen=True, slots=True)
class OpenAIRoutes:
    """Dependencies of the routes."""

    backend: Backend
    streams: EventStreams
    engines: EngineFacts
    upload_idle_s: float

    def router(self) -> APIRouter:
        """The routes, to be mounted at the root; OpenAI's own specification describes them."""
        router = APIRouter(default_response_class=LenientJson, tags=["openai"], include_in_schema=False)
        router.post("/v1/audio/transcriptions", operation_id="createTranscription")(self.transcribe)
        router.post("/v1/audio/translations", operation_id="createTranslation")(self.translate)
        router.get("/v1/models", operation_id="listModels")(self.list_models)
        router.get("/v1/models/{model:path}", operation_id="retrieveModel")(self.get_model)
        return router

    async def transcribe(self, request: Request, idempotency_key: IdempotencyKey = None) -> Response:
        """Transcribe the file of a form."""
        return await self._run(request, idempotency_key or None, translate=False)

    async def translate(self, request: Request, idempotency_key: IdempotencyKey = None) -> Response:
        """Translate the speech in the file of a form to English."""
        return await self._run(request, idempotency_key or None, translate=True)

    async def list_models(self) -> Response:
        """The model names that a call may use."""
        return LenientJson({"object": "list", "data": [_model(name) for name in self.engines.models]})

    async def get_model(self, model: str) -> Response:
        """One of them."""
        if model not in self.engines.models:
            raise OptionRefused(
                f"The model {model[:80]!r} does not exist.", hint="See GET /v1/models.", option="model"
            )
        return LenientJson(_model(model))

    async def _run(self, request: Request, key: str | None, *, translate: bool) -> Response:
        known = await self.backend.find(key) if key else None
        if known is None:
            await self.backend.queue.check()  # before gigabytes are received for nothing
            job, call = await self._start(request, key, translate)
        else:
            job, call = await self._resume(request, known, translate)
        answered = self._stream if call.stream else self._whole
        response = await answered(request, job, call, keep=key is not None)
        response.headers[JOB_HEADER] = job.id
        return response

    async def _start(self, request: Request, key: str | None, translate: bool) -> tuple[Job, Call]:
        uploads = self.backend.uploads
        upload, texts = await receive_form(request, uploads, FORM, idle_s=self.upload_idle_s)
        try:
            call = parse_call(texts, self.engines, translate=translate)
        except BaseException:
            await uploads.remove(upload.id)
            raise
        return await self.backend.start_with_upload(upload, call.options, key), call

    async def _resume(self, request: Request, job: Job, translate: bool) -> tuple[Job, Call]:
        """
        The job of a repeated request; one that failed for a reason that may pass runs again.

        Raises:
            FieldRefused: the file or the options of the first request were others.
        """
        uploads = self.backend.uploads
        size, texts = await read_form_again(request, uploads, FORM, idle_s=self.upload_idle_s)
        call = parse_call(texts, self.engines, translate=translate)
        if not job.request.is_for(size, call.options):
            raise FieldRefused(
                "Idempotency-Key", "This Idempotency-Key was used with another file or other options."
            )
        return await self.backend.restart(job.id) if job.restartable else job, call

    async def _whole(self, request: Request, job: Job, call: Call, *, keep: bool) -> Response:
        """The reply in one piece; JSON that takes long begins with blank space."""
        coming = asyncio.create_task(self._reply(request, job, call, keep))
        try:
            await asyncio.wait({coming}, timeout=late_reply.SILENT_S if call.is_json else None)
        except asyncio.CancelledError:
            with CancelScope(shield=True):
                await end_tasks({coming})
            raise
        return coming.result() if coming.done() else LateReply(coming, STREAM_HEADERS)

    async def _reply(self, request: Request, job: Job, call: Call, keep: bool) -> Response:
        """The reply at the end; a client that disconnects cancels its job, unless it is to be kept."""
        ended = False
        try:
            await self._until_finished(request, job)
            ended = True
        finally:
            if not ended:
                await self._abandon(job, keep)
        transcript = await self._transcript(job)
        return await asyncio.to_thread(reply, call, transcript, job.file_name, self.engines.language_names)

    async def _until_finished(self, request: Request, job: Job) -> None:
        ending = asyncio.create_task(self.backend.queue.wait_until_finished(job.id))
        leaving = asyncio.create_task(_disconnected(request))
        stopping = asyncio.create_task(self.streams.stopping.wait())
        tasks = {ending, leaving, stopping}
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            if ending.done():
                ending.result()
            elif leaving.done():
                raise ClientGone
            else:
                raise ServiceStopping()
        finally:
            with CancelScope(shield=True):
                await end_tasks(tasks)

    async def _stream(self, request: Request, job: Job, call: Call, *, keep: bool) -> Response:
        """The text as server-sent events; errors before the first one have an HTTP status."""
        events = self._events(job, call, keep)
        first = asyncio.create_task(_next_of(events))
        # A service that stops may end the response before it looks at this task, whose error is then no news.
        first.add_done_callback(lambda task: task.cancelled() or task.exception())
        leaving = asyncio.create_task(_disconnected(request))
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
            transcript = await self._transcript(job)
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
                await self._abandon(job, keep)

    async def _transcript(self, job: Job) -> Transcript:
        """The transcript of a job that has ended. Raises JobFailed, JobCancelled."""
        job = await self.backend.queue.get(job.id)
        if job.state is JobState.FAILED:
            raise JobFailed(job.error or JobFailure({}))
        if job.state is JobState.CANCELLED:
            raise JobCancelled(job.id)
        return await self.backend.transcript(job.id)

    async def _abandon(self, job: Job, keep: bool) -> None:
        """Cancel a job whose client has gone; one with a key is kept, since its client may come back."""
        if not keep:
            with CancelScope(shield=True), suppress(AudioToolsError):
                await self.backend.cancel(job.id)


async def on_failed_job(_: Request, error: Exception) -> Response:
    """The response to a call whose job failed."""
    assert isinstance(error, JobFailed)
    return LenientJson(error.body, error.status)


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _next_of(events: AsyncGenerator[bytes, None]) -> bytes | None:
    return await anext(events, None)


def _event(record: Json) -> bytes:
    """An event of the stream, named by its type: some tools read one, some the other."""
    return format_sse_event(data_str=json.dumps(record), event=record.get("type"))


def _model(name: str) -> Json:
    owner = "openai" if name.startswith(("gpt-", "whisper-1")) else "audio-tools"
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}
