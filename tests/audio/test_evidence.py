"""The evidence for speech in frames."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from audio_tools.audio.evidence import EvidenceTrack, evidence_of
from audio_tools.audio.level_vad import Frames
from audio_tools.audio.silero_network import Floats
from audio_tools.audio.silero_vad import Voices


def voices_of(
    level_db: NDArray[np.floating], floor_db: float, loud_db: float, log_odds: float = 0.0
) -> Voices:
    level = np.asarray(level_db, np.float32)
    same = np.ones(len(level), np.float32)
    frames = Frames(level > floor_db + 6, level, same * floor_db, same * loud_db)
    return Voices(frames, same * np.float32(log_odds), np.ones(len(level), np.bool_))


def test_a_drop_of_the_level_is_evidence_against_speech() -> None:
    """Whatever the noise floor and the level of the speech around are taken for."""
    level = np.where(np.arange(200) < 100, -20.0, -40.0)
    evidence = evidence_of(voices_of(level, -70.0, -30.0))

    assert evidence[120:140].max() < evidence[60:80].min() - 1


def test_speech_that_noise_may_hide_needs_more_evidence_for_silence() -> None:
    """Where speech rises 10 dB above the noise, its soft parts are below it."""
    level = np.full(100, -40.0)
    masked, clear = (evidence_of(voices_of(level, -42.0, loud)).mean() for loud in (-32.0, -26.0))

    assert masked > clear + 1


@settings(max_examples=20)
@given(sizes=st.lists(st.integers(1, 300), min_size=1, max_size=4), length=st.integers(0, 700))
def test_blocks_do_not_matter(sizes: list[int], length: int) -> None:
    """Frames in other parts have the same evidence, bit for bit."""
    random = np.random.default_rng(length)
    voices = voices_of(random.uniform(-80, -10, length), -60.0, -20.0, 1.5)
    whole = EvidenceTrack().push(voices, ended=True)[1]
    track, parts, position = EvidenceTrack(), list[Floats](), 0
    while position < length:
        size = sizes[len(parts) % len(sizes)]
        parts.append(track.push(voices[position : position + size], ended=False)[1])
        position += size
    parts.append(track.push(voices[:0], ended=True)[1])

    assert np.array_equal(whole, np.concatenate(parts))
