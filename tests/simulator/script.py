"""Scripts: which word is spoken when, and so where nobody speaks. Everything follows from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, repeat
from typing import Any, NamedTuple

import numpy as np

from tests.simulator.tones import DEFAULT_LEVEL_DBFS, SAMPLE_RATE_HZ, WORD_SECONDS, word_text

_WORDS_OF_ONE_LEVEL = 20
_ROOM_AT_END_SECONDS = 0.05


class Spoken(NamedTuple):
    """A word: its number, its start and end in seconds on the media's clock, its RMS level."""

    number: int
    start: float
    end: float
    level_dbfs: float = DEFAULT_LEVEL_DBFS

    @property
    def text(self) -> str:
        """What an engine should write."""
        return word_text(self.number)


class Pause(NamedTuple):
    """A stretch without a word, from `start` to `end` in seconds."""

    start: float
    end: float


@dataclass(frozen=True, slots=True)
class Script:
    """
    The truth about a recording `seconds` long: its words in order of time, no number twice.

    All times lie on whole samples at 16 kHz.
    """

    seconds: float
    words: tuple[Spoken, ...]

    @property
    def text(self) -> str:
        """All words, joined by blanks."""
        return " ".join(word.text for word in self.words)

    def silences(self, at_least: float = 0.3) -> list[Pause]:
        """The stretches of at least so many seconds without a word, those at head and tail included."""
        starts = [0.0, *(word.end for word in self.words)]
        ends = [*(word.start for word in self.words), self.seconds]
        return [Pause(start, end) for start, end in zip(starts, ends, strict=True) if end - start >= at_least]

    def to_json(self) -> dict[str, Any]:
        """`{seconds, words: [[number, start, end, level], …]}`."""
        return {"seconds": self.seconds, "words": [list(word) for word in self.words]}

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Script:
        """The inverse of `to_json`."""
        return cls(record["seconds"], tuple(Spoken(*word) for word in record["words"]))


def talk(
    seconds: float,
    seed: int = 0,
    *,
    pauses: tuple[float, float] = (0.3, 10.0),
    words_per_pause: tuple[int, int] = (2, 12),
    lead_in: float = 0.5,
    first_number: int = 0,
    level_dbfs: float = DEFAULT_LEVEL_DBFS,
    swing_db: float = 0.0,
) -> Script:
    """
    Plan a talk: words 0.05-0.22 s apart, and every few words a pause. About 80 words a minute.

    Args:
        seconds: length of the recording.
        seed: another seed, another talk.
        pauses: shortest and longest pause in seconds; lengths are log-uniform, most are short.
        words_per_pause: fewest and most words between two pauses.
        lead_in: seconds before the first word.
        first_number: numbers go up from here.
        level_dbfs: RMS level of the words.
        swing_db: every 20 words the level moves anew to at most so far above or below.
    """
    rng = np.random.default_rng(seed)

    def gaps() -> Iterator[float]:
        while True:
            for _ in range(rng.integers(words_per_pause[0], words_per_pause[1], endpoint=True) - 1):
                yield rng.uniform(0.05, 0.22)
            yield float(np.exp(rng.uniform(*np.log(pauses))))

    def levels() -> Iterator[float]:
        while True:
            yield from [level_dbfs + rng.uniform(-swing_db, swing_db)] * _WORDS_OF_ONE_LEVEL

    return Script(seconds, tuple(_speak(seconds, lead_in, gaps(), levels(), first_number=first_number)))


def talk_without_pauses(
    seconds: float, seed: int = 0, *, lead_in: float = 0.05, first_number: int = 0
) -> Script:
    """Plan a talk in which no two words are more than 0.09 s apart, from beginning to end."""
    rng = np.random.default_rng(seed)
    gaps = iter(lambda: rng.uniform(0.03, 0.09), None)
    levels = repeat(DEFAULT_LEVEL_DBFS)
    return Script(seconds, tuple(_speak(seconds, lead_in, gaps, levels, first_number=first_number)))


def _speak(
    seconds: float, start: float, gaps: Iterator[float], levels: Iterator[float], *, first_number: int
) -> Iterator[Spoken]:
    """Say words with the given gaps between them as long as there is time."""
    for number in count(first_number):
        start = round(start * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
        end = start + WORD_SECONDS
        if end + _ROOM_AT_END_SECONDS > seconds:
            return
        yield Spoken(number, start, end, next(levels))
        start = end + next(gaps)
