"""What is swept while the service is open."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from audio_tools.backend import make_backend
from audio_tools.jobs import JobRequest, SqliteQueue
from audio_tools.settings import Settings
from audio_tools.storage.transcripts import TranscriptStore
from audio_tools.transcript import MediaInfo, Transcript


async def test_transcripts_without_a_job_are_swept(tmp_path: Path) -> None:
    """A process died between two steps; that of a job that took long is kept, however old it is."""
    async with SqliteQueue(tmp_path) as queue:
        job_id = (await queue.add(JobRequest({"path": "/x"}))).job.id
    store = TranscriptStore(tmp_path)
    media = MediaInfo("", None)
    transcript = Transcript((), (), (), 1.0, 1, 100.0, "", None, "", "", media)
    for name in (job_id, "orphan"):
        recorder = store.peak_recorder(name)
        recorder.begin(1)
        recorder.write(bytes([255, 1]))
        store.put(name, transcript, recorder)
        past = time.time() - 1000
        for path in (tmp_path / "transcripts").glob(f"{name}.*"):
            os.utime(path, (past, past))
    async with make_backend(Settings(data_dir=tmp_path, result_ttl=60), None), asyncio.timeout(10):
        while list((tmp_path / "transcripts").glob("orphan.*")):
            await asyncio.sleep(0.01)

    assert store.exists(job_id)
    assert store.peaks(job_id)
