"""Segments: the sentences or phrases of a transcript, made of its words."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, groupby, pairwise

from audio_tools.transcript import Interval, Segment, Word
from audio_tools.words.script import ends_sentence, fold_letters, join_words

LONGEST_PAUSE_S = 0.8
"""A longer pause between two words ends a segment."""


def group(words: Sequence[Word], pause_s: float = LONGEST_PAUSE_S) -> list[Segment]:
    """Return segments for an engine without them: they end with a sentence, at a pause, or with a speaker."""
    segments: list[Segment] = []
    first = 0
    for position, word in enumerate(words):
        following = words[position + 1] if position + 1 < len(words) else None
        if (
            following is None
            or ends_sentence(word.word, following.word)
            or following.start - word.end >= pause_s
            or following.speaker != word.speaker
        ):
            row = words[first : position + 1]
            segments.append(of_words(Segment(len(segments), 0.0, 0.0, "", speaker=word.speaker), row))
            first = position + 1
    return segments


def of_words(segment: Segment, words: Sequence[Word]) -> Segment:
    """
    Return the segment with the times and text of these words (at least one), keeping its spacing if possible.
    """
    text = join_words([word.word for word in words])
    if "".join(text.split()) == "".join(segment.text.split()):
        text = segment.text
    return replace(segment, start=words[0].start, end=words[-1].end, text=text)


def respell(segments: Sequence[Segment], text: str) -> list[Segment]:
    """Return the segments with the spacing of a text; unchanged if they are not that text."""
    written = [char for char in text if not char.isspace()]
    ends = list(accumulate(len("".join(segment.text.split())) for segment in segments))
    if written != [char for segment in segments for char in segment.text if not char.isspace()]:
        return [*segments]
    places = [place for place, char in enumerate(text) if not char.isspace()]
    cuts = [0, *(places[end] if end < len(places) else len(text) for end in ends)]
    return [
        replace(segment, text=text[first:end].strip())
        for segment, (first, end) in zip(segments, pairwise(cuts), strict=True)
    ]


def follow_words(segments: Sequence[Segment], before: Sequence[Word], after: Sequence[Word]) -> list[Segment]:
    """
    Return the segments with the new times of their words; a segment without words is left out.

    Args:
        segments: in the order of the text, on the clock of `before`.
        before: the words as they came with the segments.
        after: the same words in the same order, moved.
    """
    homes = home_segments(segments, before)
    return [
        replace(segments[number], start=row[0].start, end=row[-1].end) for number, row in _rows(homes, after)
    ]


def rebuild(segments: Sequence[Segment], homes: Sequence[int], words: Sequence[Word]) -> list[Segment]:
    """The segments made of the words that are left of them; `homes`: the segment of each by its number."""
    return [of_words(segments[number], row) for number, row in _rows(homes, words)]


def home_segments(segments: Sequence[Segment], words: Sequence[Word]) -> list[int]:
    """
    The number of the segment that each word belongs to; it never decreases.

    By their letters if words and segments are one text, else by the middle of the word.
    """
    if not segments:
        return []
    letters = [fold_letters(segment.text) for segment in segments]
    written = [fold_letters(word.word) for word in words]
    if "".join(letters) == "".join(written):
        ends = list(accumulate(map(len, letters)))
        starts = accumulate(map(len, written), initial=0)
        return [
            min(bisect_right(ends, start), len(ends) - 1) for start, _ in zip(starts, words, strict=False)
        ]
    times = [segment.start for segment in segments]
    middles = (max(bisect_right(times, word.middle) - 1, 0) for word in words)
    return list(accumulate(middles, max))


def language_near(segments: Sequence[Segment], stretch: Interval) -> str | None:
    """Return the language of the segment nearest to a stretch of speech; None if no segment has one."""

    def distance(segment: Segment) -> float:
        return max(segment.start - stretch.end, stretch.start - segment.end)

    nearest = min((each for each in segments if each.language), key=distance, default=None)
    return nearest.language if nearest else None


def _rows(homes: Sequence[int], words: Sequence[Word]) -> Iterator[tuple[int, list[Word]]]:
    for number, row in groupby(zip(homes, words, strict=True), key=lambda pair: pair[0]):
        yield number, [word for _, word in row]
