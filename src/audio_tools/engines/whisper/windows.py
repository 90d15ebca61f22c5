"""Pack the speech of a chunk into windows that Whisper computes at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from audio_tools.audio.pauses import overlap
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.transcript import Interval

WINDOW_S = 30.0
"""Whisper computes 30 s of audio whatever it is given; a shorter window costs the same."""
SPEECH_PAD_S = 1.0
"""
Audio kept before the first and after the last speech of a chunk.

The detector is late at soft beginnings and early at soft ends, and in speech alone Whisper takes short
recordings for another language and loses words.
"""
LONG_PAUSE_S = 2.0
"""A pause at least this long is shortened: behind one Whisper loses sentences, inside one it invents them."""
KEPT_PAUSE_S = 1.0
"""What is left of a long pause, half of it at each end, so that sentences do not run into each other."""


@dataclass(frozen=True, slots=True)
class Window:
    """
    Stretches of a chunk that are computed together, in seconds from the start of the chunk.

    `pieces` are sorted and do not overlap; the window is what they are when joined.
    """

    pieces: tuple[Interval, ...]

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return sum(piece.duration for piece in self.pieces)

    def samples(self, pcm: Pcm) -> Pcm:
        """Return the samples of the window."""
        return np.concatenate([pcm[_sample(piece.start) : _sample(piece.end)] for piece in self.pieces])

    def speech(self, speech: Sequence[Interval]) -> list[Interval]:
        """Convert stretches of speech from seconds of the chunk to seconds of the window."""
        found: list[Interval] = []
        before = 0.0
        for piece in self.pieces:
            shift = before - piece.start
            found += [Interval(s.start + shift, s.end + shift) for s in overlap(speech, piece)]
            before += piece.duration
        return found

    def to_chunk(self, start: float, end: float) -> tuple[float, float]:
        """
        Convert the times of a word from seconds of the window to seconds of the chunk.

        Both ends are placed in the piece that holds the middle of the word, so that no word spans what was
        left out between two pieces.
        """
        middle, before = (start + end) / 2, 0.0
        for piece in self.pieces[:-1]:
            if middle < before + piece.duration:
                break
            before += piece.duration
        else:
            piece = self.pieces[-1]
        shift = piece.start - before
        return max(start + shift, piece.start), min(end + shift, piece.end)


def pack_windows(speech: Sequence[Interval], seconds: float, first_s: float = 0.0) -> list[Window]:
    """
    Pack speech into as few windows as its order allows; only a stretch longer than 30 s exceeds a window.

    Args:
        speech: sorted; empty if unknown, and then the whole chunk is packed.
        seconds: length of the chunk.
        first_s: nothing before this is packed, in seconds from the start of the chunk.
    """
    windows: list[Window] = []
    for piece in _pieces(speech or [Interval(first_s, seconds)], Interval(first_s, seconds)):
        last = windows[-1] if windows else Window(())
        if last.pieces and last.duration + piece.duration <= WINDOW_S:
            windows[-1] = Window((*last.pieces, piece))
        else:
            windows.append(Window((piece,)))
    return windows


def _pieces(speech: Sequence[Interval], within: Interval) -> list[Interval]:
    """Return the padded stretches of speech, joined across all but long pauses."""
    pieces: list[Interval] = []
    for stretch in speech:
        if pieces and stretch.start - pieces[-1].end < LONG_PAUSE_S:
            pieces[-1] = Interval(pieces[-1].start, max(stretch.end, pieces[-1].end))
        else:
            pieces.append(stretch)
    padded = []
    for number, piece in enumerate(pieces):
        before = SPEECH_PAD_S if number == 0 else KEPT_PAUSE_S / 2
        after = SPEECH_PAD_S if number == len(pieces) - 1 else KEPT_PAUSE_S / 2
        padded.append(Interval(max(piece.start - before, within.start), min(piece.end + after, within.end)))
    return padded


def _sample(second: float) -> int:
    return round(second * SAMPLE_RATE_HZ)
