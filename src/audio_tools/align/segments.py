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
