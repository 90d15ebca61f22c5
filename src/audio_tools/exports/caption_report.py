"""Report captions that break a rule, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from audio_tools.exports.break_prices import IN_NAME, break_price
from audio_tools.exports.cues import Cue, CueRules
from audio_tools.exports.text import width
from audio_tools.transcript import Json
from audio_tools.words.script import join_words

Rule = Literal["line_length", "lines", "reading_speed", "min_duration", "max_duration", "gap", "line_break"]
_TOLERANCE_S = 5e-4
"""Half a millisecond, the precision of the files."""
_NEXT_WORDS = "the next words follow at once"


@dataclass(frozen=True, slots=True)
class BrokenRule:
    """
    A rule that a cue breaks.

    `cue` counts from 1, as in SRT; `start` and `end` are those of the cue in seconds. `value` breaks `limit`;
    both are in the unit of the rule: characters, lines, characters per second, or seconds.
    """

    cue: int
    start: float
    end: float
    rule: Rule
    value: float
    limit: float
    reason: str

    def to_json(self) -> Json:
        """The record of a caption report."""
        return {
            "cue": self.cue,
            "start": round(self.start, 3),
            "end": round(self.end, 3),
            "rule": self.rule,
            "value": round(self.value, 2),
            "limit": round(self.limit, 2),
            "reason": self.reason,
        }


def check_cues(cues: Sequence[Cue], rules: CueRules) -> list[BrokenRule]:
    """Return the rules that cues break, in order of the cues; empty if there are none."""
    following = [*cues, None][1:]
    return [
        BrokenRule(number, cue.start, cue.end, rule, value, limit, reason)
        for number, (cue, later) in enumerate(zip(cues, following, strict=True), start=1)
        for rule, value, limit, reason in _broken(cue, later, rules)
    ]


def _broken(cue: Cue, later: Cue | None, rules: CueRules) -> Iterator[tuple[Rule, float, float, str]]:
    widest = max(map(width, cue.lines))
    if widest > rules.line_cells:
        value, limit = widest / rules.char_cells, rules.line_cells / rules.char_cells
        yield (
            "line_length",
            value,
            limit,
            f"{value:.0f} characters on a line (at most {limit:.0f}): a word is wider than a line",
        )
    if len(cue.lines) > rules.max_lines:
        yield "lines", len(cue.lines), rules.max_lines, f"{len(cue.lines)} lines (at most {rules.max_lines})"
    yield from _broken_times(cue, later, rules)
    for top, bottom in pairwise(cue.lines):
        left, right = top.split()[-1], bottom.split()[0]
        price = break_price(left, right)
        if price >= IN_NAME:
            yield (
                "line_break",
                price,
                IN_NAME,
                f"a line ends between “{left}” and “{right}”: no better place fits",
            )


def _broken_times(cue: Cue, later: Cue | None, rules: CueRules) -> Iterator[tuple[Rule, float, float, str]]:
    duration = cue.end - cue.start
    characters = width(join_words(cue.lines)) / rules.char_cells
    # A cue that leaves as late as it may could only stay longer without the next one.
    why = _NEXT_WORDS if later is not None else "the media ends"
    if duration + _TOLERANCE_S < min(characters / rules.max_cps, rules.max_s):
        speed = characters / max(duration, 1e-3)
        text = f"{speed:.1f} characters per second (at most {rules.max_cps:g}): {why}"
        yield "reading_speed", speed, rules.max_cps, text
    elif characters / rules.max_cps > rules.max_s + _TOLERANCE_S:
        speed = characters / duration
        text = f"{speed:.1f} characters per second (at most {rules.max_cps:g}): the text is too long"
        yield "reading_speed", speed, rules.max_cps, text
    if duration + _TOLERANCE_S < rules.min_s:
        text = f"{duration:.2f} s on the screen (at least {rules.min_s:.2f}): {why}"
        yield "min_duration", duration, rules.min_s, text
    if duration > rules.max_s + _TOLERANCE_S:
        text = f"{duration:.2f} s on the screen (at most {rules.max_s:g}): a word lasts longer"
        yield "max_duration", duration, rules.max_s, text
    if later is not None and later.start - cue.end + _TOLERANCE_S < rules.gap_s:
        gap = later.start - cue.end
        why = _NEXT_WORDS if later.channel == cue.channel else "two channels speak at once"
        yield "gap", gap, rules.gap_s, f"{gap:.3f} s to the next (at least {rules.gap_s:.3f}): {why}"
