"""Join the words of all chunks on one clock: each word once, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

from audio_tools.json_value import SECONDS_DECIMALS
from audio_tools.transcript import Interval, Segment, Word
from audio_tools.words.order import separate
from audio_tools.words.script import fold
from audio_tools.words.segments import home_segments, rebuild

SAME_WORD_S = 1.0
"""The midpoints of one word in two chunks may differ by this much, in seconds."""
BORDER_S = 2.5
"""How far around a border two chunks may contain the same words, in seconds: the overlap and some slack."""
MOST_NEAR = 200
"""Maximum number of words around a border; bounds the work if an engine lists any number of them."""


@dataclass(frozen=True, slots=True)
class TimedChunk:
    """
    What was said in one chunk, on the media's clock, in seconds, sorted.

    `own` is the stretch that belongs to this chunk; the owned stretches join without gap or overlap.
    `overlaps` is whether its beginning was in the audio of the chunk before, too.
    """

    own: Interval
    words: tuple[Word, ...]
    segments: tuple[Segment, ...] = ()
    overlaps: bool = True


def stitch(chunks: Sequence[TimedChunk]) -> tuple[list[Word], list[Segment]]:
    """
    Join chunks in order; a word belongs to the chunk that owns its midpoint.

    Where two chunks overlap, a word that both contain is one word: the two versions agree on one midpoint,
    their mean, so that neither can be lost and never both are kept. Words that overlap then, because the
    chunks differ about their times, are separated; their order stays. Segments keep the words they own and
    are numbered from 0. Engines name speakers anew in each chunk, so where several chunks have some the
    number of the chunk is part of the name: `A (1)` and `A (2)` may be two people.
    """
    chunks = _name_apart(chunks)
    joiner = BorderJoiner()
    settled = [joiner.push(chunk) for chunk in chunks]
    owned = [*settled[1:], joiner.finish()] if chunks else []
    words = _separate([chunk.words[n] for chunk, kept in zip(chunks, owned, strict=True) for n in kept])
    remaining = iter(words)
    segments = [
        segment
        for chunk, kept in zip(chunks, owned, strict=True)
        for segment in _rebuild(chunk, kept, list(islice(remaining, len(kept))))
    ]
    return words, [replace(segment, id=number) for number, segment in enumerate(segments)]


class BorderJoiner:
    """
    Decides which words of each chunk are kept, one chunk at a time and in order.

    Times count to a tenth of a millisecond, as JSON has them, so that words that were sent to a client are
    judged as those of the transcript are.
    """

    def __init__(self) -> None:
        self._last: TimedChunk | None = None
        self._middles: list[float] = []
        self._first = float("-inf")

    def push(self, chunk: TimedChunk) -> list[int]:
        """Add the next chunk; returns the numbers of the words that are kept of the one before, if any."""
        chunk = _as_sent(chunk)
        middles = [word.middle for word in chunk.words]
        kept: list[int] = []
        if self._last is not None:
            if chunk.overlaps:  # else a word on each side of the border was said twice
                _agree((self._last, chunk), (self._middles, middles))
            kept = self._kept(self._last.own.end)
        # An engine may overshoot the ends of the media a little; no neighbour owns those words.
        self._first = float("-inf") if self._last is None else chunk.own.start
        self._last, self._middles = chunk, middles
        return kept

    def finish(self) -> list[int]:
        """The numbers of the words that are kept of the last chunk."""
        return self._kept(float("inf"))

    def _kept(self, end: float) -> list[int]:
        return [number for number, middle in enumerate(self._middles) if self._first <= middle < end]


def _as_sent(chunk: TimedChunk) -> TimedChunk:
    """The chunk with the times that its JSON has."""
    words = tuple(
        replace(word, start=round(word.start, SECONDS_DECIMALS), end=round(word.end, SECONDS_DECIMALS))
        for word in chunk.words
    )
    own = Interval(round(chunk.own.start, SECONDS_DECIMALS), round(chunk.own.end, SECONDS_DECIMALS))
    return TimedChunk(own, words, overlaps=chunk.overlaps)


def _rebuild(chunk: TimedChunk, kept: Sequence[int], words: Sequence[Word]) -> list[Segment]:
    """The chunk's segments with the words left to them, by their numbers in the chunk and as they are now."""
    homes = home_segments(chunk.segments, chunk.words)
    return rebuild(chunk.segments, [homes[number] for number in kept], words)


def _separate(words: Sequence[Word]) -> list[Word]:
    """The words of all chunks one after the other, no farther out than the outermost of them."""
    if not words:
        return []
    return separate(words, Interval(min(word.start for word in words), max(word.end for word in words)))


def _name_apart(chunks: Sequence[TimedChunk]) -> Sequence[TimedChunk]:
    """Put the number of the chunk, from 1, behind the names of speakers if more than one chunk has any."""
    if sum(any(word.speaker for word in chunk.words) for chunk in chunks) < 2:
        return chunks
    return [
        replace(
            chunk,
            words=tuple(replace(word, speaker=_numbered(word.speaker, number)) for word in chunk.words),
            segments=tuple(replace(each, speaker=_numbered(each.speaker, number)) for each in chunk.segments),
        )
        for number, chunk in enumerate(chunks, start=1)
    ]


def _numbered(speaker: str | None, number: int) -> str | None:
    return speaker and f"{speaker} ({number})"


def _agree(pair: Sequence[TimedChunk], middles: Sequence[list[float]]) -> None:
    """Give the words that two neighbours both contain near their border the mean of their midpoints."""
    left, right = pair
    border = right.own.start
    near_left, near_right = _near(left.words, border), _near(right.words, border)
    gains = [[one.likeness(other) for other in near_right] for one in near_left]
    for a, b in _pair_up(gains):
        i, j = near_left[a].number, near_right[b].number
        middles[0][i] = middles[1][j] = (middles[0][i] + middles[1][j]) / 2


@dataclass(frozen=True, slots=True)
class _Near:
    """A word around a border: its number in its chunk, its folded text, its middle in seconds."""

    number: int
    text: str
    middle: float

    def likeness(self, other: _Near) -> float:
        """From 1, the same word at the same time, to 0: it may not be the same."""
        if self.text != other.text:
            return 0.0
        return max(1 - abs(self.middle - other.middle) / SAME_WORD_S, 0.0)


def _near(words: Sequence[Word], border: float) -> list[_Near]:
    numbered = ((n, word) for n, word in enumerate(words) if abs(word.middle - border) <= BORDER_S)
    return [_Near(n, fold(word.word), word.middle) for n, word in islice(numbered, MOST_NEAR)]


def _pair_up(gains: Sequence[Sequence[float]]) -> Iterator[tuple[int, int]]:
    """
    Pairs of rows and columns in the order of both, with the greatest sum of gains.

    Needleman and Wunsch 1970, "A general method applicable to the search for similarities in the amino acid
    sequence of two proteins". Texts alone do not do: of a word that is said over and over they take any two.
    """
    rows, columns = len(gains), len(gains[0]) if gains else 0
    best = [[0.0] * (columns + 1) for _ in range(rows + 1)]  # from here to the end of both
    for a in reversed(range(rows)):
        for b in reversed(range(columns)):
            best[a][b] = max(best[a + 1][b], best[a][b + 1], best[a + 1][b + 1] + gains[a][b])
    a = b = 0
    while a < rows and b < columns:
        if best[a][b] == best[a + 1][b]:
            a += 1
        elif best[a][b] == best[a][b + 1]:
            b += 1
        else:
            yield a, b
            a, b = a + 1, b + 1
