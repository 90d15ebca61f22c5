"""What a worker that is told to stop makes of a job whose media reader dies."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from audio_tools.backend import Backend
from audio_tools.errors import (
    AllChunksFailed,
    AudioToolsError,
    DecodeFailed,
    EngineNotReady,
    EngineRefused,
    InvalidOption,
    ProbeFailed,
)
from audio_tools.jobs import JobRequest, JobState, SqliteQueue
from audio_tools.storage import UploadRecord, UploadStore
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.storage.transcripts import TranscriptStore
from audio_tools.transcript import Transcript
from audio_tools.webhooks import Subscriptions, SubscriptionStore
from audio_tools.worker import Worker


class Reader:
    """Stands for what reads the media: it runs until it is told which error to die of."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.death: asyncio.Future[AudioToolsError] = asyncio.get_running_loop().create_future()

    async def transcribe(self, *_: object) -> Transcript:
        self.begun.set()
        raise await self.death


async def store(uploads: UploadStore) -> str:
    """A whole upload; gives its id."""
    async with uploads.writer() as writer:
        await uploads.run(writer.begin, UploadRecord("talk.mov"))
        await uploads.run(writer.write, b"media")
        await uploads.run(writer.finish)
        return writer.id


@pytest.mark.parametrize(
    ("error", "stops", "state", "kept"),
    [
        (DecodeFailed("FFmpeg was killed by signal 15"), True, JobState.WAITING, True),
        (ProbeFailed("killed"), True, JobState.WAITING, True),
        (AllChunksFailed("no"), True, JobState.FAILED, True),
        (EngineRefused("wrong key"), False, JobState.FAILED, False),
        (AllChunksFailed("no, never", restartable=False), False, JobState.FAILED, False),
        (EngineNotReady("no model"), False, JobState.FAILED, True),
        (InvalidOption("model", "../x", "a name"), False, JobState.FAILED, False),
        (DecodeFailed("damaged"), False, JobState.FAILED, False),
    ],
)
async def test_a_reader_that_dies_while_we_stop_does_not_fail_its_job(
    error: AudioToolsError, stops: bool, state: JobState, kept: bool, tmp_path: Path
) -> None:
    """One signal may have hit us both: the job goes back. A file is kept while it may yet be of use."""
    uploads = UploadStore(tmp_path, max_bytes=1000, min_free_bytes=0, ttl_s=60)
    reader = Reader()
    async with SqliteQueue(tmp_path) as queue:
        upload_id = await store(uploads)
        job = (await queue.add(JobRequest({"uploadId": upload_id}))).job
        backend = Backend(
            queue,
            uploads,
            TranscriptStore(tmp_path),
            ChunkCache(tmp_path),
            Subscriptions(SubscriptionStore(tmp_path)),
        )
        worker = Worker(backend, reader.transcribe, slots=1)
        running = asyncio.create_task(worker.run())
        await reader.begun.wait()
        if stops:
            await worker.stop(60)
        reader.death.set_result(error)
        if not stops:
            await queue.wait_until_finished(job.id)
            await worker.stop(60)
        await running
        ended = await queue.get(job.id)
    uploads.close()

    assert ended.state is state
    assert (tmp_path / "uploads" / upload_id / "media").exists() == kept
    assert ended.restartable == (kept and state is JobState.FAILED)
