"""The level detector: what it decides, and that blocks do not matter to it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_tools.audio.level_vad import Frames, LevelDetector
from tests.audio.signals import Signal, bed, blocks, hum, talk, to_pcm

PAUSES = [(3.0, 5.0), (8.0, 8.5), (12.0, 20.0), (24.0, 24.4)]


def detect(signal: Signal, sizes: tuple[int, ...] = (64_000,)) -> Frames:
    detector = LevelDetector()
    parts = [detector.push(block) for block in blocks(to_pcm(signal), sizes)]
    parts.append(detector.finish())
    return Frames(*(np.concatenate([getattr(part, name) for part in parts]) for name in Frames.__slots__))


def speech_in(frames: Frames, start: float, end: float) -> float:
    return float(frames.speech[round(start * 100) : round(end * 100)].mean())


@pytest.mark.parametrize(
    "noise",
    [bed(30, -100), bed(30, -50), hum(30, -30), bed(30, -45) + hum(30, -35)],
    ids=["clean", "noise", "hum", "both"],
)
def test_pauses_are_silent_and_talk_is_speech_on_every_bed(noise: Signal) -> None:
    """Whatever lies under the talk, its pauses are silence and the rest is not."""
    frames = detect(talk(30, PAUSES) + noise)

    for start, end in PAUSES:
        assert speech_in(frames, start + 0.1, end - 0.1) == 0
    assert speech_in(frames, 0.3, 2.9) > 0.7
    assert speech_in(frames, 20.3, 23.9) > 0.7


def test_a_quiet_recording_needs_no_setting() -> None:
    """Talk at -50 dBFS on a bed at -100 has the same pauses as loud talk."""
    quiet = detect(talk(30, PAUSES, dbfs=-50) + bed(30, -100))

    for start, end in PAUSES:
        assert speech_in(quiet, start + 0.1, end - 0.1) == 0
    assert speech_in(quiet, 20.3, 23.9) > 0.7


def test_digital_silence_holds_no_speech() -> None:
    """Zeros are silence, and so is dither at the last bit."""
    assert not detect(np.zeros(160_000)).speech.any()
    assert not detect(bed(10, -91)).speech.any()


@settings(max_examples=8, deadline=None)
@given(sizes=st.lists(st.integers(1, 90_000), min_size=1, max_size=4))
def test_decisions_do_not_depend_on_blocks(sizes: list[int]) -> None:
    """The same samples in other blocks give the same frames, bit for bit."""
    if max(sizes) < 2_000:
        sizes = [*sizes, 40_000]
    signal = talk(26.337, PAUSES) + bed(26.337, -55)
    whole, cut = detect(signal, (10_000_000,)), detect(signal, tuple(sizes))

    assert len(whole) == 2633
    assert np.array_equal(whole.speech, cut.speech)
    assert np.array_equal(whole.level_db, cut.level_db)
    assert np.array_equal(whole.floor_db, cut.floor_db)


@pytest.mark.parametrize("n_samples", [0, 1, 159, 160, 161, 480, 16_000])
def test_short_input_gives_its_whole_frames(n_samples: int) -> None:
    """Every whole frame of 10 ms is decided, even of next to nothing."""
    assert len(detect(np.zeros(n_samples))) == n_samples // 160
