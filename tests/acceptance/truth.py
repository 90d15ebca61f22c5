"""A transcript beside the truth about its recording."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from audio_tools.audio.pauses import RESOLUTION_S
from audio_tools.transcript import Interval, Transcript
from tests.simulator.script import Script

EDGE_S = 0.1
"""How far the edges of a silence may be off, in seconds."""
START_S = 0.05
"""How far 95 % of the words may be off, in seconds."""


def assert_true(transcript: Transcript, script: Script) -> None:
    """Every word once, in order, in its place from first to last; every silence, and no other."""
    assert_all_words(transcript, script)
    errors = np.array(
        [heard.start - said.start for heard, said in zip(transcript.words, script.words, strict=True)]
    )
    assert np.quantile(np.abs(errors), 0.95) <= START_S
    tenth = max(len(errors) // 10, 1)
    assert abs(errors[-tenth:].mean() - errors[:tenth].mean()) < 0.01, "the words drift"
    assert_silences_of(transcript, script)


def assert_all_words(transcript: Transcript, script: Script) -> None:
    """Every word once and in order, whatever its time."""
    said = [word.text for word in script.words]
    heard = [word.word for word in transcript.words]
    if heard != said:
        missing, extra = sorted(set(said) - set(heard)), sorted(set(heard) - set(said))
        raise AssertionError(f"{len(heard)} of {len(said)} words; missing {missing[:9]}, extra {extra[:9]}")
    assert transcript.success_rate == 100.0
    assert transcript.failed_chunks == ()


def assert_silences_of(transcript: Transcript, script: Script) -> None:
    """Each silence of two seconds is found, edges and all, and each found one is one, or lacks a frame."""
    found = transcript.silences
    certain, possible = (
        [Interval(*pause) for pause in script.silences(least_s)] for least_s in (2.0, 2.0 - RESOLUTION_S)
    )
    missed = [silence for silence in certain if not _among(silence, found)]
    invented = [silence for silence in found if not _among(silence, possible)]

    assert (missed, invented) == ([], [])


def _among(silence: Interval, others: Sequence[Interval]) -> bool:
    return any(
        abs(silence.start - other.start) <= EDGE_S and abs(silence.end - other.end) <= EDGE_S
        for other in others
    )
