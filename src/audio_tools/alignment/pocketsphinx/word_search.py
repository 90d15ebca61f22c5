"""
Walk through a chunk, window by window, and find its words in each; notice where the text does not fit.

The aligner's own search places any words on any sounds. So each window may take as many of the next words as
it likes, and what it took must fit the sounds and must not contradict the times that the engine gave; where
it does not, the search skips it and looks for its place in the text again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from statistics import median

from audio_tools.alignment.pocketsphinx.model import Found
from audio_tools.alignment.pocketsphinx.pronunciations import Spoken, spoken_forms
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.transcript import Interval, Word

Find = Callable[[Pcm, Sequence[Sequence[Spoken]], int, bool], list[Found]]
"""See `Sphinx.find`."""

LONGEST_WINDOW_S = 20.0
GOOD_WINDOW_S = 6.0
"""A window ends at the first pause after this many seconds: enough to find the mean of the channel."""
LONGEST_PAUSE_S = 1.5
"""A longer pause ends a window in any case."""
PAD_S = 0.25
"""Margin of a window around the speech, in seconds; the detector misses soft beginnings and ends."""
UNSURE_END_S = 1.0
"""Where a window had to be cut in the middle of speech, its last second is left to the next one."""

ENGINE_SLACK_S = 2.0
"""Engines place words up to half a second off (p95); a larger error means another place in the text."""
GUESS_SLACK_S, GUESS_SLACK = 4.0, 0.4
"""Maximum error of an estimated time: this many seconds, and this share of the time since the last word."""

LEAST_SCORE = -3.0
"""The median score of a window's words that were said is higher (median -1.5), of others lower (-5)."""
MOST_CONTRADICTION_S = 1.0
"""The median distance from the engine's own times: where it is greater, one of the two is wrong."""
LEAST_WORDS = 3, 8
"""Minimum number of words that prove a new place in the text, with and without engine times."""
MOST_WIDE = 80
"""A wide search costs five times as much; among more words than these it takes longer than the sound."""
MOST_MISFITS = 3
"""After this many consecutive windows without words, such as music, wide searches stop until one fits."""
MOST_MISFITS_AT_FIRST = 6
"""After this many windows, none of which ever fitted, the text does not belong to the audio."""
FIRST_BUDGET_S, LATER_BUDGET_S = 120.0, 360.0
"""
Seconds of sound to search without a match before the search gives up: until a window has ever fitted, and
from then on since the last one that did, when only the cheapest search is left. A window counts once for a
search from one word, and more often, by what it takes longer, for a search from many or a wide one.
"""
ENTRIES_COST, WIDE_COST = 0.25, 5.0
MOST_TOKENS = 600
"""Of a window whose words may be said in too many ways (`w00042`) only the likelier ways are tried."""


def find_words(pcm: Pcm, words: Sequence[Word], speech: Sequence[Interval], find: Find) -> list[Found | None]:
    """
    Where each word was found, in seconds from the start of the samples; None where it was not.

    Args:
        pcm: the chunk.
        words: see `Aligner.align`.
        speech: see `Aligner.align`.
        find: finds a row of words in a window.
    """
    walk = _WindowSearch(pcm, words, find)
    for stretch in windows(speech, len(pcm) / SAMPLE_RATE_HZ):
        walk.through(stretch)
    return walk.found


def windows(speech: Sequence[Interval], seconds: float) -> Iterator[Interval]:
    """Join stretches of speech to windows worth listening to, padded; one may be longer than the longest."""
    joined: list[Interval] = []
    for stretch in speech:
        if joined and _belongs(stretch, joined[-1]):
            joined[-1] = Interval(joined[-1].start, stretch.end)
        else:
            joined.append(stretch)
    for window in joined:
        yield Interval(max(window.start - PAD_S, 0.0), min(window.end + PAD_S, seconds))


def _belongs(stretch: Interval, window: Interval) -> bool:
    return (
        window.duration < GOOD_WINDOW_S
        and stretch.start - window.end < LONGEST_PAUSE_S
        and stretch.end - window.start < LONGEST_WINDOW_S
    )


