"""Segments go where their words go."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import replace

from audio_tools.transcript import Segment, Word


def follow_words(segments: Sequence[Segment], before: Sequence[Word], after: Sequence[Word]) -> list[Segment]:
    """
    The segments with the times of their words after alignment; one without words is left out.

    Args:
        segments: sorted, on the clock of `before`.
        before: the words as they came with the segments; a word belongs where its midpoint lies.
        after: the same words in the same order, aligned.
    """
    starts = [segment.start for segment in segments]
    members: dict[int, list[Word]] = {}
    last = 0
    for word, moved in zip(before, after, strict=True):
        # Never back: where an engine's words overlap its segments, the order of the words decides.
        last = max(bisect_right(starts, word.middle) - 1, last)
        members.setdefault(last, []).append(moved)
    return [
        replace(segments[number], start=words[0].start, end=words[-1].end)
        for number, words in members.items()
    ]


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
