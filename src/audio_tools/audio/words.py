"""Words as an engine gives them, made fit for a timeline: punctuated, timed, inside the speech."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import accumulate, pairwise

from audio_tools.audio.silence import between
from audio_tools.transcript import Interval, Segment, Word

STRAY_S = 0.5
"""Engines place words up to half a second off (p95, measured); one farther inside a pause is invented."""
MOVED_WORD_S = 0.3
"""A word that is moved out of a pause gets at most this length."""
SHORTEST_WORD_S = 0.02
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
    matcher = SequenceMatcher(
        None, [fold(word.word) for word in words], [fold(token) for token in tokens], False
    )
    spelled = list(words)
    for block in matcher.get_matching_blocks():
        for step in range(block.size):
            spelled[block.a + step] = replace(words[block.a + step], word=tokens[block.b + step])
    return spelled


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


def clamp_to_speech(words: Sequence[Word], pauses: Sequence[Interval]) -> tuple[list[Word], int]:
    """
    Keep words out of pauses: cut off what reaches into one, move what lies in one to its edge.

    Args:
        words: sorted by start, on the clock of `pauses`.
        pauses: sorted stretches without speech, in seconds.

    Returns:
        The words, sorted, never overlapping, none of zero length; and how many were dropped because they
        lay deep inside a pause, where nobody can have said them.
    """
    ends = [pause.end for pause in pauses]
    starts = [pause.start for pause in pauses]
    kept: list[Word] = []
    for word in words:
        near = pauses[bisect_right(ends, word.start) : bisect_left(starts, word.end)]
        clamped = _clamp(word, near) if near else word
        if clamped is not None:
            kept.append(clamped)
    return _in_order(kept), len(words) - len(kept)


def _clamp(word: Word, pauses: Sequence[Interval]) -> Word | None:
    spoken = between(pauses, word.start, word.end)
    if spoken:
        longest = max(spoken, key=lambda piece: piece.duration)
        return replace(word, start=longest.start, end=longest.end)
    pause = pauses[0]
    before, after = word.start - pause.start, pause.end - word.end
    if min(before, after) > STRAY_S:
        return None
    length = min(max(word.end - word.start, SHORTEST_WORD_S), MOVED_WORD_S)
    if after <= before:
        return replace(word, start=pause.end, end=pause.end + length)
    return replace(word, start=pause.start - length, end=pause.start)


def _in_order(words: Sequence[Word]) -> list[Word]:
    """Sort words and part those that overlap or have no length."""
    ordered: list[Word] = []
    free_from = float("-inf")
    for word in sorted(words, key=lambda word: word.middle):
        start = max(word.start, free_from)
        end = max(word.end, start + SHORTEST_WORD_S)
        if ordered and word.start < free_from and word.middle - SHORTEST_WORD_S > ordered[-1].start:
            # Two words claim one stretch: they meet half-way.
            start = max((word.start + free_from) / 2, ordered[-1].start + SHORTEST_WORD_S)
            ordered[-1] = replace(ordered[-1], end=start)
            end = max(word.end, start + SHORTEST_WORD_S)
        ordered.append(replace(word, start=start, end=end))
        free_from = end
    return ordered


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


def group(words: Sequence[Word], pause_s: float = 0.8) -> list[Segment]:
    """Segments for an engine that gives none: they end with a sentence, at a pause, with a speaker."""
    segments: list[Segment] = []
    first = 0
    for position, word in enumerate(words):
        following = words[position + 1] if position + 1 < len(words) else None
        if (
            following is None
            or word.word[-1:] in ".?!。？！"
            or following.start - word.end >= pause_s
            or following.speaker != word.speaker
        ):
            part = words[first : position + 1]
            text = " ".join(word.word for word in part)
            segments.append(Segment(len(segments), part[0].start, part[-1].end, text, speaker=word.speaker))
            first = position + 1
    return segments
