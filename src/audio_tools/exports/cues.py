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
from itertools import accumulate, groupby, pairwise

from audio_tools.exports.break_prices import AFTER_SENTENCE, break_price
from audio_tools.exports.text import clean, width
from audio_tools.transcript import Word
from audio_tools.words.channels import Turn, in_spoken_order, turns
from audio_tools.words.script import join_words, space_between

# Prices are on the scale of `break_prices.py`, where the end of a sentence costs 0 and any odd place 7.
CUE_PRICE = 1.0  # fewer cues are calmer
SENTENCE_INSIDE_PRICE = 2.0  # a sentence that fits a cue of its own should have one
PAUSE_INSIDE_PRICE = 2.0  # for a pause just below the one that always ends a cue
FULL_CUE_PRICE = 1.0  # grows with the square of the length, so that a long sentence falls into even parts
HURRIED_PRICE_PER_S = 2.0  # for every second below `COMFORTABLE_S`
TOO_SHORT_PRICE = 30.0  # nothing is worse than a very short cue
TOO_FAST_PRICE = 20.0  # times the excess over the highest reading speed, as a share of it
COMFORTABLE_S = 2.0
UNEVEN_LINES_PRICE = 7.0  # grows with the square of the difference
TOP_HEAVY_PRICE = 1.0
MOST_EXCESS = 3.0  # text this much too fast cannot be read at all
LINE_BREAK_SHARE = 0.6  # a bad end of a line is a lesser evil than a bad end of a cue

_UNITS_A_SECOND = 10_000
_EPSILON_S = 1e-6
"""Tolerance for rounding errors in sums of times, in seconds."""


@dataclass(frozen=True, slots=True)
class Cue:
    """
    One subtitle on the screen from `start` to `end`, in seconds; its `lines`, top first.

    `speaker`: the speaker of its words, None if unknown. `channel`: see `Word`; cues of two channels may be
    on the screen at once.
    """

    start: float
    end: float
    lines: tuple[str, ...]
    speaker: str | None = None
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class CueRules:
    """
    Limits of a cue; the defaults follow the Netflix Timed Text Style Guide for English and adults.

    A cue has at most `max_lines` lines of `line_cells`, where wide characters (Chinese, Japanese, Korean)
    take two cells; it stays `min_s` to `max_s` seconds, and long enough for `max_cps` characters per second,
    a character being `char_cells` wide. It stays up to `hold_s` after its last word, longer only to reach
    `min_s` or the reading speed, or to close a gap below `chain_s`. It leaves `gap_s` before the next cue
    (two frames at 25 per second) if the words leave it. A pause of `pause_s` between words always ends a cue,
    and so does a change of speaker. With `names` a speaker's first cue begins with the name: `Ann: Yes.`
    """

    line_cells: int = 42
    max_lines: int = 2
    max_cps: float = 20.0
    char_cells: int = 1
    min_s: float = 0.834
    max_s: float = 7.0
    hold_s: float = 0.5
    gap_s: float = 0.08
    chain_s: float = 0.5
    pause_s: float = 1.0
    names: bool = False


