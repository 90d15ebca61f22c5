"""Word times within a chunk: spread words over the speech, keep them out of pauses, find uncovered speech."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, groupby, pairwise
from typing import Literal

from audio_tools.audio.pauses import overlap
from audio_tools.transcript import Dropped, Interval, Word
from audio_tools.words.order import SHORTEST_WORD_S, separate
from audio_tools.words.script import ends_sentence, fold, join_words
from audio_tools.words.segments import LONGEST_PAUSE_S
from audio_tools.words.units import split_units

STRAY_S = 0.5
"""Engines place words up to half a second off (p95, measured)."""
LONGEST_GUESS_S = 0.8
"""Maximum length of a word without a known time, in seconds."""
UNCOVERED_S = 1.0
"""Minimum length of uncovered speech between two words that is sent again, in seconds."""

Sounds = Callable[[Interval], bool]
"""Whether a stretch of a chunk contains sound, in seconds from its start."""


def spread(text: str, speech: Sequence[Interval]) -> list[Word]:
    """
    Spread the words of a text over the speech, by their number of letters.

    Args:
        text: see `words.units.split_units`.
        speech: sorted stretches in seconds, at least one; no word crosses the pause between two of them.
    """
    units = split_units(text)
    placed = _spread([max(len(fold(unit)), 1) for unit in units], speech)
    return [Word(unit, at.start, at.end, timing="estimated") for unit, at in zip(units, placed, strict=True)]


def _spread(lengths: Sequence[int], speech: Sequence[Interval]) -> Iterator[Interval]:
    """Stretches of these relative lengths in the speech, one after the other."""
    total = sum(stretch.duration for stretch in speech)
    spoken = 0.0  # seconds of speech before the word
    for end in accumulate(lengths):
        until = total * end / sum(lengths)
        yield max(_stretches(speech, spoken, until), key=lambda piece: piece.duration)
        spoken = until


def _stretches(speech: Sequence[Interval], first: float, end: float) -> Iterator[Interval]:
    """Where the seconds `first`..`end` of the speech, counted without its pauses, lie."""
    before = 0.0
    for stretch in speech:
        start = max(first - before, 0.0)
        length = min(end - before, stretch.duration)
        if length > start:
            yield Interval(stretch.start + start, stretch.start + length)
        before += stretch.duration


def fit_to_speech(
    words: Sequence[Word], speech: Sequence[Interval], sounds: Sounds
) -> tuple[list[Word], list[tuple[range, Dropped]]]:
    """
    Keep words in the speech, unless there is sound where an engine places them outside it.

    A word that reaches into a pause ends where the pause begins. A word in a pause stays if there is sound:
    the detector may be wrong. If there is none, its time is wrong: it belongs to the speech next to the words
    of its sentence. Only where a whole sentence lies in silence was it invented.

    Args:
        words: in the order of the text, none overlapping the next.
        speech: sorted stretches in seconds, on the clock of the words.
        sounds: see `Sounds`.

    Returns:
        The words that are left, in the same order, none overlapping the next, each of some length; and the
        rows of words, by their numbers, that were dropped.
    """
    placed = [_in_speech(word, speech, sounds) for word in words]
    dropped = list(_invented(words, placed, speech))
    gone = {number for numbers, _ in dropped for number in numbers}
    left = [number for number in range(len(words)) if number not in gone]
    if not left:
        return [], dropped
    edges = [*speech, Interval(words[left[0]].start, words[left[-1]].end)]
    within = Interval(min(edge.start for edge in edges), max(edge.end for edge in edges))
    fitted = _with_missing_placed([words[n] for n in left], [placed[n] for n in left], speech, within)
    return separate(fitted, within), dropped


def _in_speech(word: Word, speech: Sequence[Interval], sounds: Sounds) -> Word | None:
    """Return a word cut to the speech, or unchanged if there is sound; None if its time is impossible."""
    first = bisect_right(speech, word.start, key=lambda stretch: stretch.end)
    behind = bisect_left(speech, word.end, key=lambda stretch: stretch.start)
    if first < behind:
        return _cut(word, speech[first:behind])
    return word if word.timing == "engine" and sounds(Interval(word.start, word.end)) else None


def _cut(word: Word, speech: Sequence[Interval]) -> Word:
    """Return the longest part of a word that lies in one stretch of speech."""
    pieces = [Interval(max(word.start, s.start), min(word.end, s.end)) for s in speech]
    longest = max(pieces, key=lambda piece: piece.duration)
    return replace(word, start=longest.start, end=longest.end)


def _invented(
    words: Sequence[Word], placed: Sequence[Word | None], speech: Sequence[Interval]
) -> Iterator[tuple[range, Dropped]]:
    """Return the sentences that lie completely in silence, farther from speech than the error of engines."""
    for sentence in _sentences(words):
        row = words[sentence.start : sentence.stop]
        around = Interval(row[0].start - STRAY_S, row[-1].end + STRAY_S)
        if not overlap(speech, around) and not any(placed[number] for number in sentence):
            text = join_words([word.word for word in row])
            yield sentence, Dropped(text, row[0].start, row[-1].end, "silence")


def _sentences(words: Sequence[Word]) -> Iterator[range]:
    """The sentences by their marks; in a text without any, what lies between long pauses."""
    marks = [ends_sentence(a.word, b.word) for a, b in pairwise(words)]
    if not any(marks) and words and not ends_sentence(words[-1].word, ""):
        marks = [b.start - a.end >= LONGEST_PAUSE_S for a, b in pairwise(words)]
    first = 0
    for number, ends in enumerate([*marks, True] if words else []):
        if ends:
            yield range(first, number + 1)
            first = number + 1


def _with_missing_placed(
    words: Sequence[Word], placed: Sequence[Word | None], speech: Sequence[Interval], within: Interval
) -> list[Word]:
    """The words that are placed, and those without a place in the speech that is free between them."""
    fitted: list[Word] = []
    for known, group in groupby(range(len(words)), lambda number: placed[number] is not None):
        row = list(group)
        if known:
            fitted += [word for n in row if (word := placed[n]) is not None]
            continue
        first, behind = fitted[-1].end if fitted else within.start, row[-1] + 1
        following = placed[behind] if behind < len(words) else None
        free = Interval(first, max(following.start if following else within.end, first))
        continues = following is not None and not ends_sentence(words[row[-1]].word, following.word)
        side: Literal["start", "end"] = "end" if continues else "start"
        fitted += place_between([words[n] for n in row], free, speech, side)
    return fitted


def place_between(
    words: Sequence[Word],
    free: Interval,
    speech: Sequence[Interval],
    side: Literal["start", "end"] | None = None,
) -> list[Word]:
    """
    Place words without known times in the free speech ("estimated").

    Args:
        words: in order, at least one.
        free: what their neighbours leave.
        speech: sorted.
        side: where they belong if there is more space than they need; None: spread evenly.
    """
    spoken = overlap(speech, free) or [free]
    lengths = [max(len(fold(word.word)), 1) for word in words]
    room, wanted = sum(stretch.duration for stretch in spoken), LONGEST_GUESS_S * len(words)
    if room < SHORTEST_WORD_S:
        return [replace(word, start=free.start, end=free.start, timing="estimated") for word in words]
    if side is not None and room > wanted:
        edges = (0.0, wanted) if side == "start" else (room - wanted, room)
        spoken = list(_stretches(spoken, *edges))
    return [
        replace(word, start=at.start, end=min(at.end, at.start + LONGEST_GUESS_S), timing="estimated")
        for word, at in zip(words, _spread(lengths, spoken), strict=True)
    ]


def uncovered(speech: Sequence[Interval], words: Sequence[Word]) -> list[Interval]:
    """The stretches between words (sorted) that hold at least a second of speech, edges at the speech."""
    found: list[Interval] = []
    edges = [(float("-inf"), float("-inf")), *((word.start, word.end) for word in words), (float("inf"), 0.0)]
    position = 0
    for (_, last_end), (next_start, _) in pairwise(edges):
        while position < len(speech) and speech[position].end <= last_end:
            position += 1
        ahead, pieces = position, list[Interval]()
        while ahead < len(speech) and speech[ahead].start < next_start:
            pieces.append(Interval(max(speech[ahead].start, last_end), min(speech[ahead].end, next_start)))
            ahead += 1
        if sum(piece.duration for piece in pieces) >= UNCOVERED_S:
            found.append(Interval(pieces[0].start, pieces[-1].end))
    return found
