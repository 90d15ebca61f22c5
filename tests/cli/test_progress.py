"""The line that remains says what matters, in numbers that mean something."""

from __future__ import annotations

from dataclasses import replace

import pytest

from audio_tools.cli._progress import prospect, summary
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
    ("taken_s", "speed"), [(5.0, "12x"), (60.0, "1x"), (150.0, "0.4x"), (1500.0, "0.04x")]
)
def test_what_is_slower_than_the_audio_has_a_decimal(
    taken_s: float, speed: str, transcript: Transcript
) -> None:
    """`0x realtime` would be no speed at all."""
    assert f" s taken ({speed} realtime), " in summary("a.mp4", transcript, taken_s)


def test_a_local_engine_has_no_price(transcript: Transcript) -> None:
    """Neither after the work nor before it; that of the API is there, and be it nothing."""
    local = replace(transcript, engine="whisper", model="base", usage=Usage(seconds=60.0, calls=2))
    free = replace(local, engine="openai", model="my-own")

    assert "$" not in summary("a.mp4", local, 5.0) + prospect("a.mp4", local)
    assert summary("a.mp4", free, 5.0).endswith(", about $0.00")
    assert prospect("a.mp4", transcript) == (
        "a.mp4: 1:00 of audio, about 2 chunks, 60 s to send to openai (whisper-1), about $0.0060"
    )
