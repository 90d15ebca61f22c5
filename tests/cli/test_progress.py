"""The line that remains says what matters, in numbers that mean something."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from audio_tools.cli._progress import ProgressLine, progress_of, prospect, summary
from audio_tools.events import Progress, Waiting
from audio_tools.transcript import MediaInfo, Transcript, Usage


@pytest.fixture
def transcript() -> Transcript:
    return Transcript(
        words=(),
        segments=(),
        silences=(),
        duration=60.0,
        total_chunks=2,
        success_rate=100.0,
        text="",
        language=None,
        engine="openai",
        model="whisper-1",
        media=MediaInfo("", None),
        usage=Usage(seconds=60.0, calls=2, cost_usd=0.006),
    )


@pytest.mark.parametrize(
    ("taken_s", "speed"),
    [(5.0, "12x"), (60.0, "1x"), (150.0, "0.4x"), (1500.0, "0.04x"), (600_000.0, "<0.01x")],
)
def test_what_is_slower_than_the_audio_has_a_decimal(
    taken_s: float, speed: str, transcript: Transcript
) -> None:
    """`0x real time` would be no speed at all."""
    assert f" s ({speed} real time), " in summary("a.mp4", transcript, taken_s)


def test_a_local_engine_has_no_price(transcript: Transcript) -> None:
    """Neither after the work nor before it; that of the API is there, and be it nothing."""
    local = replace(transcript, engine="whisper", model="base", usage=Usage(seconds=60.0, calls=2))
    free = replace(local, engine="openai", model="my-own")

    assert "$" not in summary("a.mp4", local, 5.0) + prospect("a.mp4", local)
    assert summary("a.mp4", free, 5.0).endswith(", about $0.00")
    assert prospect("a.mp4", transcript) == (
        "a.mp4: 1:00 of audio, about 2 chunks, 60 s to send to openai (whisper-1), about $0.0060"
    )


def test_a_wait_is_one_line_with_its_reason(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal: once when it begins, not at each attempt; the words of a service come out alike."""
    waiting = Waiting.of("engine_unreachable", "No connection.", since=1.0, next_attempt_at=2.0)
    event = Progress("transcribe", 3.0, "Waiting: No connection.", 0, 2, waiting=waiting)
    again = replace(event, waiting=replace(waiting, next_attempt_at="later"))
    received = progress_of(json.loads(json.dumps(event.to_json())))
    with ProgressLine("a.mp4") as line:
        for shown in (replace(event, waiting=None, message="Transcribed 0 of 2 chunks"), event, again):
            line.show(shown)

    assert received == event
    assert capsys.readouterr().err.count("Waiting: No connection.") == 1
