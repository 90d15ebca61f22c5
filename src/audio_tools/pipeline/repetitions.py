"""
Restore the words of false starts that an engine wrote only once, from their sound.

The words are in the text already: an attempt is said again, so its words are those of what repeats it. They
are aligned with the repetition; as many as it has of them are inserted in front, at the attempt.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from audio_tools.alignment.base import Aligner
from audio_tools.audio.pauses import overlap
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.audio.repeated_sound import RepeatedSound, find_repeated
from audio_tools.transcript import Interval, Reply, Word
from audio_tools.words.script import fold_letters, join_words
from audio_tools.words.segments import home_segments, rebuild

PAD_S = 0.05
"""Sound before the repetition that is aligned with it; its first sound may be soft."""
BEHIND_S, MOST_WORDS = 1.0, 24
"""The words up to this far behind the repetition are aligned with it, since they may be placed wrong."""
EDGE_S = 0.15
"""Maximum distance of the first word and the last one from the edges of the repetition."""
ATTEMPTS = 2
"""How many words may be the first one: the word before may reach into the attempt."""
SHORTEST_S = 0.03
"""An aligner that finds no sound for a word makes it this short; then the sound is another one."""
LEAST_PART = 0.5
"""A word that the attempt breaks off belongs to it if this part of it is repeated."""


@dataclass(frozen=True, slots=True)
class Repetition:
    """
    An attempt of `count` words: `words` are its own, then those of the text from `first` on, with new times.
    """

    first: int
    count: int
    words: tuple[Word, ...]

    @property
    def behind(self) -> int:
        """The index in the text behind the words that have new times."""
        return self.first + len(self.words) - self.count


@dataclass(frozen=True, slots=True, eq=False)
class SpokenChunk:
    """
    The sound of a chunk, in which words are aligned.

    `speech`: sorted; where there is speech, in seconds from its start. `language`: see `Aligner.align`.
    """

    pcm: Pcm
    speech: Sequence[Interval]
    aligner: Aligner
    language: str | None

    async def restore_repetitions(self, words: Sequence[Word]) -> list[tuple[int, Word]]:
        """
        The words and those of attempts that they lack, each with the index of the word that it is or repeats.

        Args:
            words: in order, aligned.
        """
        found = list[Repetition]()
        for sound in await asyncio.to_thread(find_repeated, self.pcm, words):
            repetition = await self._restored(words, sound) if self._is_own(sound) else None
            if repetition is not None and (not found or repetition.first >= found[-1].behind):
                found.append(repetition)
        whole = list(enumerate(words))
        for each in reversed(found):
            indexes = [each.first] * each.count + list(range(each.first, each.behind))
            whole[each.first : each.behind] = zip(indexes, each.words, strict=True)
        return whole

    def _is_own(self, sound: RepeatedSound) -> bool:
        """Whether both attempts lie where these words are, and not in another language."""
        first, last = self.speech[0].start - EDGE_S, self.speech[-1].end + EDGE_S
        return first <= sound.attempt.start and sound.again.end <= last

    async def _restored(self, words: Sequence[Word], sound: RepeatedSound) -> Repetition | None:
        """The words of an attempt; None if the text has them, or the samples do not confirm them."""
        if _has_both(words, sound):
            return None
        begin = next((n for n, word in enumerate(words) if word.middle > sound.attempt.start), len(words))
        behind = _behind(words, begin, sound.again.end)
        for first in range(begin, min(begin + ATTEMPTS, behind)):
            until = max(words[behind - 1].end, sound.again.end)
            again = await self._aligned(
                words[first:behind], Interval(sound.again.start - PAD_S, until + PAD_S)
            )
            if again[0].middle < sound.again.start:
                continue
            count = sum(_is_repeated(word, sound.again) for word in again)
            if not _is_confirmed(again, count, sound.again, until):
                return None
            return Repetition(first, count, (*_copied(again[:count], sound), *again))
        return None

    async def _aligned(self, words: Sequence[Word], stretch: Interval) -> list[Word]:
        """The words aligned with a stretch of the samples."""
        begin = max(round(stretch.start * SAMPLE_RATE_HZ), 0)
        part = self.pcm[begin : round(stretch.end * SAMPLE_RATE_HZ)]
        start, seconds = begin / SAMPLE_RATE_HZ, len(part) / SAMPLE_RATE_HZ
        spoken = overlap(self.speech, Interval(start, start + seconds))
        there = [Interval(each.start - start, each.end - start) for each in spoken]
        # Their times may be those of the attempt: where they are now says nothing.
        unplaced = [replace(word, start=0.0, end=seconds, timing="estimated") for word in words]
        placed = await self.aligner.align(part, unplaced, there or [Interval(0.0, seconds)], self.language)
        return [word.shifted(start) for word in placed]


def _has_both(words: Sequence[Word], sound: RepeatedSound) -> bool:
    """Whether the text repeats at least half of what is said in both places."""
    attempt, again = (
        Counter(fold_letters(word.word) for word in words if at.start <= word.middle < at.end)
        for at in (sound.attempt, sound.again)
    )
    return 2 * (attempt & again).total() >= max(min(attempt.total(), again.total()), 1)


def _behind(words: Sequence[Word], first: int, end: float) -> int:
    """The index behind the words to align: up to a word that the repetition cannot have displaced."""
    behind = first
    while behind < min(len(words), first + MOST_WORDS) and words[behind].start < end + BEHIND_S:
        behind += 1
    return behind


def _is_repeated(word: Word, again: Interval) -> bool:
    """Whether a word is one of the repetition."""
    return again.end - word.start >= LEAST_PART * (word.end - word.start)


def _is_confirmed(words: Sequence[Word], count: int, again: Interval, until: float) -> bool:
    """Whether the first `count` words fill the repetition, and the others fit behind it."""
    return (
        count > 0
        and all(word.timing == "aligned" for word in words[:count])
        and all(word.end - word.start >= SHORTEST_S for word in words)
        and abs(words[0].start - again.start) <= EDGE_S
        and again.end - words[count - 1].end <= EDGE_S
        and words[-1].end <= until + EDGE_S
    )


def _copied(words: Sequence[Word], sound: RepeatedSound) -> list[Word]:
    """The words of the repetition, at the times of the attempt."""
    attempt, again = sound.attempt, sound.again
    rate = attempt.duration / again.duration

    def there(seconds: float) -> float:
        return min(max(attempt.start + (seconds - again.start) * rate, attempt.start), attempt.end)

    copies = [replace(word, start=there(word.start), end=there(word.end), confidence=None) for word in words]
    copies[0] = replace(copies[0], start=attempt.start)
    copies[-1] = replace(copies[-1], end=attempt.end)
    return copies


def with_inserted(reply: Reply, words: Sequence[Word], origins: Sequence[int]) -> Reply:
    """
    The reply with these words instead of its own.

    Args:
        reply: segments made of its words.
        words: in order.
        origins: for each of them the index of the word of the reply whose segment it belongs to.
    """
    homes = home_segments(reply.segments, reply.words)
    segments = rebuild(reply.segments, [homes[origin] for origin in origins], words) if homes else []
    text = join_words([word.word for word in words])
    return replace(reply, text=text, words=tuple(words), segments=tuple(segments))
