"""The contract of a second model that times words; the caller has the samples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from audio_tools.audio.pcm import Pcm
from audio_tools.transcript import Interval, Word


class WordTimer(Protocol):
    """Transcribes words with their times; `languages` are ISO-639-1 codes."""

    languages: frozenset[str]

    def identity(self) -> tuple[str, ...]:
        """Return what shapes the results, as far as it is known before the start."""
        ...

    async def time_words(self, pcm: Pcm, speech: Sequence[Interval], language: str) -> Sequence[Word]:
        """Return the words of a chunk, in seconds from its start. Raises AudioToolsError if it fails."""
        ...

    async def close(self) -> None:
        """Stop the processes; safe to call twice."""
        ...
