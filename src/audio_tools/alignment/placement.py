"""From what was found to words on a timeline: each with some length, in one stretch of speech, in order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from audio_tools.alignment.pocketsphinx.model import Found
from audio_tools.audio.pauses import overlap
from audio_tools.transcript import Interval, Word
from audio_tools.words.order import SHORTEST_WORD_S, separate
from audio_tools.words.timing import spread

LONGEST_GUESS_S = 0.8
"""A word that shares a gap is no longer than this, however long the gap."""
EDGE_S = 0.06
"""A found word may reach so far into a pause: the detector is late at soft beginnings, early at soft ends."""


def place_words(
    words: Sequence[Word], found: Sequence[Found | None], speech: Sequence[Interval], seconds: float
) -> list[Word]:
    """
    Give words the times that were found, and the others what is left between their neighbours.

    Args:
        words: see `Aligner.align`.
        found: for each word, in order; None where it was not found.
        speech: see `Aligner.align`.
        seconds: length of the chunk; no word ends behind it.

    Returns:
        See `Aligner.align`.
    """
    if not any(found):
        return list(words)
    around = [Interval(stretch.start - EDGE_S, stretch.end + EDGE_S) for stretch in speech]
    placed = [
        word if where is None else _aligned(word, where, around)
        for word, where in zip(words, found, strict=True)
    ]
    for first, end in _runs(found):
        free = Interval(
            placed[first - 1].end if first else 0.0, placed[end].start if end < len(placed) else seconds
        )
        placed[first:end] = _between(placed[first:end], free, speech)
    return separate(placed, Interval(0.0, seconds))


def _aligned(word: Word, found: Found, speech: Sequence[Interval]) -> Word:
    """A found word, in the one stretch of speech that holds most of it."""
    spoken = overlap(speech, Interval(found.start, found.end)) or [Interval(found.start, found.end)]
    longest = max(spoken, key=lambda piece: piece.duration)
    return replace(word, start=longest.start, end=longest.end, timing="aligned")


def _runs(found: Sequence[Found | None]) -> Iterator[tuple[int, int]]:
    """The rows of words that were not found, as (first, the one behind the last)."""
    for missing, numbers in groupby(range(len(found)), key=lambda number: found[number] is None):
        if missing:
            row = list(numbers)
            yield row[0], row[-1] + 1


def _between(words: Sequence[Word], free: Interval, speech: Sequence[Interval]) -> list[Word]:
    """Words that were not found, inside what is free: by the engine's times where those lie in it."""
    clipped = [replace(w, start=max(w.start, free.start), end=min(w.end, free.end)) for w in words]
    if all(w.timing == "engine" and w.end - w.start >= SHORTEST_WORD_S for w in clipped):
        return clipped
    spoken = overlap(speech, free) or [Interval(free.start, max(free.end, free.start + SHORTEST_WORD_S))]
    guesses = spread(" ".join("".join(w.word.split()) or "-" for w in words), spoken)
    return [
        replace(w, start=g.start, end=min(g.end, g.start + LONGEST_GUESS_S), timing="estimated")
        for w, g in zip(words, guesses, strict=True)
    ]