def cut_cues(
    words: Sequence[Word], rules: CueRules = CueRules(), *, media_end: float = math.inf
) -> list[Cue]:
    """
    Cut words into cues.

    Every word is in exactly one cue, whole and in order. A cue starts with its first word, never ends before
    its last one and never overlaps the next cue. `caption_report.check_cues` lists the rules that a cue
    could not keep: speech may be too fast to be read, a word too long for a line.

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


def cut_channel_cues(
    words: Sequence[Word], rules: CueRules = CueRules(), *, media_end: float = math.inf
) -> list[Cue]:
    """
    Cut the words of several channels into cues, as `cut_cues` does with those of one.

    What one channel says before another one begins is cut on its own, so the cues of one channel never
    overlap. Where two speak at once, their cues are on the screen at once.
    """
    runs = [
        Turn(tuple(word for turn in row for word in turn.words))
        for _, row in groupby(turns(words), key=lambda turn: turn.channel)
    ]
    following: dict[int | None, float] = {}
    cues: list[list[Cue]] = []
    for run in reversed(runs):
        end = max(following.get(run.channel, media_end + rules.gap_s) - rules.gap_s, run.words[-1].end)
        cues.append(cut_cues(run.words, rules, media_end=end))
        following[run.channel] = run.start
    return in_spoken_order([row for row in reversed(cues) if row])


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
    The measured words, so that the cost of any run of them as a cue is computed at once.

    A run goes from the word `first` to the word before `stop`. Columns are in cells, as if all words stood
    on one endless line.
    """

    def __init__(self, words: Sequence[Word], rules: CueRules, media_end: float) -> None:
        self.rules = rules
        self.words = words
        self.speakers = [word.speaker for word in words]
        self.texts = _texts(words, names=rules.names)
        # Times as they are written keep a rule exactly, or break it; those of a transcript are as coarse.
        self.starts = [max(0.0, math.floor(word.start * _UNITS_A_SECOND) / _UNITS_A_SECOND) for word in words]
        later = [*self.starts[1:], max(media_end, words[-1].end)]
        self.ends = [
            max(start, min(math.ceil(word.end * _UNITS_A_SECOND) / _UNITS_A_SECOND, limit))
            for word, start, limit in zip(words, self.starts, later, strict=True)
        ]
        self.left_columns, self.right_columns = _columns(self.texts)
        self.pauses = [later - end for later, end in zip(self.starts[1:], self.ends[:-1], strict=True)]
        self._price_gaps()
        self._bound_stays(media_end)
        self._fit_lines()

    def _price_gaps(self) -> None:
        """Set `closing[last]`, the price of ending after a word, and `inside`, sums over the gaps kept."""
        prices = [break_price(left, right) for left, right in pairwise(self.texts)]
        shares = [min(max(pause / self.rules.pause_s, 0.0), 1.0) for pause in self.pauses]
        # The longer the pause, the better the place, up to one that is as good as a full stop.
        self.closing = [price * (1 - share) for price, share in zip(prices, shares, strict=True)] + [0.0]
        kept = (
            SENTENCE_INSIDE_PRICE * (price == AFTER_SENTENCE) + PAUSE_INSIDE_PRICE * share**2
            for price, share in zip(prices, shares, strict=True)
        )
        self.inside = list(accumulate(kept, initial=0.0))

    def _bound_stays(self, media_end: float) -> None:
        """Set `limits` and `rests`: until when a cue with this last word may stay, and when it may go."""
        gap_s, hold_s = self.rules.gap_s, self.rules.hold_s
        between = zip(self.ends[:-1], self.starts[1:], strict=True)
        self.limits = [min(max(end, later - gap_s), later) for end, later in between]
        self.limits.append(max(media_end, self.ends[-1]))
        self.rests = [min(end + hold_s, limit) for end, limit in zip(self.ends, self.limits, strict=True)]

    def _reading_s(self, first: int, stop: int) -> float:
        """The time that the text of a run takes to read, in seconds, rounded up to a millisecond."""
        characters = self.cells(first, stop) / self.rules.char_cells
        return math.ceil(characters / self.rules.max_cps * 1000) / 1000

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
            of_screen = stop
            for _ in range(self.rules.max_lines):
                of_screen = self.line_from[of_screen]
            first = max(first, of_screen)
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
        start, last, rules = self.starts[first], stop - 1, self.rules
        needed_s = max(rules.min_s, self._reading_s(first, stop))
        end = max(self.rests[last], min(start + needed_s, self.limits[last]))
        is_followed = stop < len(self.starts)
        if is_followed and self.starts[stop] - end < rules.chain_s:
            end = self.limits[last]
        return max(min(end, start + rules.max_s), self.ends[last])

    def price(self, first: int, stop: int) -> float:
        """Return the cost of a run as a cue."""
        fullness = self.cells(first, stop) / (2 * self.rules.line_cells)
        duration = self.end(first, stop) - self.starts[first]
        price = CUE_PRICE + self.closing[stop - 1] + self.inside[stop - 1] - self.inside[first]
        price += FULL_CUE_PRICE * fullness * fullness
        if self.line_from[stop] > first:
            breaks = self.closing[self.line_from[stop] - 1 : self.line_to[first]]
            price += LINE_BREAK_SHARE * min(breaks, default=0.0)
        reading_s = self._reading_s(first, stop)
        if duration < reading_s - _EPSILON_S:
            price += TOO_FAST_PRICE * min(reading_s / max(duration, 0.1) - 1, MOST_EXCESS)
        if duration < COMFORTABLE_S:
            price += HURRIED_PRICE_PER_S * (COMFORTABLE_S - duration)
        return price + TOO_SHORT_PRICE if duration < self.rules.min_s - _EPSILON_S else price

    def cue(self, first: int, stop: int) -> Cue:
        """The cue of a run."""
        lines, word = self._lines(first, stop), self.words[first]
        return Cue(self.starts[first], self.end(first, stop), lines, word.speaker, word.channel)

    def _lines(self, first: int, stop: int) -> tuple[str, ...]:
        """A run on as few lines as it fits, cut at the cheapest places."""
        count, line_start = 1, self.line_from[stop]
        while line_start > first:
            count, line_start = count + 1, self.line_from[line_start]
        cuts = [first, *self._cheapest_lines(first, stop, count)[1], stop]
        return tuple(join_words(self.texts[left:right]) for left, right in pairwise(cuts))

    def _cheapest_lines(self, first: int, stop: int, count: int) -> tuple[float, tuple[int, ...]]:
        """The price and the places of the cuts that make `count` lines of a run that fits as many."""
        if count == 1:
            return 0.0, ()
        # The rest must fit the other lines.
        earliest = stop
        for _ in range(count - 1):
            earliest = self.line_from[earliest]
        choices = []
        for cut in range(max(earliest, first + 1), self.line_to[first] + 1):
            rest_price, cuts = self._cheapest_lines(cut, stop, count - 1)
            choices.append((self._price_of_line(first, cut, stop, count) + rest_price, (cut, *cuts)))
        return min(choices)

    def _price_of_line(self, first: int, cut: int, stop: int, count: int) -> float:
        top, below = self.cells(first, cut), self.cells(cut, stop) / (count - 1)
        unevenness = (top - below) / self.rules.line_cells
        return self.closing[cut - 1] + UNEVEN_LINES_PRICE * unevenness**2 + TOP_HEAVY_PRICE * (top > below)


def _texts(words: Sequence[Word], *, names: bool) -> list[str]:
    """The text of each word; with `names` a speaker's first word begins with the name."""
    before = [None, *(word.speaker for word in words[:-1])]
    return [
        f"{clean(word.speaker)}: {clean(word.word)}"
        if names and word.speaker and word.speaker != speaker
        else clean(word.word)
        for word, speaker in zip(words, before, strict=True)
    ]


def _columns(texts: Sequence[str]) -> tuple[list[int], list[int]]:
    """Where each word begins and ends on one endless line."""
    spaces = [0] + [len(space_between(left, right)) for left, right in pairwise(texts)]
    widths = [width(text) for text in texts]
    right = list(accumulate(space + cells for space, cells in zip(spaces, widths, strict=False)))
    return [column - cells for column, cells in zip(right, widths, strict=True)], right
