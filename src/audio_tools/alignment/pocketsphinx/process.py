"""
The child process in which PocketSphinx aligns; `aligner.py` starts it.

PocketSphinx holds the GIL while it computes, which would block every request and event of the service.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from audio_tools.alignment.placement import place_words
from audio_tools.alignment.pocketsphinx.model import Sphinx
from audio_tools.alignment.pocketsphinx.word_search import find_words
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.subprocess_rpc import serve
from audio_tools.transcript import Interval, Word


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """One chunk to align; see `Aligner.align`."""

    pcm: Pcm
    words: tuple[Word, ...]
    speech: tuple[Interval, ...]


def answers() -> Callable[[Alignment], list[Word]]:
    """The aligner with its model loaded."""
    sphinx = Sphinx()

    def align(chunk: Alignment) -> list[Word]:
        found = find_words(chunk.pcm, chunk.words, chunk.speech, sphinx.find)
        return place_words(chunk.words, found, chunk.speech, len(chunk.pcm) / SAMPLE_RATE_HZ)

    return align


if __name__ == "__main__":
    serve(answers())
