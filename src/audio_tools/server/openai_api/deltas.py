"""The text of a running job, piece by piece and in order, from the words of its chunks."""

from __future__ import annotations

import logging
from collections.abc import Iterable

from audio_tools.events import ChunkWords
from audio_tools.transcript import Interval, Transcript, Word
from audio_tools.words.script import join_words, space_between
from audio_tools.words.stitch import BorderJoiner, TimedChunk

log = logging.getLogger(__name__)


def whole_text(transcript: Transcript) -> str:
    """The text of a transcript: its words, joined."""
    return join_words([word.word for word in transcript.words])


class TextDeltas:
    """
    Turns the words of chunks, in any order, into pieces of the final text.

    A piece is given out once it is certain: when all earlier chunks have arrived, and the next one, which
    may hold the same words at the border. Joined, the pieces are the text of the transcript.
    """

    def __init__(self) -> None:
        self._joiner = BorderJoiner()
        self._waiting: dict[int, TimedChunk] = {}
        self._next = 0
        self._last: TimedChunk | None = None
        self._sent = ""

    def push(self, chunk: ChunkWords) -> str:
        """Add a chunk; returns the text that is certain now. A chunk that is known is ignored."""
        if chunk.index < self._next or chunk.index in self._waiting:
            return ""  # a worker that took the job over reports the chunks again
        self._waiting[chunk.index] = TimedChunk(
            Interval(chunk.start, chunk.end), chunk.words, overlaps=chunk.overlaps
        )
        return "".join(self._settle())

    def finish(self, text: str) -> str:
        """What is left of the final text `text`."""
        if text.startswith(self._sent):
            return text[len(self._sent) :]
        log.error("streamed text differs from the transcript after %d characters", len(self._sent))
        return ""

    def _settle(self) -> Iterable[str]:
        while (chunk := self._waiting.pop(self._next, None)) is not None:
            kept = self._joiner.push(chunk)
            if self._last is not None:
                yield from (self._spaced(self._last.words[number]) for number in kept)
            self._last = chunk
            self._next += 1

    def _spaced(self, word: Word) -> str:
        piece = space_between(self._sent, word.word) + word.word if self._sent else word.word
        self._sent += piece
        return piece
