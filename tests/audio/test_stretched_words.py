"""Words that an aligner stretched over a hesitation: shortened to the rest, and never anything else."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_tools.audio.hesitations import find_hesitations
from audio_tools.audio.pcm import Pcm
from audio_tools.audio.stretched_words import shorten_stretched
from audio_tools.transcript import Interval, Word
from tests.audio.signals import Signal, bed, samples, talk, to_pcm, voice

SECONDS = 6.0
SPOKEN = [Word("words", start, start + 0.4) for start in (0.2, 0.6, 1.0, 1.4, 4.4, 4.8, 5.2)]


def recording(*sounds: tuple[float, Signal]) -> Pcm:
    """Talk with a gap from 1.8 to 4.4 s that holds these sounds, each at its time."""
    signal = talk(SECONDS, [(0.0, 0.2), (1.8, 4.4), (5.6, SECONDS)]) + bed(SECONDS, -66.0)
    for at, sound in sounds:
        signal[samples(at) : samples(at) + len(sound)] += sound
    return to_pcm(signal)


def shortened(pcm: Pcm, word: Word) -> Word:
    """The word among those of the talk."""
    words = sorted([*SPOKEN, word], key=lambda each: each.start)
    return shorten_stretched(pcm, words)[words.index(word)]


@pytest.mark.parametrize(
    ("word", "held_at", "left"),
    [
        (Word("the", 2.0, 2.6), 2.12, Interval(2.0, 2.12)),
        (Word("The", 2.0, 2.62), 2.0, Interval(2.48, 2.62)),
    ],
    ids=["behind it", "before it"],
)
def test_a_word_stretched_over_a_hesitation_is_shortened_and_the_hesitation_found(
    word: Word, held_at: float, left: Interval
) -> None:
    """The word is the part in which no sound is held."""
    pcm = recording((left.start, bed(left.duration, -20.0, seed=3)), (held_at, voice(0.48)))
    short = shortened(pcm, word)

    assert [short.start, short.end] == pytest.approx([left.start, left.end], abs=0.03)
    [found] = find_hesitations(pcm, [*SPOKEN[:4], short, *SPOKEN[4:]], [Interval(0.2, 5.6)])
    assert [found.start, found.end] == pytest.approx([held_at, held_at + 0.48], abs=0.03)


@pytest.mark.parametrize(
    ("held_at", "left"),
    [(2.3, Interval(2.0, 2.3)), (2.0, Interval(2.9, 3.2))],
    ids=["behind it", "before it"],
)
def test_any_word_is_shortened_if_all_of_it_lies_beside_a_long_sound(held_at: float, left: Interval) -> None:
    """It is much longer than other words, and what is left is as long as they are."""
    pcm = recording((left.start, bed(left.duration, -20.0, seed=3)), (held_at, voice(0.9)))
    short = shortened(pcm, Word("not", 2.0, 3.2))

    assert [short.start, short.end] == pytest.approx([left.start, left.end], abs=0.03)


def test_a_word_with_sounds_on_both_sides_of_its_vowel_is_drawn_out() -> None:
    """People do so with emphasis."""
    noise = bed(0.2, -20.0, seed=3)
    pcm = recording((2.0, noise), (2.2, voice(0.8)), (3.0, noise))

    assert shortened(pcm, word := Word("long", 2.0, 3.2)) == word


def test_of_a_short_word_that_is_a_long_sound_the_onset_stays() -> None:
    """The aligner placed it on the hesitation."""
    short = shortened(recording((2.0, voice(0.9))), Word("the", 2.0, 2.9))

    assert [short.start, short.end] == pytest.approx([2.0, 2.08])


@pytest.mark.parametrize("text", ["words", "so", "and", "in.", "the,"])
def test_words_that_people_draw_out_stay_as_they_are(text: str) -> None:
    """Words of content do so with emphasis, and the last one before a comma or a pause does."""
    pcm = recording((2.0, bed(0.12, -20.0, seed=3)), (2.12, voice(0.48)))

    assert shortened(pcm, word := Word(text, 2.0, 2.6)) == word


@pytest.mark.parametrize(
    ("sound", "length"), [(voice(0.6), 0.6), (bed(0.6, -20.0), 0.6), (voice(0.15), 0.6), (voice(0.6), 0.2)]
)
def test_what_holds_no_sound_beside_its_own_stays_as_it_is(sound: Signal, length: float) -> None:
    """A word that is the hesitation itself, noise, a short vowel, a word of usual length."""
    word = Word("the", 2.0, 2.0 + length)

    assert shortened(recording((2.0, sound)), word) == word


def test_singing_is_not_hesitation() -> None:
    """Where many words hold a sound, all of them stay as they are."""
    parts = [np.concatenate([bed(0.15, -20.0, seed=3), voice(0.6)]) for _ in range(6)]
    words = [Word("you", 0.75 * number, 0.75 * number + 0.75) for number in range(6)]

    assert shorten_stretched(to_pcm(np.concatenate(parts)), words) == words


@settings(max_examples=40)
@given(st.lists(st.tuples(st.floats(0, 5.9), st.floats(0.01, 1.5)), max_size=8), st.integers(0, 5))
def test_words_only_become_shorter(spans: list[tuple[float, float]], tenths: int) -> None:
    """Whatever their times are, none is lost, moved, emptied or made longer."""
    pcm = recording((2.0, bed(0.1 * tenths + 0.1, -20.0)), (2.1 + 0.1 * tenths, voice(0.4)))
    words = [Word("the", start, start + length) for start, length in sorted(spans)]
    short = shorten_stretched(pcm, words)

    assert [each.word for each in short] == [each.word for each in words]
    for before, after in zip(words, short, strict=True):
        assert before.start <= after.start < after.end <= before.end
    assert shorten_stretched(pcm, words) == short
