"""Merge the words of a second reply into the gaps of the first one."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from audio_tools.transcript import Interval, Reply, Word
from audio_tools.words.script import fold_letters, join_words
from audio_tools.words.segments import group, home_segments, language_near, rebuild

LEAST_SAME_WORDS = 3
"""A second reply that repeats at least this number of untimed words is the same text again."""
EDGE_S = 0.75
"""Maximum difference, in seconds, between the times of one word in both replies at the edge of a gap."""


def merge(reply: Reply, more: Sequence[Word], gap: Interval) -> Reply:
    """
    Return the first reply, with the words of a second reply that fall in `gap` inserted.

    Words keep the order of both texts. Words that the first reply already contains, with wrong times, are not
    repeated.

    Args:
        reply: the first reply; words in order, segments made of them.
        more: the words of the second reply, in order, on the same clock.
        gap: in seconds; no word of the first reply has its midpoint in it.
    """
    if len(more) > 1 and _texts(more) == _texts(reply.words):
        return reply  # an engine that answers a part with the text of the whole
    found = _without_overlap(reply.words, [word for word in more if gap.start <= word.middle < gap.end], gap)
    if not found:
        return reply
    position = bisect_left(reply.words, gap.start, key=lambda word: word.middle)
    homes = home_segments(reply.segments, reply.words)
    language = language_near(reply.segments, gap)
    added = [replace(segment, language=language) for segment in group(found)]
    inner = [len(reply.segments) + home for home in home_segments(added, found)]
    words = [*reply.words[:position], *found, *reply.words[position:]]
    rows = [*homes[:position], *inner, *homes[position:]] if homes else inner
    return replace(
        reply,
        text=join_words([word.word for word in words]),
        words=tuple(words),
        segments=tuple(rebuild([*reply.segments, *added], rows, words)),
    )


def _without_overlap(words: Sequence[Word], found: Sequence[Word], gap: Interval) -> list[Word]:
    """Return the words that the first reply lacks: people repeat themselves, engines repeat edges."""
    if len(found) >= LEAST_SAME_WORDS and _contains([w for w in words if w.timing == "estimated"], found):
        return []
    position = bisect_left(words, gap.start, key=lambda word: word.middle)
    before = _shared(
        [word for word in words[:position] if word.end > gap.start - EDGE_S],
        [word for word in found if word.start < gap.start + EDGE_S],
    )
    after = _shared(
        [word for word in found[before:] if word.end > gap.end - EDGE_S],
        [word for word in words[position:] if word.start < gap.end + EDGE_S],
    )
    return list(found[before : len(found) - after])


def _texts(words: Sequence[Word]) -> list[str]:
    return [fold_letters(word.word) for word in words]


def _contains(words: Sequence[Word], row: Sequence[Word]) -> bool:
    text, part = _texts(words), _texts(row)
    return any(text[n : n + len(part)] == part for n in range(len(text) - len(part) + 1))


def _shared(left: Sequence[Word], right: Sequence[Word]) -> int:
    """How many words both the end of one row and the beginning of the other are."""
    one, other = _texts(left), _texts(right)
    longest = min(len(one), len(other))
    return next((n for n in range(longest, 0, -1) if one[-n:] == other[:n]), 0)
