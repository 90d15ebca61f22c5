"""
Decide which of the times that an aligner found are accepted.

An aligner's search places any words on any sounds, so one word placed late pushes all that follow. A time is
accepted only within reach of the engine's own, and only where it leaves the words around it their room. Which
ones these are is a shortest path: each word has its time found or its engine's, each with a price, and
so has every overlap between neighbours.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from audio_tools.alignment.pocketsphinx.model import Found
from audio_tools.transcript import Interval, Word
from audio_tools.words.order import SHORTEST_WORD_S

EARLIEST_S, LATEST_S = 0.6, 1.5
"""
How much earlier or later than the engine's time a word may be found, in seconds of speech between the two.

Behind a pause or a hesitation engines begin a word too early, often by a second and by all of the pause;
hardly ever too late.
"""
FREE_REACH_S = 0.3
EARLY_PRICE_PER_S, LATE_PRICE_PER_S = 2.0, 0.6
"""Cost of each second beyond `FREE_REACH_S`."""
ROOM_S = 0.06
"""Space that a word without its own time needs, in seconds."""

ENGINE_PRICE = 1.0
FREE_PRICE = 4.0
"""Cost of a word that gets no time of its own."""
OVERLAP_PRICE_PER_S = 8.0
SQUEEZE_PRICE = 20.0
"""Cost of two neighbours that cannot both have the minimum length of a word."""
MOST_FREE = 8
"""A word that was found is worth more than this number of consecutive words without a time."""
WELL_FOUND = -2.5
DOUBT_PRICE = 0.5
"""Cost of each unit by which a word's score is worse than `WELL_FOUND`."""


@dataclass(frozen=True, slots=True)
class _Time:
    """A possible time of a word, in seconds, and its cost."""

    start: float
    end: float
    price: float
    found: Found | None = None


@dataclass(frozen=True, slots=True)
class _Path:
    """The cheapest way to a time of a word: the price in all, and the step before."""

    price: float
    time: _Time
    word: int
    before: _Path | None


def accept(
    words: Sequence[Word], found: Sequence[Found | None], speech: Sequence[Interval], seconds: float
) -> list[Found | None]:
    """
    Return the accepted times.

    Args:
        words: in order; those of `timing` "engine" have times that may be used instead.
        found: for each word; None where it was not found.
        speech: sorted stretches of the chunk, in seconds from its start.
        seconds: length of the chunk.
    """
    start = _Path(0.0, _Time(-1.0, 0.0, 0.0), -1, None)
    ways: list[list[_Path]] = [[start]]
    edges = [edge for stretch in speech for edge in (stretch.start, stretch.end)] or [0.0, seconds]
    spoken = np.cumsum([0.0, *(b - a if n % 2 == 0 else 0.0 for n, (a, b) in enumerate(pairwise(edges)))])

    def speech_between(one: float, other: float) -> float:
        earlier, later = np.interp([one, other], edges, spoken)
        return float(later - earlier)

    for number, word in enumerate(words):
        times = list(_times(word, found[number], speech_between))
        ways.append([_cheapest(ways, words, number, time) for time in times])
    last = _cheapest(ways, words, len(words), _Time(seconds, seconds + 1.0, 0.0))
    believed: list[Found | None] = [None] * len(words)
    step = last.before
    while step is not None and step.word >= 0:
        believed[step.word] = step.time.found
        step = step.before
    return believed


def _times(
    word: Word, found: Found | None, speech_between: Callable[[float, float], float]
) -> Iterator[_Time]:
    """Return the possible times of a word."""
    price = 0.0
    if word.timing == "engine":
        yield _Time(word.start, word.end, ENGINE_PRICE)
    if found is None:
        return
    if word.timing == "engine":
        later = speech_between(word.middle, (found.start + found.end) / 2)
        if not -EARLIEST_S <= later <= LATEST_S:
            return
        beyond = max(abs(later) - FREE_REACH_S, 0.0)
        price = beyond * (LATE_PRICE_PER_S if later > 0 else EARLY_PRICE_PER_S)
    doubt = DOUBT_PRICE * max(WELL_FOUND - found.score, 0.0)
    yield _Time(found.start, found.end, price + doubt, found)


def _cheapest(ways: Sequence[Sequence[_Path]], words: Sequence[Word], number: int, time: _Time) -> _Path:
    """The cheapest way to this time of word `number`; words before it may have none if none is given."""
    best: _Path | None = None
    for last in range(number - 1, -2, -1):
        free = number - 1 - last
        for path in ways[last + 1]:
            price = path.price + time.price + FREE_PRICE * free + _clash(path.time, time, free)
            if best is None or price < best.price:
                best = _Path(price, time, number, path)
        # A word with a time of its own is not passed over, and beyond one that is found it is not worth it.
        if last >= 0 and (words[last].timing == "engine" or (ways[last + 1] and free >= MOST_FREE)):
            break
    assert best is not None
    return best


def _clash(one: _Time, other: _Time, free: int) -> float:
    """Return the cost of two times with this number of untimed words between them."""
    if one.start + one.end >= other.start + other.end:
        return math.inf if free else 1e6
    overlap = one.end + free * ROOM_S - other.start
    if overlap <= 0:
        return 0.0
    squeezed = other.end - one.start < (2 + free) * SHORTEST_WORD_S
    return OVERLAP_PRICE_PER_S * overlap + SQUEEZE_PRICE * squeezed
