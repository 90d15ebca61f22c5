"""
Match the pieces that an engine lists as words to the words of its text.

Engines list tokens, words without punctuation, characters, or halves of characters. The text decides the
spelling and order of words, the list decides their times.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, pairwise

import numpy as np
from rapidfuzz.distance import Indel

from audio_tools.transcript import Timing, Word
from audio_tools.words.order import TimedUnit, to_words
from audio_tools.words.script import fold_letters, join_words
from audio_tools.words.units import split_units

SPACED_SHARE = 0.1
"""If a greater share of the pieces begins with a space, they are tokens: what has none continues the last.
Whole words are listed with a space before each of them, or before none."""
LEAST_ALIKE = 0.5
"""Texts that share fewer letters, such as `10` and `ten`, are compared as a whole."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A word or a part of one as an engine lists it; times in seconds, or None."""

    text: str
    start: float | None
    end: float | None
    confidence: float | None = None
    speaker: str | None = None
    timing: Timing = "engine"


def join_pieces(pieces: Sequence[Piece], text: str, seconds: float) -> list[Word]:
    """
    The words of a text, with the times of the pieces.

    Args:
        pieces: the list of the engine, in its order; tokens have their own spaces.
        text: the full text of the engine; empty: the text of the pieces.
        seconds: length of the chunk.

    Returns:
        The words of the text (`split_units`), in its order, one after the other within the chunk, none
        overlapping the next. A word that no piece of the list matches, or whose time contradicts the order,
        shares what is free between its neighbours ("estimated"), and so does a part of a longer piece. Pieces
        that the text does not have are left out. Empty if no piece has a time.
    """
    if all(piece.start is None for piece in pieces):
        return []
    units = split_units(text if text.strip() else text_of(pieces))
    letters = [fold_letters(unit) for unit in units]
    listed = _List(_likelier_order(_with_marks_joined(pieces), "".join(letters)))
    spans = zip(units, _find(letters, listed.letters), strict=True)
    return to_words([listed.timed(unit, *span) if span else TimedUnit(unit) for unit, span in spans], seconds)


def text_of(pieces: Sequence[Piece]) -> str:
    """Return the text of the pieces: unchanged for tokens, else as words of their script."""
    spaced = sum(piece.text[:1].isspace() for piece in pieces[1:])
    if spaced > len(pieces[1:]) * SPACED_SHARE:
        return "".join(piece.text for piece in pieces).strip()
    return join_words([text for piece in pieces if (text := piece.text.strip())])


