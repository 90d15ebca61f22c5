"""The public test doubles, used as `docs/testing.md` shows it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from audio_tools.engines.base import Engine, Request
from audio_tools.errors import EngineUnavailable
from audio_tools.jobs import JobRequest, JobState
from audio_tools.media.encode import EncodedAudio
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.storage.transcripts import TranscriptStore
from audio_tools.testing import FakeEngine, MemoryBlobs, TemporaryQueue, say
from audio_tools.transcript import Interval, MediaInfo, Reply, Transcript

ROOT = Path(__file__).parent.parent
REQUEST = Request(EncodedAudio(b"", "flac", 4.0), (Interval(1.0, 2.0),), "en")


async def test_a_fake_engine_answers_and_keeps_the_requests() -> None:
    """Words lie in the speech of the chunk."""
    engine: Engine = FakeEngine(say("Hello world."))
    await engine.start()
    reply = await engine.transcribe(REQUEST)

    assert [word.word for word in reply.words] == ["Hello", "world."]
    assert all(1.0 <= word.start < word.end <= 2.0 for word in reply.words)
    assert isinstance(engine, FakeEngine)
    assert engine.requests == [REQUEST]
    assert engine.is_started
    await engine.close()
    assert not engine.is_started


async def test_a_fake_engine_may_fail() -> None:
    """As an engine does, so that retries can be tested."""

    def fail(_: Request) -> Reply:
        raise EngineUnavailable("away")

    with pytest.raises(EngineUnavailable, match="away"):
        await FakeEngine(fail).transcribe(REQUEST)


def test_stores_work_on_blobs_in_memory() -> None:
    """Results and transcripts are read, listed by age and removed."""
    cache, store = ChunkCache(MemoryBlobs()), TranscriptStore(MemoryBlobs())
    cache.put("ab" * 20, Reply(text="hello"))
    transcript = Transcript((), (), (), 1.0, 1, 100.0, "", None, "", "", MediaInfo("", None))
    store.put("a", transcript)

    assert cache.get("ab" * 20) == Reply(text="hello")
    assert store.get("a") == transcript
    assert store.sweep(-60) == ["a"]
    assert cache.sweep(-60) == 1
    store.remove("a")
    assert not store.exists("a")


async def test_a_temporary_queue_runs_jobs_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It takes, reports and completes as every queue; its folder goes when it is closed."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    async with TemporaryQueue() as queue:
        added = await queue.add(JobRequest({"path": "/media/talk.mp4"}))
        lease = await queue.take()
        await lease.complete({"words": 2})

        assert [event.type async for event in queue.events(added.job.id)] == [
            JobState.WAITING,
            JobState.ACTIVE,
            JobState.COMPLETED,
        ]
        assert (await queue.get(added.job.id)).result == {"words": 2}
    await queue.close()

    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_the_example_of_the_page_runs() -> None:
    """In the folder of the project, as it stands."""
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "testing.md").read_text(), re.DOTALL)
    ended = subprocess.run(
        [sys.executable, "-c", example], cwd=ROOT, capture_output=True, text=True, check=False
    )

    assert ended.returncode == 0, ended.stderr
    assert re.fullmatch(r"[1-9]\d* Hello\n", ended.stdout)
