"""
Words to cues: the subtitles that appear on the screen one after another.

Which words share a cue is a shortest path over the gaps between words: every cue that the rules allow has a
price, and the cheapest chain of cues from the first word to the last is found exactly, in time proportional
to the number of words times the words that fit one cue.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from audio_tools.exports.breaks import AFTER_SENTENCE, break_price
from audio_tools.exports.text import clean, width
from audio_tools.transcript import Word
from audio_tools.words.script import join_words, space_between

# Prices are on the scale of `breaks.py`, where the end of a sentence costs 0 and any odd place 7.
CUE_PRICE = 1.0  # fewer cues are calmer
SENTENCE_INSIDE_PRICE = 2.0  # a sentence that can stand alone should
PAUSE_INSIDE_PRICE = 2.0  # for a pause just below the one that always ends a cue
FULL_CUE_PRICE = 1.0  # grows with the square of the length, so that a long sentence falls into even parts
HURRIED_PRICE_PER_S = 2.0  # for every second below `COMFORTABLE_S`
TOO_SHORT_PRICE = 30.0  # nothing is worse than a flash on the screen
COMFORTABLE_S = 2.0
UNEVEN_LINES_PRICE = 7.0  # grows with the square of the difference
TOP_HEAVY_PRICE = 1.0
LINE_BREAK_SHARE = 0.6  # a bad end of a line is a lesser evil than a bad end of a cue


@dataclass(frozen=True, slots=True)
class Cue:
    """
    One subtitle on the screen from `start` to `end`, in seconds; one or two `lines`, top first.

    `speaker`: who says it, None where nobody knows.
    """

    start: float
    end: float
    lines: tuple[str, ...]
    speaker: str | None = None


@dataclass(frozen=True, slots=True)
class CueRules:
    """
    What a cue may be; the defaults follow the Netflix Timed Text Style Guide, which has 5/6 s for `min_s`.

    `line_cells` caps the width of a line, where Chinese, Japanese and Korean characters take two cells.
    A cue stays `min_s` to `max_s` seconds, up to `hold_s` after its last word (longer only to reach
    `min_s`), and leaves `gap_s` before the next cue (two frames at 25 per second) if the words leave it.
    A pause of `pause_s` between words always ends a cue, and so does a change of speaker.
    """

    line_cells: int = 42
    min_s: float = 1.0
    max_s: float = 7.0
    hold_s: float = 0.5
    gap_s: float = 0.08
    pause_s: float = 1.0


def cut_cues(
    words: Sequence[Word], rules: CueRules = CueRules(), *, media_end: float = math.inf
) -> list[Cue]:
    """
    Cut words into cues.

    Every word is in exactly one cue, whole and in order. A cue starts with its first word and never reaches
    into the next one. It is shorter than `rules.min_s` only where the next words come too soon and do not fit
    the same cue, and ends before its last word does only if that word alone is longer than `rules.max_s`.
    A word wider than a line has a line of its own.

    Args:
        words: in order of time, not overlapping.
        rules: see `CueRules`.
        media_end: the length of the media in seconds; no cue stays on the screen beyond it.

    Returns:
        Cues in order of time; empty without words.
    """
    spoken = [word for word in words if clean(word.word)]
    if not spoken:
        return []
    sheet = _Sheet(spoken, rules, media_end)
    cuts = _cheapest_cuts(len(spoken), sheet.earliest_first_words(), sheet.price)
    return [sheet.cue(first, stop) for first, stop in pairwise(cuts)]


def _cheapest_cuts(n_words: int, earliest: Sequence[int], price: Callable[[int, int], float]) -> list[int]:
    """
    The word numbers, 0 and `n_words` included, at which the cheapest chain of cues is cut.

    A cue that stops before word `stop` begins with one of the words from `earliest[stop]` on.
    """
    total, came_from = [0.0], [0]
    for stop in range(1, n_words + 1):
        cheapest, first = min((total[i] + price(i, stop), i) for i in range(earliest[stop], stop))
        total.append(cheapest)
        came_from.append(first)
    cuts = [n_words]
    while cuts[-1] > 0:
        cuts.append(came_from[cuts[-1]])
    return cuts[::-1]


class _Sheet:
    """
    The words measured, so that any run of them is priced as a cue at once.

    A run goes from the word `first` to the word before `stop`. Columns are in cells, as if all words stood
    on one endless line.
    """

    def __init__(self, words: Sequence[Word], rules: CueRules, media_end: float) -> None:
        self.rules = rules
        self.texts = [clean(word.word) for word in words]
        self.starts = [max(0.0, word.start) for word in words]
        self.ends = [word.end for word in words]
        self.left_columns, self.right_columns = _columns(self.texts)
        self.speakers = [word.speaker for word in words]
        self.pauses = [later - end for later, end in zip(self.starts[1:], self.ends[:-1], strict=True)]
        self._price_gaps()
        self._bound_stays(media_end)
        self._fit_lines()

    def _price_gaps(self) -> None:
        """Set `closing[last]`, the price of ending after a word, and `inside`, sums over the gaps kept."""
        prices = [break_price(left, right) for left, right in pairwise(self.texts)]
        shares = [min(max(pause / self.rules.pause_s, 0.0), 1.0) for pause in self.pauses]
        # The longer a pause, the better a place it is, up to the one that is as good as a full stop.
        self.closing = [price * (1 - share) for price, share in zip(prices, shares, strict=True)] + [0.0]
        kept = (
            SENTENCE_INSIDE_PRICE * (price == AFTER_SENTENCE) + PAUSE_INSIDE_PRICE * share**2
            for price, share in zip(prices, shares, strict=True)
        )
        self.inside = list(accumulate(kept, initial=0.0))

    def _bound_stays(self, media_end: float) -> None:
        """Set `limits` and `rests`: how long a cue with this last word may stay, and how long it likes to."""
        gap_s, hold_s = self.rules.gap_s, self.rules.hold_s
        between = zip(self.ends[:-1], self.starts[1:], strict=True)
        self.limits = [min(max(end, later - gap_s), later) for end, later in between]
        self.limits.append(max(media_end, self.ends[-1]))
        self.rests = [min(end + hold_s, limit) for end, limit in zip(self.ends, self.limits, strict=True)]

    def _fit_lines(self) -> None:
        """Set `line_from[stop]` and `line_to[first]`, how far a line reaches; one word is always a line."""
        n_words = len(self.texts)
        self.line_from, self.line_to = [0], []
        first = 0
        for stop in range(1, n_words + 1):
            while first < stop - 1 and self.cells(first, stop) > self.rules.line_cells:
                self.line_to.append(stop - 1)
                first += 1
            self.line_from.append(first)
        self.line_to += [n_words] * (n_words - first)

    def earliest_first_words(self) -> list[int]:
        """For each `stop`, the earliest word from which a run may be a cue; so may every later one."""
        earliest, first = [0], 0
        for stop in range(1, len(self.texts) + 1):
            first = max(first, self.line_from[self.line_from[stop]])
            if stop > 1 and self._must_part(stop - 1):
                first = stop - 1
            while first < stop - 1 and self.ends[stop - 1] - self.starts[first] > self.rules.max_s:
                first += 1
            earliest.append(first)
        return earliest

    def _must_part(self, later: int) -> bool:
        """Whether a cue must end before this word."""
        paused = self.pauses[later - 1] >= self.rules.pause_s
        return paused or self.speakers[later] != self.speakers[later - 1]

    def cells(self, first: int, stop: int) -> int:
        """The width of a run on one line."""
        return self.right_columns[stop - 1] - self.left_columns[first]

    def end(self, first: int, stop: int) -> float:
        """When the cue of a run leaves the screen, in seconds."""
        start, last = self.starts[first], stop - 1
        long_enough = min(start + self.rules.min_s, self.limits[last])
        return min(max(self.rests[last], long_enough), start + self.rules.max_s)

    def price(self, first: int, stop: int) -> float:
        """The price of a run as a cue."""
        fullness = self.cells(first, stop) / (2 * self.rules.line_cells)
        duration = self.end(first, stop) - self.starts[first]
        price = CUE_PRICE + self.closing[stop - 1] + self.inside[stop - 1] - self.inside[first]
        price += FULL_CUE_PRICE * fullness * fullness
        if self.line_from[stop] > first:
            price += LINE_BREAK_SHARE * min(self.closing[self.line_from[stop] - 1 : self.line_to[first]])
        if duration < COMFORTABLE_S:
            price += HURRIED_PRICE_PER_S * (COMFORTABLE_S - duration)
        # A start and `min_s` may add up to a hair less than they should.
        return price + TOO_SHORT_PRICE if duration < self.rules.min_s - 1e-6 else price

    def cue(self, first: int, stop: int) -> Cue:
        """The cue of a run."""
        return Cue(self.starts[first], self.end(first, stop), self._lines(first, stop), self.speakers[first])

    def _lines(self, first: int, stop: int) -> tuple[str, ...]:
        """A run on one line if it fits, else on two, cut at the cheapest place."""
        if self.line_from[stop] <= first:
            return (join_words(self.texts[first:stop]),)
        cuts = range(self.line_from[stop], self.line_to[first] + 1)
        cut = min(cuts, key=lambda cut: self._price_of_lines(first, cut, stop))
        return join_words(self.texts[first:cut]), join_words(self.texts[cut:stop])

    def _price_of_lines(self, first: int, cut: int, stop: int) -> float:
        top, bottom = self.cells(first, cut), self.cells(cut, stop)
        unevenness = (top - bottom) / self.rules.line_cells
        return self.closing[cut - 1] + UNEVEN_LINES_PRICE * unevenness**2 + TOP_HEAVY_PRICE * (top > bottom)


def _columns(texts: Sequence[str]) -> tuple[list[int], list[int]]:
    """Where each word begins and ends on one endless line."""
    spaces = [0] + [len(space_between(left, right)) for left, right in pairwise(texts)]
    widths = [width(text) for text in texts]
    right = list(accumulate(space + cells for space, cells in zip(spaces, widths, strict=False)))
    return [column - cells for column, cells in zip(right, widths, strict=True)], right