def _with_marks_joined(pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces that have letters, with the times of the marks around them: `$` of `3`, and `,` of `yes`."""
    joined: list[Piece] = []
    opening: Piece | None = None
    for piece, following in zip(pieces, [*pieces[1:], None], strict=True):
        if fold_letters(piece.text):
            joined.append(piece if opening is None else _join(opening, piece, piece))
            opening = None
        elif piece.text[:1].isspace() and following is not None and not following.text[:1].isspace():
            opening = piece
        elif joined:
            joined[-1] = _join(joined[-1], piece, joined[-1])
    return joined


def _join(first: Piece, last: Piece, word: Piece) -> Piece:
    start = word.start if first.start is None else first.start
    return replace(word, start=start, end=word.end if last.end is None else last.end)


def _likelier_order(pieces: list[Piece], letters: str) -> list[Piece]:
    """The pieces as they are listed, or by their start if the text has them in that order."""
    if any(piece.start is None for piece in pieces):
        return pieces
    by_start = sorted(pieces, key=lambda piece: piece.start or 0.0)
    if by_start == pieces:
        return pieces
    return max(pieces, by_start, key=lambda order: Indel.similarity(_letters(order), letters))


def _letters(pieces: Sequence[Piece]) -> str:
    return "".join(fold_letters(piece.text) for piece in pieces)


class _List:
    """The pieces as one row of letters, counted from 0."""

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self.letters = [fold_letters(piece.text) for piece in pieces]
        self._pieces = pieces
        self._ends = list(accumulate(map(len, self.letters)))
        self._edges = {0, *self._ends}

    def timed(self, unit: str, first: float, end: float) -> TimedUnit:
        """The unit that the letters from `first` to `end` say; a fraction is a part of a letter."""
        numbers = range(bisect_right(self._ends, first), bisect_left(self._ends, end) + 1)
        known = [number for number in numbers if self._pieces[number].start is not None]
        if not known:
            return TimedUnit(unit)
        pieces = [self._pieces[number] for number in known]
        whole = first in self._edges and end in self._edges and len(known) == len(numbers)
        return TimedUnit(
            unit,
            self._time(known[0], first),
            self._time(known[-1], end),
            min((piece.confidence for piece in pieces if piece.confidence is not None), default=None),
            next((piece.speaker for piece in pieces if piece.speaker), None),
            "engine" if whole and all(piece.timing == "engine" for piece in pieces) else "estimated",
        )

    def _time(self, number: int, letter: float) -> float:
        """When a letter of a piece begins, in seconds; of another piece: when this one begins or ends."""
        piece, count = self._pieces[number], len(self.letters[number])
        start = piece.start or 0.0
        end = start if piece.end is None else piece.end
        share = (letter - self._ends[number] + count) / count
        return end if share >= 1 else start + max(share, 0.0) * (end - start)


def _find(units: Sequence[str], listed: Sequence[str]) -> list[tuple[float, float] | None]:
    """For each unit, given by its letters, where it stands in the letters of the list; None: nowhere."""
    starts = np.full(sum(map(len, units)), np.nan)
    ends = starts.copy()
    for place, there in _matching(units, listed):
        share = len(there) / len(place)
        steps = np.arange(len(place))
        starts[place.start : place.stop] = there.start + share * steps
        ends[place.start : place.stop] = there.start + share * (steps + 1)
        ends[place.stop - 1] = there.stop
    found: list[tuple[float, float] | None] = []
    edges = [0, *accumulate(map(len, units))]
    for first, end in pairwise(edges):
        known = np.flatnonzero(~np.isnan(starts[first:end])) + first
        found.append((float(starts[known[0]]), float(ends[known[-1]])) if len(known) else None)
    return found


def _matching(units: Sequence[str], listed: Sequence[str]) -> Iterator[tuple[range, range]]:
    """Rows of letters of the units, and the rows of letters of the list that say them; none is empty."""
    if "".join(units) == "".join(listed):
        if everything := range(sum(map(len, units))):
            yield everything, everything
        return
    unit_edges, list_edges = ([0, *accumulate(map(len, row))] for row in (units, listed))
    for (first, end), (start, stop), alike in _rows(units, listed):
        place = range(unit_edges[first], unit_edges[end])
        there = range(list_edges[start], list_edges[stop])
        if alike or not place or not there:
            matches = [(range(len(place)), range(len(there)))]
        else:
            matches = _match_letters("".join(units[first:end]), "".join(listed[start:stop]))
        for row, match in matches:
            if row and match:
                yield _shifted(row, place.start), _shifted(match, there.start)


def _match_letters(written: str, listed: str) -> list[tuple[range, range]]:
    """The rows of two texts that differ in spelling, letter by letter if they are alike at all."""
    if Indel.normalized_similarity(written, listed) < LEAST_ALIKE:
        return [(range(len(written)), range(len(listed)))]
    return [(range(*place), range(*there)) for place, there, _ in _rows(written, listed)]


def _rows(
    one: Sequence[str], other: Sequence[str]
) -> Iterator[tuple[tuple[int, int], tuple[int, int], bool]]:
    """The equal rows of two lists, in order, and what lies between them; and whether it is an equal row."""
    first, start = 0, 0
    ends = (len(one), len(one), len(other), len(other))
    equal = [
        (op.src_start, op.src_end, op.dest_start, op.dest_end)
        for op in Indel.opcodes(one, other)
        if op.tag == "equal"
    ]
    for a, b, c, d in [*equal, ends]:
        if a > first or c > start:
            yield (first, a), (start, c), False
        if b > a:
            yield (a, b), (c, d), True
        first, start = b, d


def _shifted(row: range, by: int) -> range:
    return range(row.start + by, row.stop + by)
