"""Align the words of a chunk, and find its hesitations."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from audio_tools.alignment.base import Aligner
from audio_tools.audio.hesitations import RULES as HESITATION_RULES
from audio_tools.audio.hesitations import find_hesitations
from audio_tools.audio.pauses import overlap
from audio_tools.audio.stretched_words import shorten_stretched
from audio_tools.pipeline.chunk_samples import ChunkSamples
from audio_tools.pipeline.languages import split_by_language
from audio_tools.transcript import Interval, Reply, Word
from audio_tools.words.order import separate
from audio_tools.words.segments import follow_words
from audio_tools.words.timing import end_with_sound

MOST_MISFITS = 3
"""Stop aligning after this many consecutive failures; a failed alignment is the slowest kind."""
HESITATION_LANGUAGES = {"en"}
"""Languages for which a sustained sound between two words was measured to be a hesitation."""


class ChunkAlignment:
    """Aligns the chunks of one job; without an aligner, words keep the times of the engine."""

    def __init__(self, aligner: Aligner | None) -> None:
        self._aligner = aligner
        self._misfits = Counter[tuple[int | None, str | None]]()  # in a row, by channel and language

    @property
    def is_on(self) -> bool:
        """Whether there is an aligner."""
        return self._aligner is not None

    def identity(self) -> tuple[str, ...]:
        """Return what determines the times; part of the digest of a stored reply."""
        return (*self._aligner.identity(), f"hesitations {HESITATION_RULES}") if self._aligner else ()

    async def align(
        self,
        reply: Reply,
        chunk: ChunkSamples,
        speech: Sequence[Interval],
        language: str | None,
        channel: int | None,
    ) -> Reply:
        """
        Return the reply with its words aligned, each row of them in its language, and the segments with them.

        Args:
            reply: words in seconds from the start of the chunk.
            chunk: the samples.
            speech: sorted, on the same clock, at least one stretch.
            language: the one that was requested; None: see `split_by_language`.
            channel: see `Chunk`.
        """
        if self._aligner is None or not reply.words:
            return reply
        words, hesitations, searched = list[Word](), list[Interval](), False
        for spoken, numbers, stretch in split_by_language(reply, chunk.seconds):
            row = reply.words[numbers.start : numbers.stop]
            within = overlap(speech, stretch) or [stretch]
            placed, found = await self._align_row(row, chunk, within, language or spoken, channel)
            words += placed
            hesitations += found or ()
            searched = searched or found is not None
        words = separate(words, Interval(0.0, chunk.seconds))
        segments = follow_words(reply.segments, reply.words, words)
        aligned = replace(reply, words=tuple(words), segments=tuple(segments))
        return replace(aligned, hesitations=tuple(hesitations)) if searched else aligned

    async def _align_row(
        self,
        words: Sequence[Word],
        chunk: ChunkSamples,
        speech: Sequence[Interval],
        language: str | None,
        channel: int | None,
    ) -> tuple[Sequence[Word], list[Interval] | None]:
        """Return words in one language, aligned, and the hesitations; None if they were not searched for."""
        assert self._aligner is not None
        voice = channel, language
        if self._misfits[voice] >= MOST_MISFITS:
            return words, None
        pcm = await asyncio.to_thread(chunk.pcm)
        placed = await self._aligner.align(pcm, words, speech, language)
        fits = any(word.timing == "aligned" for word in placed)
        self._misfits[voice] = 0 if fits else self._misfits[voice] + 1
        # Only aligned words end where a hesitation begins: an engine's own are stretched over it.
        searched = fits and language in HESITATION_LANGUAGES
        if searched:
            placed = await asyncio.to_thread(shorten_stretched, pcm, placed)
        ended = await asyncio.to_thread(end_with_sound, placed, chunk.end_of_sound)
        if not searched:
            return ended, None
        return ended, await asyncio.to_thread(find_hesitations, pcm, placed, speech)
