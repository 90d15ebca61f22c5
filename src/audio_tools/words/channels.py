"""Merge the words of several channels in the order in which they are spoken."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Protocol, TypeVar

from audio_tools.transcript import Word
from audio_tools.words.script import ends_sentence

TURN_PAUSE_S = 0.5
"""Another channel's words are inserted only at a sentence end or a pause of this length, in seconds."""


class Timed(Protocol):
    """An item with a start, in seconds."""

    @property
    def start(self) -> float: ...


T = TypeVar("T", bound=Timed)


def in_spoken_order(channels: Sequence[Sequence[T]]) -> list[T]:
    """
    Return the items of all channels by their starts; each channel keeps its own order.

    Of items that start together, those of the first channel come first.
    """
    return [item for _, item in heapq.merge(*map(_by_start, channels), key=lambda entry: entry[0])]


def _by_start(items: Sequence[T]) -> Iterator[tuple[float, T]]:
    return zip(accumulate((item.start for item in items), max), items, strict=True)


@dataclass(frozen=True, slots=True)
class Turn:
    """Words of one channel that belong together: a sentence, or what lies between two pauses."""

    words: tuple[Word, ...]

    @property
    def start(self) -> float:
        """Start, in seconds."""
        return self.words[0].start

    @property
    def channel(self) -> int | None:
        """The channel of all its words."""
        return self.words[0].channel


def turns(words: Sequence[Word]) -> list[Turn]:
    """The words, in any order of channels, as turns in the order in which they begin."""
    return in_spoken_order([_turns_of(row) for row in by_channel(words)])


def in_turns(words: Sequence[Word]) -> Sequence[Word]:
    """The words turn by turn: of channels that speak at once first all of one sentence, then of the other."""
    if not words or words[0].channel is None:
        return words
    return [word for turn in turns(words) for word in turn.words]


def by_channel(words: Sequence[Word]) -> list[list[Word]]:
    """The words of each channel, in their order; those without a channel come first."""
    channels: dict[int, list[Word]] = {}
    for word in words:
        channels.setdefault(-1 if word.channel is None else word.channel, []).append(word)
    return [channels[channel] for channel in sorted(channels)]


def _turns_of(words: Sequence[Word]) -> list[Turn]:
    ends = (
        number
        for number, (word, later) in enumerate(pairwise(words), start=1)
        if ends_sentence(word.word, later.word) or later.start - word.end >= TURN_PAUSE_S
    )
    return [Turn(tuple(words[first:behind])) for first, behind in pairwise([0, *ends, len(words)])]
