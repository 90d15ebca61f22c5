"""The sample that ships with the project is what its page says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audio_tools.media.probe import probe

SAMPLE = Path(__file__).parent.parent / "sample"
AAC_LEAD_IN_S = 1024 / 48_000
"""The encoder's own silence, which FFmpeg's MP4 writer leaves in the stream."""
EDIT_LIST_STEP_S = 0.001


async def test_the_stream_starts_a_lead_in_before_the_sound() -> None:
    """`audioStartOffset` is where the stream starts; with its lead-in that is where the sound was put."""
    truth = json.loads((SAMPLE / "sample.truth.json").read_text())
    media = (await probe(SAMPLE / "sample.mp4")).of_stream(0).to_json()

    assert media["audioStartOffset"] == 0.928
    assert media["audioStartOffset"] + AAC_LEAD_IN_S == pytest.approx(
        truth["soundStart"], abs=EDIT_LIST_STEP_S
    )
    assert f"begins at {media['audioStartOffset']} s" in (SAMPLE / "README.md").read_text()
