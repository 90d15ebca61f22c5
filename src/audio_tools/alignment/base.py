"""The contract of an aligner: it returns the words of a chunk with times from its samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from audio_tools.audio.pcm import Pcm
from audio_tools.transcript import Interval, Word


class Aligner(Protocol):
    """
    Finds the times of known words. One instance serves many chunks at once.

    `languages`: ISO-639-1 codes of what it can align; words of another language are returned unchanged.
    """

    name: str
    languages: frozenset[str]

    def identity(self) -> tuple[str, ...]:
        """Return everything that affects the results; part of the digest of a stored result."""
        ...

    def for_language(self, language: str | None) -> Aligner:
        """Return the aligner for a language: this one, unless it combines several."""
        ...

    async def align(
        self, pcm: Pcm, words: Sequence[Word], speech: Sequence[Interval], language: str | None
    ) -> list[Word]:
        """
        Align words with the samples.

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
        """Stop the processes; safe to call twice."""
        ...
