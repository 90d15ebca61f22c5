"""What whole and streamed calls share: the end of the job, and that of the client."""

from __future__ import annotations

from contextlib import suppress

from anyio import CancelScope
from fastapi import Request

from audio_tools.backend import Backend
from audio_tools.errors import AudioToolsError, JobCancelled
from audio_tools.jobs import Job, JobFailure, JobState
from audio_tools.server.openai_api.errors import JobFailed
from audio_tools.transcript import Transcript


async def transcript_of(backend: Backend, job: Job) -> Transcript:
    """The transcript of a job that has ended. Raises JobFailed, JobCancelled."""
    job = await backend.queue.get(job.id)
    if job.state is JobState.FAILED:
        raise JobFailed(job.error or JobFailure({}))
    if job.state is JobState.CANCELLED:
        raise JobCancelled(job.id)
    return await backend.transcript(job.id)


async def abandon(backend: Backend, job: Job, *, keep: bool) -> None:
    """Cancel a job whose client has gone; one with a key is kept, since its client may come back."""
    if not keep:
        with CancelScope(shield=True), suppress(AudioToolsError):
            await backend.cancel(job.id)


async def disconnected(request: Request) -> None:
    """Wait until the client of a request has gone."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
