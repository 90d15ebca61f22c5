"""Uploads that are kept for a restart give way to new ones when the disk fills up."""

from __future__ import annotations

import logging
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

import pytest

from audio_tools.backend import Backend
from audio_tools.errors import DiskFull
from audio_tools.jobs import JobFailure, SqliteQueue
from audio_tools.jobs.job import Job
from audio_tools.options import Options
from audio_tools.storage import SPARE_BYTES, UploadRecord, UploadStore
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.storage.transcripts import TranscriptStore
from audio_tools.webhooks import Subscriptions, SubscriptionStore

MIN_FREE = 1000
SIZE = 100
PASSING = JobFailure({"code": "engine_timeout", "message": "too late", "status": 504, "restartable": True})


class Usage(NamedTuple):
    """As `shutil.disk_usage` returns it."""

    total: int
    used: int
    free: int


class Disk:
    """A disk of a size to choose, of which only the uploads take anything."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.size = 1 << 40

    def usage(self, _: Path) -> Usage:
        used = sum(path.stat().st_size for path in (self.folder / "uploads").glob("*/media*"))
        return Usage(self.size, used, self.size - used)


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Disk:
    disk = Disk(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", disk.usage)
    return disk


@pytest.fixture
async def backend(tmp_path: Path, disk: Disk) -> AsyncIterator[Backend]:
    uploads = UploadStore(tmp_path, max_bytes=1 << 30, min_free_bytes=MIN_FREE, ttl_s=3600)
    stores = TranscriptStore(tmp_path), ChunkCache(tmp_path), Subscriptions(SubscriptionStore(tmp_path))
    async with SqliteQueue(tmp_path) as queue:
        yield Backend(queue, uploads, *stores)
    uploads.close()


async def upload(backend: Backend, n_bytes: int = SIZE) -> str:
    """Upload that many bytes; returns the id of the upload."""
    async with backend.uploads.writer() as writer:
        await backend.uploads.reserve(writer, n_bytes)
        writer.begin(UploadRecord("talk.wav"))
        writer.write(bytes(n_bytes))
        writer.finish()
        return writer.id


async def failed_job(backend: Backend, error: JobFailure = PASSING) -> Job:
    """A job that failed, with its upload."""
    file = await backend.uploads.open(await upload(backend))
    await backend.start_with_upload(file, Options(), None)
    return await (await backend.queue.take()).fail(error)


async def test_a_new_upload_displaces_the_oldest_kept_one(
    backend: Backend, disk: Disk, caplog: pytest.LogCaptureFixture
) -> None:
    """Only as many as it needs: the log and the status of the job say so, later ones stay."""
    first, second, third = [await failed_job(backend) for _ in range(3)]
    disk.size = MIN_FREE + 3 * SIZE
    with caplog.at_level(logging.WARNING):
        await upload(backend, SIZE + 1)

    kept = [await backend.uploads.size(job.upload_id or "") for job in (first, second, third)]
    assert kept == [0, 0, SIZE]
    jobs = [await backend.queue.get(job.id) for job in (first, second, third)]
    assert [(job.restartable, job.upload_removed) for job in jobs] == 2 * [(False, True)] + [(True, False)]
    assert f"disk space low, removed the upload of failed job {first.id}: {SIZE} bytes" in caplog.messages


async def test_an_upload_that_would_not_fit_anyway_displaces_nothing(backend: Backend, disk: Disk) -> None:
    """507 without a loss."""
    job = await failed_job(backend)
    disk.size = MIN_FREE + SIZE

    with pytest.raises(DiskFull):
        await upload(backend, SIZE + 1)
    assert (await backend.queue.get(job.id)).restartable
    assert await backend.uploads.size(job.upload_id or "") == SIZE


async def test_files_that_jobs_need_are_not_displaced(backend: Backend, disk: Disk) -> None:
    """Waiting jobs keep theirs, and so does an upload without a job yet."""
    waiting = await backend.start_with_upload(
        await backend.uploads.open(await upload(backend)), Options(), None
    )
    alone = await upload(backend)
    disk.size = MIN_FREE + 2 * SIZE

    with pytest.raises(DiskFull):
        await upload(backend, 1)
    assert await backend.uploads.size(waiting.upload_id or "") == SIZE
    assert await backend.uploads.size(alone) == SIZE


async def test_the_sweep_makes_room_where_the_disk_fills_up_otherwise(backend: Backend, disk: Disk) -> None:
    """Below MIN_FREE_BYTES kept uploads go even where that is not enough, so that running jobs get room."""
    job = await failed_job(backend)
    await backend.sweeper.sweep()
    assert (await backend.queue.get(job.id)).restartable
    disk.size = MIN_FREE + SIZE + SPARE_BYTES - 1
    await backend.sweeper.sweep()

    assert (await backend.queue.get(job.id)).upload_removed
    assert await backend.uploads.size(job.upload_id or "") == 0


async def test_an_upload_of_unknown_length_finds_room_the_next_time(backend: Backend, disk: Disk) -> None:
    """It is refused when the room runs out, and what gives way makes the next attempt succeed."""
    disk.size = 1 << 30
    async with backend.uploads.writer() as writer:
        writer.begin(UploadRecord("large.wav"))
        writer.write(bytes(SPARE_BYTES))
        writer.finish()
    file = await backend.uploads.open(writer.id)
    await backend.start_with_upload(file, Options(), None)
    await (await backend.queue.take()).fail(PASSING)
    disk.size = SPARE_BYTES + MIN_FREE
    for refused in (True, False):
        try:
            async with backend.uploads.writer() as writer:
                writer.begin(UploadRecord("talk.wav"))
                writer.write(bytes(SIZE))
        except DiskFull:
            assert refused
