"""
Words of other languages onto the samples, by what a local Whisper hears in them.

For engines that give text alone. Whisper hears the chunk too: words that both heard get its times, and the
others what those leave between them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from difflib import SequenceMatcher
from typing import Protocol

from audio_tools.alignment.base import Aligner
from audio_tools.alignment.placement import place_words
from audio_tools.alignment.pocketsphinx.model import Found
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.errors import AudioToolsError
from audio_tools.transcript import Interval, Word
from audio_tools.words.script import fold
from audio_tools.words.timing import fit_to_speech

RULES = 1
"""See `sphinx.RULES`."""
LEAST_SHARE = 0.3
"""Of the words that both must have heard; fewer, and it is another text that agrees by chance."""
MOST_RESPELLED = 3
"""Words in a row that the two may spell differently."""

log = logging.getLogger(__name__)


class WordTimer(Protocol):
    """Hears words and when they were said; `languages` by their ISO-639-1 codes."""

    languages: frozenset[str]

    def identity(self) -> tuple[str, ...]:
        """What shapes its answers, as far as is known before it has started."""
        ...

    async def hear(self, pcm: Pcm, speech: Sequence[Interval], language: str) -> Sequence[Word]:
        """The words of a chunk, in seconds from its start. Raises AudioToolsError if it cannot."""
        ...

    async def close(self) -> None:
        """Let go of processes; safe to call twice."""
        ...


class WhisperAligner:
    """
    See `align.base.Aligner`. Costs as much as hearing the chunk, so only words without times are aligned.

    Args:
        ear: closed together with the aligner.
    """

    name = "whisper"

    def __init__(self, ear: WordTimer) -> None:
        self.languages = ear.languages
        self._ear = ear

    def identity(self) -> tuple[str, ...]:
        """See `align.base.Aligner.identity`."""
        return (*self._ear.identity(), f"rules {RULES}")

    def for_language(self, language: str | None) -> Aligner:  # noqa: ARG002
        """See `align.base.Aligner.for_language`."""
        return self

    async def align(
        self, pcm: Pcm, words: Sequence[Word], speech: Sequence[Interval], language: str | None
    ) -> list[Word]:
        """See `align.base.Aligner`."""
        if language not in self.languages or not any(word.timing == "estimated" for word in words):
            return list(words)
        try:
            heard = await self._ear.hear(pcm, speech, language)
        except AudioToolsError as error:
            log.warning("alignment failed, keeping engine timings: %s", error)
            return list(words)
        return await asyncio.to_thread(_place, words, heard, speech, len(pcm) / SAMPLE_RATE_HZ)

    async def close(self) -> None:
        """End the ear's process; `align` would start another."""
        await self._ear.close()


def _place(
    words: Sequence[Word], heard: Sequence[Word], speech: Sequence[Interval], seconds: float
) -> list[Word]:
    """The words where they were heard, if most of them were. Takes a while where one is repeated."""
    spoken, _ = fit_to_speech(heard, speech, lambda _: False)
    matcher = SequenceMatcher(None, [fold(w.word) for w in words], [fold(w.word) for w in spoken], False)
    if sum(block.size for block in matcher.get_matching_blocks()) < LEAST_SHARE * len(words):
        return list(words)
    return place_words(words, _find(matcher, spoken), speech, seconds)


def _find(matcher: SequenceMatcher[str], heard: Sequence[Word]) -> list[Found | None]:
    """
    Where each word was heard.

    A few other words in their place are the same ones, only spelled in another way.
    """
    found: list[Found | None] = []
    for kind, first, end, start, stop in matcher.get_opcodes():
        if kind == "equal" or end - first == stop - start <= MOST_RESPELLED:
            there = enumerate(heard[start:stop], start=first)
            found += [Found(position, word.start, word.end, 0.0) for position, word in there]
        else:
            found += [None] * (end - first)
    return found
