"""Several aligners as one: the language decides."""

from __future__ import annotations

from collections.abc import Sequence

from audio_tools.alignment.base import Aligner
from audio_tools.audio.pcm import Pcm
from audio_tools.transcript import Interval, Word


class AlignerByLanguage:
    """
    See `alignment.base.Aligner`.

    Args:
        aligners: at least one; the first that knows a language has its words, the first of all those of an
            unknown one.
    """

    def __init__(self, aligners: Sequence[Aligner]) -> None:
        self._aligners = aligners
        self.name = ", ".join(aligner.name for aligner in aligners)
        self.languages = frozenset[str]().union(*(aligner.languages for aligner in aligners))

    def identity(self) -> tuple[str, ...]:
        """See `alignment.base.Aligner.identity`."""
        return tuple(part for aligner in self._aligners for part in aligner.identity())

    def for_language(self, language: str | None) -> Aligner:
        """See `alignment.base.Aligner.for_language`."""
        knowing = (aligner for aligner in self._aligners if language in aligner.languages)
        return next(knowing, self._aligners[0])

    async def align(
        self, pcm: Pcm, words: Sequence[Word], speech: Sequence[Interval], language: str | None
    ) -> list[Word]:
        """See `alignment.base.Aligner.align`."""
        return await self.for_language(language).align(pcm, words, speech, language)

    async def close(self) -> None:
        """Close all of them."""
        for aligner in self._aligners:
            await aligner.close()
