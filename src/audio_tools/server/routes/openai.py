"""Routes of OpenAI's transcription API: each call is a job."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from anyio import CancelScope
from fastapi import APIRouter, Request
from fastapi.responses import Response

from audio_tools.backend import Backend
from audio_tools.errors import (
    OptionRefused,
    ServiceStopping,
)
from audio_tools.jobs import Job
from audio_tools.server.error_responses import LenientJson
from audio_tools.server.multipart import read_form_again, receive_form
from audio_tools.server.openai_api import late_reply
from audio_tools.server.openai_api.calls import abandon, disconnected, transcript_of
from audio_tools.server.openai_api.engine_facts import EngineFacts
from audio_tools.server.openai_api.errors import FieldRefused, JobFailed
from audio_tools.server.openai_api.fields import FORM, Call, parse_call
from audio_tools.server.openai_api.late_reply import LateReply
from audio_tools.server.openai_api.replies import reply
from audio_tools.server.request_body import ClientGone
from audio_tools.server.routes._openai_stream import TextStream
from audio_tools.server.routes.event_stream import STREAM_HEADERS, EventStreams, end_tasks
from audio_tools.server.routes.jobs import IdempotencyKey
from audio_tools.transcript import Json

JOB_HEADER = "X-Job-Id"


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
        stream = TextStream(self.backend, self.streams)
        answered = stream.response if call.stream else self._whole
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
                await abandon(self.backend, job, keep=keep)
        transcript = await transcript_of(self.backend, job)
        return await asyncio.to_thread(reply, call, transcript, job.file_name, self.engines.language_names)

    async def _until_finished(self, request: Request, job: Job) -> None:
        ending = asyncio.create_task(self.backend.queue.wait_until_finished(job.id))
        leaving = asyncio.create_task(disconnected(request))
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


async def on_failed_job(_: Request, error: Exception) -> Response:
    """The response to a call whose job failed."""
    assert isinstance(error, JobFailed)
    return LenientJson(error.body, error.status)


def _model(name: str) -> Json:
    owner = "openai" if name.startswith(("gpt-", "whisper-1")) else "audio-tools"
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}
