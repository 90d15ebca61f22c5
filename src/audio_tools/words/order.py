"""
Times for words in a fixed order: a time that contradicts the order counts as missing.

The order of a text is never changed by times. A word without a time, or with an impossible one, shares the
space between its neighbours.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby

from audio_tools.transcript import Interval, Timing, Word
from audio_tools.words.script import fold

SHORTEST_WORD_S = 0.04
"""Minimum length of a word, in seconds, if there is space."""
LONGEST_LETTER_S, LONGEST_GUESS_S = 0.09, 0.3
"""Maximum length of a word whose end is unknown, in seconds: for each letter, and in addition."""
OUTSIDE_S = 1.0
"""How far engines overshoot the ends of a chunk, in seconds; times farther out are wrong."""


@dataclass(frozen=True, slots=True)
class TimedUnit:
    """A word of a text with the engine's times, in seconds; None if it gives none."""

    text: str
    start: float | None = None
    end: float | None = None
    confidence: float | None = None
    speaker: str | None = None
    timing: Timing = "engine"


def to_words(units: Sequence[TimedUnit], seconds: float) -> list[Word]:
    """
    Words in the given order, one after the other within the chunk, each of some length.

    Args:
        units: in the order of the text.
        seconds: length of the chunk, more than 0.

    Returns:
        The times of the longest sequence in order are kept. Of several zero-length words at the same time,
        none is kept. The other words share the space between their neighbours ("estimated").
    """
    kept = _increasing(_without_crowds([_time(unit, seconds) for unit in units]))
    kept = _with_ends(units, kept, seconds)
    words = list(_fill(units, kept, seconds))
    return separate(words, Interval(0.0, seconds))


def in_order(words: Sequence[Word], seconds: float) -> list[Word]:
    """Return the same words in the same order, with times that agree with it; see `to_words`."""
    units = [TimedUnit(w.word, w.start, w.end, w.confidence, w.speaker, w.timing) for w in words]
    return to_words(units, seconds)


def longest_word_s(text: str) -> float:
    """Return how long a word whose end is unknown lasts at most, in seconds."""
    return LONGEST_GUESS_S + LONGEST_LETTER_S * len(fold(text))


def _time(unit: TimedUnit, seconds: float) -> Interval | None:
    """The times of a unit within the chunk; None without any, or if they lie outside it."""
    if unit.start is None or unit.end is None:
        return None
    if unit.start > seconds + OUTSIDE_S or unit.end < -OUTSIDE_S or unit.end < unit.start:
        return None
    return Interval(min(max(unit.start, 0.0), seconds), min(max(unit.end, 0.0), seconds))


def _with_ends(
    units: Sequence[TimedUnit], times: Sequence[Interval | None], seconds: float
) -> list[Interval | None]:
    """The times with an end for each word of which only the start is known."""
    ended: list[Interval | None] = []
    following = seconds
    for unit, time in zip(reversed(units), reversed(times), strict=True):
        if time is None or time.duration > 0:
            ended.append(time)
        else:
            longest = time.start + longest_word_s(unit.text)
            ended.append(Interval(time.start, min(max(following, time.start), longest)))
        following = following if time is None else time.start
    return ended[::-1]


def _fill(units: Sequence[TimedUnit], times: Sequence[Interval | None], seconds: float) -> Iterator[Word]:
    """Return all units as words; those without times share the space between their neighbours by letters."""
    free_from = 0.0
    for known, group in groupby(range(len(units)), lambda number: times[number] is not None):
        row = list(group)
        if known:
            for number in row:
                time = times[number]
                assert time is not None
                yield _word(units[number], time, units[number].timing)
                free_from = max(free_from, time.end)
            continue
        following = times[row[-1] + 1] if row[-1] + 1 < len(units) else None
        free = Interval(free_from, max(following.start if following else seconds, free_from))
        ends = list(accumulate(max(len(fold(units[number].text)), 1) for number in row))
        for number, first, end in zip(row, [0, *ends], ends, strict=False):
            share = free.duration / ends[-1]
            yield _word(
                units[number], Interval(free.start + share * first, free.start + share * end), "estimated"
            )


def _word(unit: TimedUnit, time: Interval, timing: Timing) -> Word:
    return Word(unit.text, time.start, time.end, unit.confidence, timing, unit.speaker)


def _without_crowds(times: Sequence[Interval | None]) -> list[Interval | None]:
    """The times without those that have no length and begin where the one before ends or begins."""
    left: list[Interval | None] = []
    last: Interval | None = None
    for time in times:
        alone = time is not None and (time.duration > 0 or last is None or time.start > last.end)
        left.append(time if alone else None)
        last = time or last
    return left


def _increasing(times: Sequence[Interval | None]) -> list[Interval | None]:
    """The times of the longest row whose middles never decrease (patience sorting); None for the others."""
    middles: list[float] = []  # of the last in the best row of each length
    last: list[int] = []  # its number
    before: dict[int, int] = {}
    for number, time in enumerate(times):
        if time is None:
            continue
        middle = (time.start + time.end) / 2
        length = bisect_right(middles, middle)
        before[number] = last[length - 1] if length else -1
        middles[length : length + 1] = [middle]
        last[length : length + 1] = [number]
    kept: list[Interval | None] = [None] * len(times)
    number = last[-1] if last else -1
    while number >= 0:
        kept[number] = times[number]
        number = before[number]
    return kept


def separate(words: Sequence[Word], within: Interval) -> list[Word]:
    """
    Separate words that overlap or have no length; the others stay where they are.

    Args:
        words: in the order that they keep.
        within: where all of them end up; too many words share it evenly.
    """
    shortest = min(SHORTEST_WORD_S, within.duration / max(len(words), 1))
    return _pushed_back(list(_pushed_forward(words, within.start, shortest)), within, shortest)


def _pushed_forward(words: Sequence[Word], free_from: float, shortest: float) -> Iterator[Word]:
    """
    Return the words one after the other and of positive length; where two overlap, they meet in the middle.
    """
    last: Word | None = None
    for word in words:
        start = max(word.start, free_from)
        if last is not None:
            if word.start < free_from and word.middle - shortest > last.start:
                start = max((word.start + free_from) / 2, last.start + shortest)
                last = replace(last, end=start)
            yield last
        free_from = max(word.end, start + shortest)
        last = replace(word, start=start, end=free_from)
    if last is not None:
        yield last


def _pushed_back(words: list[Word], within: Interval, shortest: float) -> list[Word]:
    """Return the words; the last ones end at the end of `within` instead of after it."""
    free_until = within.end
    for number in reversed(range(len(words))):
        word = words[number]
        if word.end <= free_until:
            break
        free_until, end = max(min(word.start, free_until - shortest), within.start), free_until
        words[number] = replace(word, start=free_until, end=end)
    return words
