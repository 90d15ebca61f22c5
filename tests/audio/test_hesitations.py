"""Hesitations between words: a voice that holds one sound, and nothing else."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_tools.audio.hesitations import find_hesitations
from audio_tools.audio.pcm import SAMPLE_RATE_HZ
from audio_tools.transcript import Interval, Word
from tests.audio.signals import Signal, bed, hum, read, samples, talk, to_pcm, voice

SECONDS = 6.0
GAP = Interval(2.0, 4.0)
WORDS = (Word("before", 0.2, 2.0), Word("behind", 4.0, 5.8))
SPEECH = (Interval(0.2, 5.8),)


def cough(seconds: float) -> Signal:
    return bed(seconds, -14.0, seed=5) * np.exp(-np.linspace(0, 4, samples(seconds)))


def sweep(seconds: float) -> Signal:
    """A voice whose sound and pitch change all the time, as in a word that the engine missed."""
    parts = [voice(0.1, pitch, -20.0) for pitch in np.geomspace(90, 260, round(seconds / 0.1))]
    return np.concatenate(parts)


def heard(sound: Signal, at: float, speech: tuple[Interval, ...] = SPEECH) -> list[Interval]:
    """What is found where words are talk, and the gap between them holds this sound."""
    signal = talk(SECONDS, [(0.0, 0.2), (GAP.start, GAP.end), (5.8, SECONDS)]) + bed(SECONDS, -66.0)
    signal[samples(at) : samples(at) + len(sound)] += sound
    return find_hesitations(to_pcm(signal), WORDS, speech)


@pytest.mark.parametrize("length", [0.15, 0.4, 1.2])
@pytest.mark.parametrize("pitch", [90.0, 220.0])
def test_a_voice_that_holds_one_sound_is_found(length: float, pitch: float) -> None:
    """With its edges to within 30 ms."""
    [found] = heard(voice(length, pitch), 2.6)

    assert found.start == pytest.approx(2.6, abs=0.03)
    assert found.end == pytest.approx(2.6 + length, abs=0.03)


@pytest.mark.parametrize(
    "sound", [cough(0.3), bed(0.5, -20.0), hum(0.5, -20.0), sweep(0.8), voice(0.05), voice(0.4, dbfs=-50.0)]
)
def test_no_other_sound_is_one(sound: Signal) -> None:
    """A cough, noise, hum, a voice that changes, one that is too short, one that is too soft."""
    assert heard(sound, 2.6) == []


def test_what_the_detector_takes_for_silence_is_not_looked_at() -> None:
    """Music in a pause is a voice that holds one sound, too."""
    assert heard(voice(0.4), 2.6, (Interval(0.2, 2.0), Interval(4.0, 5.8))) == []


def test_a_soft_voice_is_compared_with_the_words_beside_it() -> None:
    """People in one recording differ in loudness."""
    signal = talk(SECONDS, [(0.0, 0.2), (GAP.start, GAP.end), (5.8, SECONDS)]) * 10 ** (-20 / 20)
    signal[samples(2.6) : samples(3.0)] += voice(0.4, dbfs=-42.0)
    loud = talk(SECONDS, [(0.0, 0.2), (5.8, SECONDS)])
    signal = np.concatenate([signal, loud]) + bed(2 * SECONDS, -80.0)
    words = (*WORDS, Word("loud", SECONDS + 2.5, SECONDS + 5.8))

    [found] = find_hesitations(to_pcm(signal), words, [Interval(0.2, 2 * SECONDS)])
    assert [found.start, found.end] == pytest.approx([2.6, 3.0], abs=0.03)


def test_a_moment_between_uh_and_m_does_not_part_them() -> None:
    """A break of up to 0.1 s belongs to the hesitation."""
    [found] = heard(np.concatenate([voice(0.25), np.zeros(samples(0.06)), voice(0.25)]), 2.6)

    assert [found.start, found.end] == pytest.approx([2.6, 3.16], abs=0.03)


def test_a_short_sound_beside_others_belongs_to_a_missed_word() -> None:
    """A long one does not: people hesitate before words that an engine misses."""
    missed = np.concatenate([bed(0.4, -20.0), np.zeros(samples(0.1))])

    assert heard(np.concatenate([missed, voice(0.2)]), 2.6) == []
    assert len(heard(np.concatenate([missed, voice(0.5)]), 2.6)) == 1
    assert len(heard(voice(0.2), 2.6)) == 1


def test_a_hesitation_includes_its_soft_end() -> None:
    """An `m` dies away below the level at which a voice is looked for."""
    [found] = heard(np.concatenate([voice(0.4), voice(0.12, dbfs=-38.0)]), 2.6)

    assert [found.start, found.end] == pytest.approx([2.6, 3.12], abs=0.03)


def test_hesitations_whose_soft_edges_meet_are_one() -> None:
    """Ranges of fillers never overlap."""
    soft = voice(0.14, dbfs=-38.0)
    [found] = heard(np.concatenate([voice(0.4), soft, voice(0.4)]), 2.6)

    assert [found.start, found.end] == pytest.approx([2.6, 3.54], abs=0.03)


def test_a_short_sound_that_fills_its_gap_is_the_edge_of_a_word() -> None:
    """Word times are off by as much; with room around it, the same sound is a hesitation."""
    signal = talk(SECONDS, [(0.0, 0.2), (GAP.start, GAP.end), (5.8, SECONDS)]) + bed(SECONDS, -66.0)
    signal[samples(2.6) : samples(2.72)] += voice(0.12)
    pcm = to_pcm(signal)
    close = (Word("before", 0.2, 2.59), Word("behind", 2.73, 5.8))

    assert len(find_hesitations(pcm, WORDS, SPEECH)) == 1
    assert find_hesitations(pcm, close, SPEECH) == []


def test_without_words_there_is_no_between() -> None:
    """Of a chunk without words nothing is known."""
    assert find_hesitations(to_pcm(voice(2.0)), (), SPEECH) == []


@settings(max_examples=40)
@given(
    st.lists(st.tuples(st.floats(0, 5.9), st.floats(0.01, 1.0)), min_size=1, max_size=8),
    st.lists(st.tuples(st.floats(0, 5.9), st.floats(0.01, 3.0)), max_size=4),
)
def test_hesitations_lie_in_order_between_the_words(
    words: list[tuple[float, float]], speech: list[tuple[float, float]]
) -> None:
    """Whatever words and speech there are."""
    pcm = to_pcm(voice(SECONDS))
    rows = [Word("w", start, start + length) for start, length in sorted(words)]
    found = find_hesitations(pcm, rows, sorted(Interval(a, a + b) for a, b in speech))

    assert found == sorted(found)
    assert all(one.end < other.start for one, other in pairwise(found))
    # A frame of 10 ms is in a gap if its middle is.
    assert all(
        min(each.end, word.end) - max(each.start, word.start) <= 0.02 + 1e-9
        for each in found
        for word in rows
    )


def test_labelled_hesitations_of_a_recording_are_found(speech: Path) -> None:
    """`um` twice and `uh` once, which people marked; their neighbours have the times of the labels."""
    pcm = read(speech / "acoustic_corpus.wav")
    words = [Word("cares", 6.98, 7.56), Word("this", 8.57, 8.79), Word("intensity", 12.94, 13.9)]
    words += [Word("we're", 14.87, 15.16), Word("words", 21.79, 22.33), Word("and", 23.6, 24.28)]
    found = find_hesitations(pcm, words, [Interval(0.0, len(pcm) / SAMPLE_RATE_HZ)])
    labelled = [Interval(8.02, 8.57), Interval(14.51, 14.87), Interval(22.9, 23.53)]

    for label in labelled:
        assert any(
            abs(each.start - label.start) < 0.12 and abs(each.end - label.end) < 0.12 for each in found
        )
