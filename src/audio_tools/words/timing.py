"""Words as an engine gives them, made fit for a timeline: punctuated, timed, inside the speech."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import accumulate, pairwise

from audio_tools.transcript import Interval, Word

STRAY_S = 0.5
"""Engines place words up to half a second off (p95, measured); one farther inside a pause is invented."""
MOVED_WORD_S = 0.3
"""A word that is moved out of a pause gets at most this length."""
SHORTEST_WORD_S = 0.02
LEAST_WORD_S = 0.001
"""Where words are too many they share the room, until each has so little: times are given to 0.1 ms."""
PIECE_WORDS = 100
"""So many words at a time are looked for in the text that they come from."""
UNCOVERED_S = 1.0
"""So much speech (seconds) between two words and none of it transcribed is worth another request."""


def fold(text: str) -> str:
    """The text without case and punctuation: what makes two words the same word."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text).casefold())


def punctuate(words: Sequence[Word], text: str) -> list[Word]:
    """
    Give words the spelling that they have in the text: `hello` becomes `Hello,`.

    `whisper-1` lists its words without punctuation. Words that the text does not have stay as they are.
    """
    tokens = text.split()
    spelled = list(words)
    for position, token in _same([fold(word.word) for word in words], [fold(token) for token in tokens]):
        spelled[position] = replace(words[position], word=tokens[token])
    return spelled


def _same(listed: Sequence[str], written: Sequence[str]) -> Iterator[tuple[int, int]]:
    """
    The numbers of texts that both lists have, in order, where the lists are nearly alike.

    Looked for in pieces, for the matcher's time grows with the cube of the length where an engine says one
    word a thousand times.
    """
    first, start = 0, 0
    while first < len(listed) and start < len(written):
        piece = listed[first : first + PIECE_WORDS], written[start : start + PIECE_WORDS]
        blocks = SequenceMatcher(None, *piece, autojunk=False).get_matching_blocks()[:-1]
        for block in blocks:
            yield from ((first + block.a + step, start + block.b + step) for step in range(block.size))
        last = blocks[-1] if blocks else None
        first += last.a + last.size if last else PIECE_WORDS
        start += last.b + last.size if last else PIECE_WORDS


def spread(text: str, speech: Sequence[Interval]) -> list[Word]:
    """
    Place the words of a text as evenly as the speech allows, by their number of letters.

    Args:
        text: words separated by white space.
        speech: sorted stretches in seconds, at least one; no word crosses the pause between two of them.
    """
    tokens = text.split()
    ends = list(accumulate(max(len(fold(token)), 1) for token in tokens))
    total = sum(stretch.duration for stretch in speech)
    words: list[Word] = []
    spoken = 0.0  # seconds of speech before the word
    for token, end in zip(tokens, ends, strict=True):
        until = total * end / ends[-1]
        longest = max(_stretches(speech, spoken, until), key=lambda piece: piece.duration)
        words.append(Word(token, longest.start, longest.end, timing="estimated"))
        spoken = until
    return words


def _stretches(speech: Sequence[Interval], first: float, end: float) -> Iterator[Interval]:
    """Where the seconds `first`..`end` of the speech, counted without its pauses, lie."""
    before = 0.0
    for stretch in speech:
        start = max(first - before, 0.0)
        length = min(end - before, stretch.duration)
        if length > start:
            yield Interval(stretch.start + start, stretch.start + length)
        before += stretch.duration


def clamp_to_speech(words: Sequence[Word], speech: Sequence[Interval]) -> tuple[list[Word], int]:
    """
    Keep words in the speech: cut off what reaches into a pause, move what lies in one to the nearest speech.

    Args:
        words: in any order.
        speech: sorted stretches in seconds, on the clock of the words.

    Returns:
        The words, sorted, never overlapping, none of zero length, between the first and the last moment of
        the speech; and how many were dropped because nobody can have said them: they lay deep inside a
        pause, or were more than the speech has room for.
    """
    ends = [stretch.end for stretch in speech]
    starts = [stretch.start for stretch in speech]
    clamped: list[Word | None] = []
    for word in words:
        first, behind = bisect_right(ends, word.start), bisect_left(starts, word.end)
        if first < behind:
            clamped.append(_cut(word, speech[first:behind]))
        else:  # all speech is over before the word, or begins behind it
            clamped.append(_moved(word, speech[max(behind - 1, 0) : first + 1]))
    kept = sorted((word for word in clamped if word is not None), key=lambda word: word.middle)
    if kept:
        within = Interval(starts[0], ends[-1])
        kept = part(kept[: int(within.duration / LEAST_WORD_S)], within)
    return kept, len(words) - len(kept)


def _cut(word: Word, speech: Sequence[Interval]) -> Word:
    """What of a word lies in one stretch of speech: the longest piece."""
    pieces = [Interval(max(word.start, s.start), min(word.end, s.end)) for s in speech]
    longest = max(pieces, key=lambda piece: piece.duration)
    return replace(word, start=longest.start, end=longest.end)


def _moved(word: Word, speech: Sequence[Interval]) -> Word | None:
    """A word in a pause, moved to the nearer edge of the speech around it; None if both are too far."""
    length = min(max(word.end - word.start, SHORTEST_WORD_S), MOVED_WORD_S)
    ways = [
        (stretch.start - word.end, stretch.start, min(stretch.start + length, stretch.end))
        if stretch.start >= word.end
        else (word.start - stretch.end, max(stretch.end - length, stretch.start), stretch.end)
        for stretch in reversed(speech)
    ]
    distance, start, end = min(ways, key=lambda way: way[0], default=(float("inf"), 0.0, 0.0))
    return replace(word, start=start, end=end) if distance <= STRAY_S else None


def part(words: Sequence[Word], within: Interval) -> list[Word]:
    """
    Part words that overlap or have no length; the others stay where they are.

    Args:
        words: in the order that they keep.
        within: where all of them end up; words that are too many for it share it evenly.
    """
    shortest = min(SHORTEST_WORD_S, within.duration / max(len(words), 1))
    parted: list[Word] = []
    free_from = within.start
    for word in words:
        start = max(word.start, free_from)
        if parted and word.start < free_from and word.middle - shortest > parted[-1].start:
            # Two words claim one stretch: they meet half-way.
            start = max((word.start + free_from) / 2, parted[-1].start + shortest)
            parted[-1] = replace(parted[-1], end=start)
        free_from = max(word.end, start + shortest)
        parted.append(replace(word, start=start, end=free_from))
    free_until = within.end
    for number in reversed(range(len(parted))):
        word = parted[number]
        if word.end <= free_until:
            break
        free_until, end = max(min(word.start, free_until - shortest), within.start), free_until
        parted[number] = replace(word, start=free_until, end=end)
    return parted


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