class _WindowSearch:
    """How far we are in the text, and how sure of that."""

    def __init__(self, pcm: Pcm, words: Sequence[Word], find: Find) -> None:
        self._pcm = pcm
        self._words = words
        self._find = find
        ways = [spoken_forms(word.word) for word in words]
        self._spoken = [number for number, way in enumerate(ways) if way]
        self._ways = [way for way in ways if way]
        self._next = 0  # among the spoken words
        self._sure = True
        self._misfits = 0
        self._spent_s = 0.0  # searched without success since the last fit; see `FIRST_BUDGET_S`
        self._late = 0.0  # how much later than guessed the last word was
        self._known_until = 0.0  # up to where the guess was right then
        self.found: list[Found | None] = [None] * len(words)

    def through(self, window: Interval) -> None:
        """Find words in a window; a long one is walked through in steps."""
        start = window.start
        while start < window.end and self._next < len(self._spoken) and not self._hopeless():
            end = min(start + LONGEST_WINDOW_S, window.end)
            row = self._row(Interval(start, end))
            if end < window.end:
                row = [found for found in row if found.end < end - UNSURE_END_S]
                end = row[-1].end if row else end - UNSURE_END_S
            self._keep(row)
            start = end

    def _hopeless(self) -> bool:
        at_first = not any(self.found)
        return at_first and (self._misfits >= MOST_MISFITS_AT_FIRST or self._spent_s >= FIRST_BUDGET_S)

    def _row(self, window: Interval) -> list[Found]:
        """The words in a window; empty if none fit."""
        first, entries, end = self._candidates(window)
        if first >= end:
            return []
        attempts = [(first, entries)]
        if self._sure:
            attempts.insert(0, (self._next, 1))
        for wide in (False, True) if self._misfits < MOST_MISFITS else (False,):
            for first, entries in attempts:
                if (wide and end - first > MOST_WIDE) or not self._affordable(window, entries, wide):
                    continue
                row = self._recognize(window, first, end, entries, wide)
                if self._fits(row, new_place=entries > 1):
                    self._misfits, self._spent_s = 0, 0.0
                    return row
                self._spent_s += _cost_s(window, entries, wide)
        self._misfits += 1
        return []

    def _affordable(self, window: Interval, entries: int, wide: bool) -> bool:
        """
        Whether another search fits the budget; the cheapest one always does, until the search is given up.
        """
        budget = LATER_BUDGET_S if any(self.found) else FIRST_BUDGET_S
        cheapest = not wide and entries == 1
        return cheapest or self._spent_s + _cost_s(window, entries, wide) <= budget

    def _candidates(self, window: Interval) -> tuple[int, int, int]:
        """The first word that may be in a window, how many may be its first one, and the word behind all."""
        slack = self._slack(window)
        numbers = range(self._next, len(self._spoken))
        first = next((n for n in numbers if self._expected(n).end > window.start - slack), len(self._spoken))
        end = next((n for n in numbers if self._expected(n).start > window.end + slack), len(self._spoken))
        entries = sum(self._expected(n).start < window.end for n in range(first, end))
        if self._sure and first == self._next:
            end = max(end, first + 1)
        return first, max(entries, 1), end

    def _guided(self) -> bool:
        """Whether the engine gives times for the next words."""
        return self._words[self._spoken[self._next]].timing == "engine"

    def _slack(self, window: Interval) -> float:
        if self._guided():
            return ENGINE_SLACK_S
        return GUESS_SLACK_S + GUESS_SLACK * (window.end - self._known_until)

    def _expected(self, number: int) -> Word:
        word = self._words[self._spoken[number]]
        return word if word.timing == "engine" else word.shifted(self._late)

    def _recognize(self, window: Interval, first: int, end: int, entries: int, wide: bool) -> list[Found]:
        samples = self._pcm[round(window.start * SAMPLE_RATE_HZ) : round(window.end * SAMPLE_RATE_HZ)]
        row = self._find(samples, _likelier(self._ways[first:end]), entries, wide)
        return [found.shifted(first, window.start) for found in row]

    def _fits(self, row: Sequence[Found], new_place: bool) -> bool:
        if len(row) < (LEAST_WORDS[not self._guided()] if new_place else 1):
            return False
        if median(found.score for found in row) < LEAST_SCORE:
            return False
        return self._contradiction(row) <= MOST_CONTRADICTION_S

    def _contradiction(self, row: Sequence[Found]) -> float:
        """How far, in seconds, the row lies from the time given by the engine."""
        words = [self._words[self._spoken[found.position]] for found in row]
        distances = [
            abs(word.middle - (found.start + found.end) / 2)
            for word, found in zip(words, row, strict=True)
            if word.timing == "engine"
        ]
        return median(distances) if distances else 0.0

    def _keep(self, row: Sequence[Found]) -> None:
        self._sure = bool(row)
        if not row:
            return
        for found in row:
            self.found[self._spoken[found.position]] = found
        last = row[-1]
        self._late = last.end - self._words[self._spoken[last.position]].end
        self._known_until = last.end
        self._next = last.position + 1


def _cost_s(window: Interval, entries: int, wide: bool) -> float:
    """Return the cost of a search, in seconds of sound searched from one word."""
    return window.duration * (1.0 + ENTRIES_COST * (entries - 1)) * (WIDE_COST if wide else 1.0)


def _likelier(ways: Sequence[Sequence[Spoken]]) -> list[Sequence[Spoken]]:
    """Return as many spoken forms of each word as the search can handle, the most likely first."""
    tokens = sum(len(way) for word in ways for way in word)
    if tokens <= MOST_TOKENS:
        return list(ways)
    share = MOST_TOKENS / tokens
    return [word[: max(int(len(word) * share), 1)] for word in ways]
