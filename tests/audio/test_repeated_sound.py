"""Sound that is said again at once, while the words have it only once."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_tools.audio.repeated_sound import RepeatedSound, find_repeated
from audio_tools.transcript import Interval, Word
from tests.audio.signals import Signal, babble, bed, samples, to_pcm

ATTEMPT_S, PAUSE_S = 1.0, 0.4
WORD_S = 0.25
SYLLABLE_S = 0.2
ATTEMPT = range(5)


def spoken(*parts: Signal) -> Signal:
    """The parts with a pause between them and other talk on both sides, in a quiet room."""
    rest = np.zeros(samples(PAUSE_S))
    row = [babble(range(20, 27)), np.zeros(samples(0.1)), rest]
    for part in parts:
        row += [part, rest]
    signal = np.concatenate([*row, babble(range(30, 37)), rest])
    return signal + bed(len(signal) / 16000, -66.0)


def words_over(*stretches: tuple[float, float]) -> list[Word]:
    """Words of a quarter of a second, side by side."""
    return [
        Word("abcd", start, min(start + WORD_S, end), timing="aligned")
        for first, end in stretches
        for start in np.arange(first, end - 0.1, WORD_S).tolist()
    ]


FIRST = 1.5 + PAUSE_S
AGAIN = FIRST + ATTEMPT_S + PAUSE_S
BEHIND = AGAIN + ATTEMPT_S + PAUSE_S
LEFT, RIGHT = (0.0, 1.5), (BEHIND, BEHIND + 1.5)
ON_ATTEMPT = words_over(LEFT, (FIRST, FIRST + ATTEMPT_S), RIGHT)
ON_REPETITION = words_over(LEFT, (AGAIN, AGAIN + ATTEMPT_S), RIGHT)


def found_in(signal: Signal, words: Sequence[Word] = ON_ATTEMPT) -> list[RepeatedSound]:
    return find_repeated(to_pcm(signal), words)


@pytest.mark.parametrize("words", [ON_ATTEMPT, ON_REPETITION])
def test_an_attempt_that_is_said_again_is_found(words: Sequence[Word]) -> None:
    """Whichever of the two the words were placed on, with the edges of both."""
    [found] = found_in(spoken(babble(ATTEMPT), babble(ATTEMPT, breath=1)), words)

    assert [found.attempt.start, found.attempt.end] == pytest.approx([FIRST, FIRST + ATTEMPT_S], abs=0.08)
    assert [found.again.start, found.again.end] == pytest.approx([AGAIN, AGAIN + ATTEMPT_S], abs=0.08)
    assert found.distance < 0.2


@pytest.mark.parametrize("length", [0.85, 1.0, 1.2])
def test_the_second_attempt_may_be_another_realisation(length: float) -> None:
    """Faster or slower, softer and made anew: people never repeat themselves exactly."""
    again = babble(ATTEMPT, SYLLABLE_S * length, breath=1) * 0.6
    [found] = found_in(spoken(babble(ATTEMPT), again))

    assert [found.attempt.start, found.attempt.end] == pytest.approx([FIRST, FIRST + ATTEMPT_S], abs=0.08)
    assert found.again.end == pytest.approx(AGAIN + ATTEMPT_S * length, abs=0.08)
    assert found.distance > 0


def test_what_follows_the_attempt_may_go_on() -> None:
    """A false start is the beginning of what repeats it."""
    again = babble([*ATTEMPT, *range(10, 15)])
    [found] = found_in(spoken(babble(ATTEMPT), again), words_over(LEFT, (FIRST, FIRST + ATTEMPT_S)))

    assert found.again.end == pytest.approx(AGAIN + ATTEMPT_S, abs=0.08)


@pytest.mark.parametrize("other", [range(10, 15), range(5, 0, -1), [0, 11, 2, 13, 4]])
def test_other_sound_is_none(other: Sequence[int]) -> None:
    """Speech without words behind a sentence is a gap, and nothing more."""
    assert found_in(spoken(babble(ATTEMPT), babble(other))) == []


def test_words_that_have_both_attempts_need_no_more() -> None:
    """Where the engine wrote the repetition, there is no sound to spare."""
    both = words_over(LEFT, (FIRST, FIRST + ATTEMPT_S), (AGAIN, AGAIN + ATTEMPT_S), RIGHT)

    assert found_in(spoken(babble(ATTEMPT), babble(ATTEMPT, breath=1)), both) == []


def test_a_moment_of_sound_is_too_short() -> None:
    """Any two short sounds are alike."""
    short = babble([0], 0.08)

    assert found_in(spoken(short, short), words_over(LEFT, (FIRST + PAUSE_S, BEHIND))) == []


@pytest.mark.parametrize("words", [(), words_over(LEFT)])
def test_silence_is_none(words: Sequence[Word]) -> None:
    """Frames of nothing equal each other."""
    assert find_repeated(np.zeros(samples(4.0), np.int16), words) == []


@given(
    seeds=st.lists(st.integers(0, 3), min_size=1, max_size=6),
    pauses=st.lists(st.floats(0.0, 0.8), min_size=6, max_size=6),
    starts=st.lists(st.floats(0.0, 5.0), max_size=8),
)
@settings(max_examples=25)
def test_whatever_is_found_lies_within_the_sound(
    seeds: list[int], pauses: list[float], starts: list[float]
) -> None:
    """In order and apart, each attempt before what repeats it."""
    parts = [
        part
        for seed, pause in zip(seeds, pauses, strict=False)
        for part in (babble([seed, seed + 1], breath=seed), np.zeros(samples(pause)))
    ]
    pcm = to_pcm(np.concatenate(parts))
    seconds = len(pcm) / 16000
    words = [Word("abc", start, start + 0.2) for start in sorted(starts) if start + 0.2 < seconds]

    found = find_repeated(pcm, words)

    for each in found:
        assert 0 <= each.attempt.start < each.attempt.end <= each.again.start < each.again.end <= seconds
    for one, other in pairwise(found):
        assert Interval(one.attempt.start, one.again.end) < Interval(other.attempt.start, other.again.end)
        assert one.again.end <= other.attempt.start
