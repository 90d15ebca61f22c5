"""Stored chunk results: whole or absent, found again, swept when no longer needed."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from audio_tools.errors import DiskFull, StorageError
from audio_tools.storage.chunk_cache import ChunkCache, chunk_digest, samples_digest
from audio_tools.storage.local import write_atomically
from audio_tools.storage.peak_recorder import PeakRecorder
from audio_tools.storage.transcripts import TranscriptStore
from audio_tools.transcript import MediaInfo, Reply, Segment, Transcript, Word

REPLY = Reply("Hi there", (Word("Hi", 0.123456, 0.5, 0.9),), (Segment(0, 0.1, 0.5, "Hi"),), "en")
TRANSCRIPT = Transcript((), (), (), 1.0, 1, 100.0, "", None, "", "", MediaInfo("", None))


def test_a_reply_is_found_again_exactly_as_it_was_returned(tmp_path: Path) -> None:
    """A first run and every later one see the same numbers."""
    store = ChunkCache(tmp_path)
    returned = store.put("ab" * 20, REPLY)

    assert ChunkCache(tmp_path).get("ab" * 20) == returned
    assert returned.words[0].word == "Hi"
    assert store.get("cd" * 20) is None


def test_a_damaged_result_counts_as_absent(tmp_path: Path) -> None:
    """What the disk lost is asked for again."""
    store = ChunkCache(tmp_path)
    store.put("ab" * 20, REPLY)
    (file,) = tmp_path.glob("chunks/*/*")
    for damage in (b"", b"{", b"[1]", b'{"words": []}', b"[" * 100_000):
        file.write_bytes(damage)
        assert store.get("ab" * 20) is None


def test_a_store_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    """Not as if nothing were there: what is there has been paid."""
    (tmp_path / "chunks").write_text("no folder")

    with pytest.raises(StorageError, match="Cannot read ") as refused:
        ChunkCache(tmp_path).get("ab" * 20)
    assert "DATA_DIR" in refused.value.hint


def test_the_digest_follows_samples_and_all_that_shapes_the_answer() -> None:
    """Another sample, model, language or prompt is another question."""
    pcm = np.arange(100, dtype=np.int16)
    digests = {
        chunk_digest(samples_digest(pcm), ("openai", "whisper-1", "en")),
        chunk_digest(samples_digest(pcm), ("openai", "whisper-1", "de")),
        chunk_digest(samples_digest(pcm), ("openai", "whisper-1en", "")),
        chunk_digest(samples_digest(pcm + 1), ("openai", "whisper-1", "en")),
    }

    assert len(digests) == 4
    assert chunk_digest(samples_digest(pcm.copy()), ("a", "b")) == chunk_digest(
        samples_digest(pcm), ("a", "b")
    )


def test_sweep_removes_what_was_not_used_for_long(tmp_path: Path) -> None:
    """Results in use stay; old ones, and what a crash left half-written, go."""
    store = ChunkCache(tmp_path)
    for digest in ("ab" * 20, "cd" * 20):
        store.put(digest, REPLY)
    leftover = tmp_path / "chunks" / "ab" / ".x.part"
    leftover.write_bytes(b"half")
    old = time.time() - 1000
    for path in tmp_path.glob("chunks/*/*"):
        os.utime(path, (old, old))
    os.utime(leftover, (old, old))
    store.get("ab" * 20)

    assert store.sweep(500) == 2
    assert store.get("ab" * 20) is not None
    assert store.get("cd" * 20) is None


def test_of_many_processes_one_sweeps(tmp_path: Path) -> None:
    """What is old stays while the last sweep, of whatever process, is not older than it may be."""
    one, other = ChunkCache(tmp_path), ChunkCache(tmp_path)
    one.put("ab" * 20, REPLY)
    assert one.sweep(3600, 60) == 0
    past = time.time() - 4000
    (result,) = tmp_path.glob("chunks/*/*")
    os.utime(result, (past, past))

    assert other.sweep(3600, 60) == 0
    os.utime(tmp_path / "chunks" / "swept", (past, past))
    assert other.sweep(3600, 60) == 1


def test_old_transcripts_are_named_and_halves_removed(tmp_path: Path) -> None:
    """Nothing that is young is touched: another machine may be writing it."""
    store = TranscriptStore(tmp_path)
    for job_id in ("old", "young"):
        store.put(job_id, TRANSCRIPT, recorded(store, job_id))
    halves = [tmp_path / "transcripts" / name for name in (".old.part", ".young.part")]
    for half in halves:
        half.write_bytes(b"half")
    past = time.time() - 1000
    for path in (tmp_path / "transcripts").glob("old.*"):
        os.utime(path, (past, past))
    os.utime(halves[0], (past - 4000, past - 4000))

    assert store.sweep(500) == ["old"]
    assert sorted(path.name for path in (tmp_path / "transcripts").iterdir()) == [
        ".young.part",
        "old.dat",
        "old.json",
        "young.dat",
        "young.json",
    ]


def recorded(store: TranscriptStore, job_id: str) -> PeakRecorder:
    """A waveform of one pixel."""
    recorder = store.peak_recorder(job_id)
    recorder.begin(1)
    recorder.write(bytes([255, 1]))
    return recorder


def test_a_transcript_goes_with_its_waveform(tmp_path: Path) -> None:
    """Neither stays when it is removed, nor when there was room for the waveform alone."""
    store = TranscriptStore(tmp_path)
    store.put("a", TRANSCRIPT, recorded(store, "a"))
    assert store.peaks("a").to_dat() == (tmp_path / "transcripts" / "a.dat").read_bytes()
    store.remove("a")

    assert list((tmp_path / "transcripts").iterdir()) == []

    def no_room(path: Path, data: bytes) -> None:
        if path.suffix == ".json":
            raise DiskFull(str(path))
        write_atomically(path, data)

    with (
        pytest.MonkeyPatch.context() as patch,
        pytest.raises(DiskFull),
    ):
        patch.setattr("audio_tools.storage.local.write_atomically", no_room)
        recorder = recorded(store, "b")
        store.put("b", TRANSCRIPT, recorder)
    recorder.discard()
    assert list((tmp_path / "transcripts").iterdir()) == []


def test_a_cache_that_is_too_large_loses_what_was_used_longest_ago(tmp_path: Path) -> None:
    """Reading a result counts as use; the usage reports what remains."""
    store = ChunkCache(tmp_path)
    digests = [f"{n:02}" * 20 for n in range(4)]
    for age, digest in enumerate(reversed(digests)):
        store.put(digest, REPLY)
        path = next(tmp_path.glob(f"chunks/*/{digest}.json"))
        os.utime(path, (time.time() - 100 * (age + 1),) * 2)
    size = path.stat().st_size
    store.get(digests[0])  # the oldest

    assert store.sweep(3600, max_bytes=2 * size) == 2
    assert [digest for digest in digests if store.get(digest)] == [digests[0], digests[3]]
    assert ChunkCache(tmp_path).used_bytes() == 2 * size


def test_a_half_written_file_does_not_stay_as_long_as_a_result(tmp_path: Path) -> None:
    """It was left by a crash; one that is an hour old is no longer being written."""
    store = ChunkCache(tmp_path)
    store.put("ab" * 20, REPLY)
    young, old = [tmp_path / "chunks" / "ab" / f".{name}.part" for name in ("young", "old")]
    for part in (young, old):
        part.write_bytes(b"half")
    os.utime(old, (time.time() - 4000,) * 2)

    assert store.sweep(30 * 86_400) == 1
    assert young.exists()
    assert not old.exists()


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for next to nothing."""
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(tmp_path)], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("mounting a small tmpfs needs root")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_full_disk_is_named_and_keeps_the_old_file(full_disk: Path) -> None:
    """Nothing half-written remains and what was there stays."""
    write_atomically(full_disk / "kept", b"old")
    with pytest.raises(DiskFull, match="full"):
        write_atomically(full_disk / "kept", b"x" * 100_000)

    assert (full_disk / "kept").read_bytes() == b"old"
    assert [path.name for path in full_disk.iterdir()] == ["kept"]


def test_a_folder_that_is_a_file_is_named(tmp_path: Path) -> None:
    """The error says which path cannot be written."""
    (tmp_path / "chunks").write_text("in the way")
    with pytest.raises(StorageError, match="chunks"):
        ChunkCache(tmp_path).put("ab" * 20, REPLY)
