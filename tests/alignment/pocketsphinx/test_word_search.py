"""The walk through a chunk, with an ear that knows what is said where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from audio_tools.alignment.pocketsphinx.model import Found
from audio_tools.alignment.pocketsphinx.pronunciations import Spoken
from audio_tools.alignment.pocketsphinx.word_search import (
    LONGEST_WINDOW_S,
    MOST_MISFITS,
    MOST_MISFITS_AT_FIRST,
    MOST_TOKENS,
    PAD_S,
    find_words,
    windows,
)
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.transcript import Interval, Word
from audio_tools.words.timing import spread

TEXT = [
    *["alpha", "bravo", "charlie", "delta", "echo", "foxtrot", "golf", "hotel", "india"],
    *["juliet", "kilo", "lima", "mike", "november", "oscar", "papa", "quebec", "romeo"],
    *["sierra", "tango", "uniform", "victor", "whiskey", "yankee", "zulu"],
]
WORD_S = 0.5


@dataclass
class Ear:
    """
    Detects word n of `said` from n/2 s on: sample values are word numbers, 0 is silence.

    What it is asked for and does not hear it places badly, as the real one does.
    """

    said: Sequence[str]
    asked: int = 0
    asked_wide: int = 0

    def pcm(self, pause_after: Sequence[int] = ()) -> Pcm:
        parts = []
        for number in range(len(self.said)):
            parts.append(np.full(round(WORD_S * SAMPLE_RATE_HZ), number + 1, np.int16))
            if number in pause_after:
                parts.append(np.zeros(SAMPLE_RATE_HZ, np.int16))
        return np.concatenate(parts)

    def find(self, pcm: Pcm, ways: Sequence[Sequence[Spoken]], entries: int, wide: bool) -> list[Found]:
        self.asked += 1
        self.asked_wide += wide
        numbers = [int(number) for number in dict.fromkeys(pcm.tolist()) if number]
        heard = [self.said[number - 1] for number in numbers]
        texts = [word[0][0] for word in ways]
        for first in range(entries):
            if heard and texts[first : first + len(heard)] == heard:
                return [self._found(pcm, first + n, number, -1.0) for n, number in enumerate(numbers)]
        return [self._found(pcm, n, number, -5.0) for n, number in enumerate(numbers[: len(texts)])]

    def _found(self, pcm: Pcm, position: int, number: int, score: float) -> Found:
        where = np.flatnonzero(pcm == number)
        return Found(position, where[0] / SAMPLE_RATE_HZ, (where[-1] + 1) / SAMPLE_RATE_HZ, score)


def speech_in(pcm: Pcm) -> list[Interval]:
    edges = np.flatnonzero(np.diff(np.concatenate([[0], pcm > 0, [0]]).astype(int)))
    return [
        Interval(a / SAMPLE_RATE_HZ, b / SAMPLE_RATE_HZ) for a, b in zip(edges[::2], edges[1::2], strict=True)
    ]


def estimated(text: Sequence[str], speech: Sequence[Interval]) -> list[Word]:
    return spread(" ".join(text), speech)


def starts(found: Sequence[Found | None]) -> list[float | None]:
    return [None if where is None else round(where.start, 2) for where in found]


def test_windows_join_short_stretches_and_end_in_pauses() -> None:
    """A window is long enough to know the channel by, and no long pause is inside it."""
    speech = [Interval(1, 2), Interval(2.5, 4), Interval(9, 18), Interval(18.5, 20)]

    assert list(windows(speech, 20.1)) == [
        Interval(1 - PAD_S, 4 + PAD_S),
        Interval(9 - PAD_S, 18 + PAD_S),
        Interval(18.5 - PAD_S, 20.1),
    ]


def test_a_text_without_times_finds_its_place() -> None:
    """Each window takes the words that are said in it, and the next one continues behind them."""
    ear = Ear(TEXT)
    pcm = ear.pcm(pause_after=(13, 17))
    found = find_words(pcm, estimated(TEXT, speech_in(pcm)), speech_in(pcm), ear.find)

    assert starts(found) == [n * WORD_S + (n > 13) + (n > 17) for n in range(len(TEXT))]
    assert ear.asked == 2  # once a window, for the place was known


def test_speech_without_a_pause_is_walked_through_in_steps() -> None:
    """A window cut in the middle of speech leaves its last second to the next one."""
    said = [f"{a}{b}" for a in ("red", "blue", "green") for b in TEXT]
    ear = Ear(said)
    silence = 0.3
    pcm = np.concatenate([np.zeros(round(silence * SAMPLE_RATE_HZ), np.int16), ear.pcm()])
    found = find_words(pcm, estimated(said, speech_in(pcm)), speech_in(pcm), ear.find)

    assert len(said) * WORD_S > LONGEST_WINDOW_S
    assert starts(found) == [round(silence + n * WORD_S, 2) for n in range(len(said))]
    assert all(where and round(where.end - where.start, 2) == WORD_S for where in found)


def test_a_text_that_was_not_said_is_not_found() -> None:
    """The ear places anything; what fits badly is not believed."""
    ear = Ear(TEXT)
    pcm = ear.pcm(pause_after=(13,))
    wrong = [word[::-1] for word in TEXT]

    assert not any(find_words(pcm, estimated(wrong, speech_in(pcm)), speech_in(pcm), ear.find))
    assert ear.asked > ear.asked_wide > 0  # it was searched for in every way


def test_many_windows_that_do_not_fit_are_not_searched_widely() -> None:
    """Under a long piece of music each window costs little."""
    said = [f"{a}{b}" for a in ("red", "blue", "green") for b in TEXT]
    pauses = range(12, len(said), 13)
    wrong = [word[::-1] for word in said]
    asked_wide = []
    for windows_heard in (MOST_MISFITS, MOST_MISFITS + 2):
        ear = Ear(said)
        pcm = ear.pcm(pause_after=pauses)
        speech = speech_in(pcm)[:windows_heard]
        assert not any(find_words(pcm, estimated(wrong, speech), speech, ear.find))
        asked_wide.append(ear.asked_wide)

    assert asked_wide[0] == asked_wide[1] > 0


def test_a_text_that_never_fits_is_given_up() -> None:
    """However long the chunk is, no more than its first windows are searched."""
    said = [f"{a}{b}" for a in ("red", "blue", "green", "black", "white") for b in TEXT]
    pcm = Ear(said).pcm(pause_after=range(12, len(said), 13))
    speech = speech_in(pcm)
    wrong = estimated([word[::-1] for word in said], speech)
    asked = []
    for windows_heard in (MOST_MISFITS_AT_FIRST, MOST_MISFITS_AT_FIRST + 2):
        ear = Ear(said)
        assert not any(find_words(pcm, wrong, speech[:windows_heard], ear.find))
        asked.append(ear.asked)

    assert asked[0] == asked[1] > 0


def test_after_a_stretch_that_does_not_fit_the_place_is_found_again() -> None:
    """A sentence that the engine left out costs its own window, not the rest of the chunk."""
    ear = Ear(TEXT)
    pcm = ear.pcm(pause_after=(12,))
    text = TEXT[3:]
    found = find_words(pcm, estimated(text, speech_in(pcm)), speech_in(pcm), ear.find)

    assert starts(found) == [None] * 10 + [n * WORD_S + 1 for n in range(13, len(TEXT))]


def test_what_contradicts_the_engine_is_not_believed() -> None:
    """Good scores far from the engine's own times: one of the two is wrong, and the words stay."""
    ear = Ear(TEXT)
    pcm = ear.pcm()
    late = [Word(word, n * WORD_S + 1.8, n * WORD_S + 2.2) for n, word in enumerate(TEXT)]
    near = [word.shifted(-1.4) for word in late]

    assert not any(find_words(pcm, late, speech_in(pcm), ear.find))
    assert all(find_words(pcm, near, speech_in(pcm), ear.find))


