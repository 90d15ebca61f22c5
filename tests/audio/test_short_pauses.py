"""Silences that are a little too short for a pause."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.audio.level_vad import Frames, joined
from audio_tools.audio.pauses import PAUSE_FRAMES, PauseFinder
from audio_tools.audio.short_pauses import ShortPauses

STRONG = 4.0


def frames_of(speech: list[bool]) -> Frames:
    level = np.where(speech, -20, -60).astype(np.float32)
    return Frames(np.array(speech, np.bool_), level, np.full_like(level, -60), np.full_like(level, -20))


def finished(speech: list[bool], evidence: list[float], sizes: tuple[int, ...] = (10_000,)) -> Frames:
    """All frames, given in parts of these sizes in turn."""
    track, given, position, number = ShortPauses(), [], 0, 0
    frames, odds = frames_of(speech), np.array(evidence, np.float32)
    while position < len(speech):
        part = slice(position, position + sizes[number % len(sizes)])
        given.append(track.push(frames[part], odds[part], ended=False))
        position, number = part.stop, number + 1
    return joined(*given, track.push(frames[:0], odds[:0], ended=True))


def pauses_of(frames: Frames) -> list[tuple[int, int]]:
    finder = PauseFinder()
    finder.push(frames.speech)
    return finder.pauses(0, finder.frames)


@pytest.mark.parametrize(
    ("silent", "beside", "pauses"),
    [(24, 1.0, [(94, 124)]), (24, STRONG, []), (18, 1.0, []), (40, 1.0, [(100, 140)])],
    ids=["weak evidence", "strong evidence", "a gap between words", "a pause already"],
)
def test_a_short_silence_is_a_pause_where_the_evidence_is_weak(
    silent: int, beside: float, pauses: list[tuple[int, int]]
) -> None:
    """It gets as long as a pause and no longer; others keep their edges."""
    speech = [True] * 100 + [False] * silent + [True] * 100
    evidence = [STRONG] * 92 + [beside] * 8 + [-3.0] * silent + [beside] * 8 + [STRONG] * 92

    assert pauses_of(finished(speech, evidence)) == pauses


@given(
    runs=st.lists(st.integers(1, 45), min_size=1, max_size=24),
    sizes=st.lists(st.integers(1, 200), min_size=1, max_size=4),
    seed=st.integers(0, 9),
)
def test_blocks_do_not_matter(runs: list[int], sizes: list[int], seed: int) -> None:
    """The same frames in other parts give the same decisions, and only speech becomes silence."""
    speech = [number % 2 == 0 for number, length in enumerate(runs) for _ in range(length)]
    odds = np.random.default_rng(seed).uniform(0, 3, len(speech))
    evidence = np.where(speech, odds, -odds).tolist()

    whole = finished(speech, evidence)

    assert np.array_equal(whole.speech, finished(speech, evidence, tuple(sizes)).speech)
    assert not (whole.speech & ~np.array(speech)).any()
    assert (np.array(speech) & ~whole.speech).sum() <= PAUSE_FRAMES * len(runs)
