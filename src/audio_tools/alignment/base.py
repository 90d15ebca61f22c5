"""The contract of an aligner: samples and words in, the same words with true times out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from audio_tools.audio.pcm import Pcm
from audio_tools.transcript import Interval, Word


class Aligner(Protocol):
    """
    Finds when known words were said. One instance serves many chunks at once.

    `languages`: ISO-639-1 codes of what it can align; words of another language come back as they are.
    """

    name: str
    languages: frozenset[str]

    def identity(self) -> tuple[str, ...]:
        """Everything about the aligner that shapes its answers; part of the digest of a stored result."""
        ...

    def for_language(self, language: str | None) -> Aligner:
        """Who aligns words of this language: itself, unless it is several."""
        ...

    async def align(
        self, pcm: Pcm, words: Sequence[Word], speech: Sequence[Interval], language: str | None
    ) -> list[Word]:
        """
        Put words on the samples.

        Args:
            pcm: the chunk.
            words: in the order in which they were said; their times, in seconds from the start of the
                chunk, say roughly where: those of `timing` "engine" within a second or so, "estimated"
                ones anywhere.
            speech: sorted; where the chunk holds speech, in seconds from its start.
            language: ISO-639-1; None: unknown, and the fit alone decides.

        Returns:
            The same words in the same order, none overlapping the next, each of some length and in one
            stretch of speech. `timing` is "aligned" where the samples confirm the word; the others keep
            the engine's times, or share what their neighbours leave between them ("estimated").
            It never fails: where aligning is impossible, the words are as good as they came.
        """
        ...

    async def close(self) -> None:
        """Let go of processes; safe to call twice."""
        ...