def test_what_is_not_said_is_not_searched_for() -> None:
    """A dash has no sound; its neighbours are found as if it were not there."""
    ear = Ear(TEXT)
    pcm = ear.pcm()
    words = estimated(TEXT, speech_in(pcm))
    words.insert(2, replace(words[2], word="—"))
    found = find_words(pcm, words, speech_in(pcm), ear.find)

    assert starts(found)[:4] == [0.0, 0.5, None, 1.0]


def test_without_speech_nothing_is_asked() -> None:
    """Silence costs nothing."""
    ear = Ear(TEXT)

    assert find_words(ear.pcm(), estimated(TEXT, [Interval(0, 1)]), [], ear.find) == [None] * len(TEXT)
    assert ear.asked == 0


def test_a_text_that_nothing_fits_costs_a_small_share_of_the_sound() -> None:
    """Music or another language: the search gives up by what it has searched in vain, not by the clock."""
    deaf = Ear(["zzz"] * 600)
    pcm = deaf.pcm()
    text = [f"w{number:05d}" for number in range(600)]
    words = [Word(word, n * WORD_S, (n + 0.9) * WORD_S) for n, word in enumerate(text)]
    sizes: list[int] = []

    def find(pcm: Pcm, ways: Sequence[Sequence[Spoken]], entries: int, wide: bool) -> list[Found]:
        sizes.append(sum(len(way) for word in ways for way in word))
        return deaf.find(pcm, ways, entries, wide)

    assert not any(find_words(pcm, words, speech_in(pcm), find))
    assert len(sizes) <= 3
    assert max(sizes) <= MOST_TOKENS


def test_a_long_stretch_that_fits_nothing_does_not_end_the_search() -> None:
    """Behind a minute of music the words are found again."""
    said = [*TEXT[:10], *["zzz"] * 120, *TEXT[10:]]
    ear = Ear(said)
    pcm = ear.pcm(pause_after=(9, 129))
    starts_s = [n * WORD_S for n in range(10)] + [n * WORD_S + 2.0 for n in range(130, len(said))]
    words = [Word(word, at, at + 0.4) for word, at in zip(TEXT, starts_s, strict=True)]

    assert all(find_words(pcm, words, speech_in(pcm), ear.find))
