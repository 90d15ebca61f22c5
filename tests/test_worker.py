"""What a worker makes of jobs that others have put into the queue."""

from __future__ import annotations

import asyncio
import logging
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from audio_tools.audio.peaks import PeakSink
from audio_tools.backend import Backend
from audio_tools.errors import ProbeFailed, QueueUnavailable
from audio_tools.events import Event
from audio_tools.jobs import Job, JobRequest, JobState, Queue, SqliteQueue
from audio_tools.options import Options
from audio_tools.storage import UploadStore
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.storage.transcripts import TranscriptStore
from audio_tools.transcript import MediaInfo, Transcript
from audio_tools.webhooks import Subscriptions, SubscriptionStore
from audio_tools.worker import Transcribe, Worker

LOST = "0123456789abcdef" * 2
"""The id of an upload that is nowhere."""


async def hear_nothing(
    path: Path, options: Options, publish: Callable[[Event], None], peaks: PeakSink
) -> Transcript:
    """A transcript of no words that names the file."""
    return Transcript(
        (), (), (), 1.0, 1, 100.0, str(path), None, "none", options.model or "", MediaInfo("", None)
    )


@asynccontextmanager
async def working(queue: Queue, folder: Path, transcribe: Transcribe = hear_nothing) -> AsyncIterator[None]:
    """A worker on the queue; media lies in the folder's `media`."""
    uploads = UploadStore(folder, max_bytes=1, min_free_bytes=0, ttl_s=60)
    media_roots = [folder / "media"]
    backend = Backend(
        queue,
        uploads,
        TranscriptStore(folder),
        ChunkCache(folder),
        Subscriptions(SubscriptionStore(folder)),
        media_roots=media_roots,
    )
    worker = Worker(backend, transcribe, slots=1)
    running = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        await worker.stop(0)
        await running
        uploads.close()


async def ended(queue: Queue, data: dict[str, Any]) -> Job:
    """A job with this data, once it has ended."""
    async with asyncio.timeout(10):
        return await queue.wait_until_finished((await queue.add(JobRequest(data))).job.id)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({}, "malformed_request"),
        ({"data": ["talk.mp4"]}, "malformed_request"),
        ({"path": 7}, "malformed_request"),
        ({"path": None, "uploadId": {"id": LOST}}, "malformed_request"),
        ({"path": "talk.mp4", "options": "en"}, "malformed_request"),
        ({"path": "talk.mp4", "options": {"language": 7}}, "invalid_option"),
        ({"path": "/etc/passwd"}, "path_refused"),
        ({"path": "talk.mp4"}, "path_refused"),
        ({"path": "a\0b"}, "path_refused"),
        ({"path": "\ud800"}, "path_refused"),
        ({"uploadId": "../../etc"}, "upload_not_found"),
        ({"uploadId": LOST}, "upload_not_found"),
    ],
)
async def test_a_job_that_cannot_be_done_fails_with_the_reason(
    data: dict[str, Any], code: str, tmp_path: Path
) -> None:
    """A broken job fails, whatever is in it; the worker continues with the next one."""
    (tmp_path / "media").mkdir()
    good = tmp_path / "media" / "talk.mp4"
    good.write_bytes(b"-")
    async with SqliteQueue(tmp_path) as queue, working(queue, tmp_path):
        bad = await ended(queue, data)
        well = await ended(queue, {"path": str(good)})

    assert bad.state is JobState.FAILED
    assert bad.error is not None
    assert bad.error.code == code
    assert well.state is JobState.COMPLETED


async def test_a_link_out_of_the_media_roots_is_not_followed(tmp_path: Path) -> None:
    """As for clients of the HTTP interface: what counts is the file, not its name."""
    (tmp_path / "media").mkdir()
    (tmp_path / "secret").write_bytes(b"-")
    (tmp_path / "media" / "link.mp4").symlink_to(tmp_path / "secret")
    async with SqliteQueue(tmp_path) as queue, working(queue, tmp_path):
        job = await ended(queue, {"path": str(tmp_path / "media" / "link.mp4")})

    assert job.error is not None
    assert job.error.code == "path_refused"


class BlindOnce(SqliteQueue):
    """Its folder cannot be seen the first time that somebody asks."""

    async def check(self) -> str:
        if not self.asked.is_set():
            self.asked.set()
            raise QueueUnavailable("the folder cannot be seen")
        return await super().check()

    asked: asyncio.Event


async def test_a_job_whose_upload_cannot_be_seen_is_left_to_others(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is put back and the log says why; that the upload is really gone is found where it can be seen."""
    queue = BlindOnce(tmp_path)
    queue.asked = asyncio.Event()
    async with queue, working(queue, tmp_path):
        job = await ended(queue, {"uploadId": LOST})

    assert job.attempts == 2
    assert job.error is not None
    assert job.error.code == "upload_not_found"
    assert "the folder cannot be seen" in caplog.text


async def test_a_job_that_failed_is_one_line_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A warning, with the reason."""
    caplog.set_level(logging.INFO)
    async with SqliteQueue(tmp_path) as queue, working(queue, tmp_path):
        await ended(queue, {})

    failed = [record for record in caplog.records if "failed" in record.getMessage()]
    assert [record.levelname for record in failed] == ["WARNING"]
    assert "malformed_request" in failed[0].getMessage()


async def test_a_folder_that_becomes_a_link_is_not_followed(tmp_path: Path) -> None:
    """The allowed file is the one that is read, even if its folder is replaced while the job runs."""
    (tmp_path / "media" / "day").mkdir(parents=True)
    (tmp_path / "media" / "day" / "talk.mp4").write_bytes(b"allowed")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "talk.mp4").write_bytes(b"secret")
    read: list[bytes] = []

    async def swap_and_read(
        path: Path, options: Options, publish: Callable[[Event], None], peaks: PeakSink
    ) -> Transcript:
        (tmp_path / "media" / "day").rename(tmp_path / "media" / "gone")
        (tmp_path / "media" / "day").symlink_to(tmp_path / "outside")
        # As a child process does, which opens the file by its path.
        read.append(subprocess.run(["cat", path], capture_output=True, check=True).stdout)
        raise ProbeFailed(f"{path.name} is empty.")

    async with SqliteQueue(tmp_path) as queue, working(queue, tmp_path, swap_and_read):
        job = await ended(
            queue, {"path": str(tmp_path / "media" / "day" / "talk.mp4"), "fileName": "talk.mp4"}
        )
        again = await ended(queue, {"path": str(tmp_path / "media" / "day" / "talk.mp4")})

    assert read == [b"allowed"]
    assert job.error is not None
    assert job.error.message == "talk.mp4 is empty."
    assert again.error is not None
    assert again.error.code == "path_refused"


async def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    """Jobs on files of the machine keep them open while they run, and no longer."""
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "talk.mp4").write_bytes(b"-")
    async with SqliteQueue(tmp_path) as queue, working(queue, tmp_path):
        await ended(queue, {"path": str(tmp_path / "media" / "talk.mp4")})
        before = psutil.Process().num_fds()
        for _ in range(5):
            await ended(queue, {"path": str(tmp_path / "media" / "talk.mp4")})

        assert psutil.Process().num_fds() == before
