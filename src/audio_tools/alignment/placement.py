"""Turn found times into words on a timeline: in order, of positive length, each in one stretch of speech."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from audio_tools.alignment.acceptance import accept
from audio_tools.alignment.pocketsphinx.model import Found
from audio_tools.audio.pauses import overlap
from audio_tools.transcript import Interval, Word
from audio_tools.words.order import SHORTEST_WORD_S, separate
from audio_tools.words.timing import place_between

EDGE_S = 0.06
"""How far a found word may reach into a pause; the detector misses soft beginnings and ends."""


def place_words(
    words: Sequence[Word], found: Sequence[Found | None], speech: Sequence[Interval], seconds: float
) -> list[Word]:
    """
    Give words the times that were found, where they are plausible; the others keep their times.

    Words without engine times share the space between their neighbours.

    Args:
        words: see `Aligner.align`.
        found: for each word, in order; None where it was not found.
        speech: see `Aligner.align`.
        seconds: length of the chunk; no word ends after it.

    Returns:
        See `Aligner.align`.
    """
    if not any(found):
        return list(words)
    believed = accept(words, found, speech, seconds)
    around = [Interval(stretch.start - EDGE_S, stretch.end + EDGE_S) for stretch in speech]
    placed = [
        word if where is None else _aligned(word, where, around)
        for word, where in zip(words, believed, strict=True)
    ]
    for number, (word, where) in enumerate(zip(words, believed, strict=True)):
        if where is None and word.timing == "engine":
            placed[number] = _clipped(
                word, placed[max(number - 1, 0) : number], placed[number + 1 : number + 2]
            )
    for first, end in _runs(placed):
        free_from = placed[first - 1].end if first else 0.0
        free_until = placed[end].start if end < len(placed) else seconds
        free = Interval(free_from, max(free_from, free_until))
        placed[first:end] = place_between(placed[first:end], free, speech)
    return separate(placed, Interval(0.0, seconds))


def _aligned(word: Word, found: Found, speech: Sequence[Interval]) -> Word:
    """Return a found word, within the stretch of speech that contains most of it."""
    spoken = overlap(speech, Interval(found.start, found.end)) or [Interval(found.start, found.end)]
    longest = max(spoken, key=lambda piece: piece.duration)
    return replace(word, start=longest.start, end=longest.end, timing="aligned")


def _clipped(word: Word, before: Sequence[Word], behind: Sequence[Word]) -> Word:
    """Return a word with its engine's times, as far as its aligned neighbours leave space."""
    start = max([word.start, *(each.end for each in before if each.timing == "aligned")])
    end = min([word.end, *(each.start for each in behind if each.timing == "aligned")])
    return replace(word, start=start, end=end) if end - start >= SHORTEST_WORD_S else word


def _runs(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """The rows of words without times, as (first, the one behind the last)."""
    for missing, numbers in groupby(
        range(len(words)), key=lambda number: words[number].timing == "estimated"
    ):
        if missing:
            row = list(numbers)
            yield row[0], row[-1] + 1
