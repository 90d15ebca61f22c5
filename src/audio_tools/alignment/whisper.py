"""
Time the words of languages other than English with a local Whisper.

For engines that return text without times. Whisper transcribes the chunk too: words that both transcripts
contain get its times, and the other words share the time between them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from difflib import SequenceMatcher

from audio_tools.alignment.base import Aligner
from audio_tools.alignment.placement import place_words
from audio_tools.alignment.pocketsphinx.model import Found
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.errors import AudioToolsError
from audio_tools.transcript import Interval, Word
from audio_tools.words.script import fold
from audio_tools.words.timing import fit_to_speech
from audio_tools.words.word_timer import WordTimer

RULES = 1
"""See `alignment.pocketsphinx.aligner.RULES`."""
LEAST_SHARE = 0.3
"""Share of the words that both transcripts must contain; fewer agree only by chance."""
MOST_RESPELLED = 3
"""Maximum number of consecutive words that the two may spell differently."""

log = logging.getLogger(__name__)


class WhisperAligner:
    """
    See `alignment.base.Aligner`. As slow as transcribing the chunk, so only words without times are aligned.

    Args:
        timer: closed together with the aligner.
    """

    name = "whisper"

    def __init__(self, timer: WordTimer) -> None:
        self.languages = timer.languages
        self._timer = timer

    def identity(self) -> tuple[str, ...]:
        """See `alignment.base.Aligner.identity`."""
        return (*self._timer.identity(), f"rules {RULES}")

    def for_language(self, language: str | None) -> Aligner:  # noqa: ARG002
        """See `alignment.base.Aligner.for_language`."""
        return self

    async def align(
        self, pcm: Pcm, words: Sequence[Word], speech: Sequence[Interval], language: str | None
    ) -> list[Word]:
        """See `alignment.base.Aligner`."""
        if language not in self.languages or not any(word.timing == "estimated" for word in words):
            return list(words)
        try:
            recognized = await self._timer.time_words(pcm, speech, language)
        except AudioToolsError as error:
            log.warning("alignment failed, keeping engine timings: %s", error)
            return list(words)
        return await asyncio.to_thread(_place, words, recognized, speech, len(pcm) / SAMPLE_RATE_HZ)

    async def close(self) -> None:
        """End the timer's process; `align` would start another."""
        await self._timer.close()


def _place(
    words: Sequence[Word], recognized: Sequence[Word], speech: Sequence[Interval], seconds: float
) -> list[Word]:
    """Place the words where Whisper recognized them, if it did for most. Slow for repeated words."""
    spoken, _ = fit_to_speech(recognized, speech, lambda _: False)
    matcher = SequenceMatcher(None, [fold(w.word) for w in words], [fold(w.word) for w in spoken], False)
    if sum(block.size for block in matcher.get_matching_blocks()) < LEAST_SHARE * len(words):
        return list(words)
    return place_words(words, _find(matcher, spoken), speech, seconds)


def _find(matcher: SequenceMatcher[str], recognized: Sequence[Word]) -> list[Found | None]:
    """
    Return where each word was recognized, else None.

    A few different words at the same position count as another spelling of the same words.
    """
    found: list[Found | None] = []
    for kind, first, end, start, stop in matcher.get_opcodes():
        if kind == "equal" or end - first == stop - start <= MOST_RESPELLED:
            there = enumerate(recognized[start:stop], start=first)
            found += [Found(position, word.start, word.end, 0.0) for position, word in there]
        else:
            found += [None] * (end - first)
    return found
