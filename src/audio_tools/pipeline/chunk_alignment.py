"""Align the words of a chunk, correct their ends, and find its hesitations and missing repetitions."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from audio_tools.alignment.base import Aligner
from audio_tools.audio.hesitations import RULES as HESITATION_RULES
from audio_tools.audio.hesitations import find_hesitations
from audio_tools.audio.pauses import overlap
from audio_tools.audio.repeated_sound import RULES as REPETITION_RULES
from audio_tools.audio.stretched_words import shorten_stretched
from audio_tools.pipeline.chunk_samples import ChunkSamples
from audio_tools.pipeline.languages import split_by_language
from audio_tools.pipeline.repetitions import SpokenChunk, with_inserted
from audio_tools.transcript import Interval, Reply, Word
from audio_tools.words.ends import RULES as END_RULES
from audio_tools.words.ends import end_with_sound, lengthen_cut_off
from audio_tools.words.order import separate
from audio_tools.words.segments import follow_words

MOST_MISFITS = 3
"""Stop aligning after this many consecutive failures; a failed alignment is the slowest kind."""
HESITATION_LANGUAGES = {"en"}
"""Languages for which hesitations between words, and words said again, were measured to be found in sound."""


@dataclass(frozen=True, slots=True)
class _AlignedRow:
    """
    Words in one language, aligned.

    `origins`: for each the index of the word that it was, or is a repetition of. `hesitations`: between the
    words; None: not searched for.
    """

    words: Sequence[Word]
    origins: Sequence[int]
    hesitations: Sequence[Interval] | None = None


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
        ends = f"ends {END_RULES}"
        rules = f"hesitations {HESITATION_RULES}", f"repetitions {REPETITION_RULES}", ends
        return (*self._aligner.identity(), *rules) if self._aligner else (ends,)

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

        Words that end too early before a pause are lengthened, aligned or not.

        Args:
            reply: words in seconds from the start of the chunk.
            chunk: the samples.
            speech: sorted, on the same clock, at least one stretch.
            language: the one that was requested; None: see `split_by_language`.
            channel: see `Chunk`.
        """
        if not reply.words:
            return reply
        words, origins, hesitations, searched = list[Word](), list[int](), list[Interval](), False
        for spoken, numbers, stretch in split_by_language(reply, chunk.seconds):
            row = reply.words[numbers.start : numbers.stop]
            within = overlap(speech, stretch) or [stretch]
            placed = await self._align_row(row, chunk, within, language or spoken, channel)
            words += placed.words
            origins += [numbers.start + origin for origin in placed.origins]
            hesitations += placed.hesitations or ()
            searched = searched or placed.hesitations is not None
        words = separate(words, Interval(0.0, chunk.seconds))
        lengthen = partial(lengthen_cut_off, seconds=chunk.seconds, end_behind=chunk.end_of_sound_behind)
        words = await asyncio.to_thread(lengthen, words, speech, hesitations)
        if len(words) > len(reply.words):
            return replace(with_inserted(reply, words, origins), hesitations=tuple(hesitations))
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
    ) -> _AlignedRow:
        """Align words in one language, if there is an aligner."""
        voice = channel, language
        if self._aligner is None or self._misfits[voice] >= MOST_MISFITS:
            return _AlignedRow(words, range(len(words)))
        pcm = await asyncio.to_thread(chunk.pcm)
        placed = await self._aligner.align(pcm, words, speech, language)
        fits = any(word.timing == "aligned" for word in placed)
        self._misfits[voice] = 0 if fits else self._misfits[voice] + 1
        # Only aligned words end where a hesitation begins: an engine's own are stretched over it.
        searched = fits and language in HESITATION_LANGUAGES
        origins = list(range(len(placed)))
        if searched:
            whole = await SpokenChunk(pcm, speech, self._aligner, language).restore_repetitions(placed)
            origins, placed = [origin for origin, _ in whole], [word for _, word in whole]
            placed = await asyncio.to_thread(shorten_stretched, pcm, placed)
        ended = await asyncio.to_thread(end_with_sound, placed, chunk.end_of_sound)
        if not searched:
            return _AlignedRow(ended, origins)
        hesitations = await asyncio.to_thread(find_hesitations, pcm, placed, speech)
        return _AlignedRow(ended, origins, hesitations)
