"""Progress never goes back, whatever happens to a job."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.events import Event, Progress
from audio_tools.pipeline.progress import ProgressTracker

steps = st.lists(st.sampled_from(["cut", "done", "pass", "all"]), max_size=30)


def meter() -> tuple[ProgressTracker, list[Progress]]:
    """A meter and what it publishes."""
    told: list[Progress] = []

    def publish(event: Event) -> None:
        assert isinstance(event, Progress)
        told.append(event)

    return ProgressTracker(publish), told


def test_a_job_says_what_it_is_at_before_its_file_is_known() -> None:
    """Loading a model takes long: the client sees it, at 0 percent, without chunks or estimate."""
    measured, told = meter()
    measured.report("load", "Starting whisper (base)")

    assert told[0].to_json() == {
        "type": "progress",
        "stage": "load",
        "progress": 0.0,
        "message": "Starting whisper (base)",
        "chunksDone": 0,
        "chunksFailed": 0,
        "totalChunks": 0,
        "etaSeconds": None,
        "speed": None,
        "waiting": None,
    }


def test_a_download_is_told_once_for_each_percent() -> None:
    """Progress is thinned out: the hub's client reports every block, and clients keep every event."""
    measured, told = meter()
    for done in range(1000):
        measured.downloaded(done * 145_000, 145_000_000)

    assert len(told) == 100
    assert (told[50].stage, told[50].message) == ("load", "Downloading the model: 72 of 145 MB")


@given(before=steps, after=steps, duration=st.none() | st.floats(0, 100))
def test_progress_never_goes_back(before: list[str], after: list[str], duration: float | None) -> None:
    """Not when the file becomes known, not in a second pass; it stays within 0 and 99 until the end."""
    measured, told = meter()
    cut = 0

    def take(names: list[str]) -> None:
        nonlocal cut
        for name in names:
            if name == "cut":
                cut += 1
                measured.cut(10.0 * cut)
            elif name == "done":
                measured.done(10.0)
            elif name == "pass":
                measured.start_pass()
            else:
                measured.cut_all(10.0 * cut)

    measured.report("probe", "Reading the file")
    take(before)
    measured.expect(duration, 3)
    take(after)
    shown = [event.progress for event in told]

    assert shown == sorted(shown)
    assert all(0 <= progress <= 99 for progress in shown)


def test_one_chunk_is_not_chunks() -> None:
    """The message is read by people."""
    measured, told = meter()
    measured.expect(10.0, 1)
    measured.cut(10.0)
    measured.done(10.0)

    assert told[-1].message == "Transcribed 1 of 1 chunk"


def test_failed_chunks_are_not_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine of ten fail: 10 percent of the audio are done, and the message says what happened."""
    measured, told = meter()
    measured.expect(100.0, 10)
    for number in range(10):
        measured.cut(10.0 * (number + 1))
    measured.done(10.0)
    for _ in range(9):
        measured.failed(10.0)

    assert told[-1].message == "Transcribed 1 of 10 chunks, 9 failed"
    assert told[-1].progress == pytest.approx(3.0 + 9.6)
    assert (told[-1].chunks_done, told[-1].chunks_failed) == (1, 9)


def test_cached_chunks_are_not_speed(monkeypatch: pytest.MonkeyPatch) -> None:
    """After a resume the time left follows from what the engine does, not from what is there already."""
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    measured, told = meter()
    measured.expect(100.0, 10)
    measured.cut_all(100.0)
    for _ in range(8):
        measured.done(10.0, by_engine=False)
    unknown = told[-1]
    clock[0] = 5.0
    measured.done(10.0)

    assert (unknown.eta_s, unknown.speed) == (None, None)
    assert told[-1].speed == pytest.approx(2.0)
    assert told[-1].eta_s == pytest.approx(5.0)
