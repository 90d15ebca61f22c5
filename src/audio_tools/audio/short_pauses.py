"""
Silences that are a little too short for a pause.

The edges of a silence are where the evidence changes sides, which keeps soft begins and ends of words. A
silence of 0.2 s between such edges is a pause of 0.3 s if the evidence for a voice beside it is weak.
"""

from __future__ import annotations

import numpy as np

from audio_tools.audio.level_vad import Frames, joined
from audio_tools.audio.pauses import PAUSE_FRAMES
from audio_tools.audio.silero_network import Floats
from audio_tools.audio.silero_vad import Flags, no_frames, runs

LEAST_FRAMES = 20
"""A shorter silence is the closure of a consonant or the gap between two words."""
WEAK_EVIDENCE = 2.0
"""Less evidence (log-odds) for speech may be an edge."""
CONTEXT_FRAMES = 2 * PAUSE_FRAMES
"""Number of frames on either side that decide about a frame."""


class ShortPauses:
    """Lengthens short silences to pauses, independent of the blocks."""

    def __init__(self) -> None:
        self._frames = no_frames()
        self._evidence = np.zeros(0, np.float32)
        self._given = 0  # of these frames, how many were given and are context now

    def push(self, frames: Frames, evidence: Floats, *, ended: bool) -> Frames:
        """
        Take decided frames; return those that are final.

        Args:
            frames: the decisions.
            evidence: for a voice in each; infinite where something else than the evidence decided on speech.
            ended: whether these are the last frames.
        """
        known = joined(self._frames, frames)
        evidence = np.concatenate([self._evidence, evidence])
        end = len(known) if ended else max(len(known) - CONTEXT_FRAMES, self._given)
        speech = known.speech & ~lengthened(known.speech, evidence)
        part = slice(self._given, end)
        given = known[part].decided(speech[part])
        stale = max(end - CONTEXT_FRAMES, 0)
        self._frames, self._evidence, self._given = known[stale:], evidence[stale:], end - stale
        return given


def lengthened(speech: Flags, evidence: Floats) -> Flags:
    """The frames of speech that belong to a pause beside them."""
    pauses = np.zeros(len(speech), np.bool_)
    for start, stop in zip(*runs(~speech), strict=True):
        if LEAST_FRAMES <= stop - start < PAUSE_FRAMES:
            first, end = _widened(int(start), int(stop), evidence)
            if end - first == PAUSE_FRAMES:
                pauses[first:end] = True
    return pauses & speech


def _widened(first: int, end: int, evidence: Floats) -> tuple[int, int]:
    """The silence with the frames beside it that are least like speech, up to the length of a pause."""
    while end - first < PAUSE_FRAMES:
        before = evidence[first - 1] if first > 0 else np.inf
        behind = evidence[end] if end < len(evidence) else np.inf
        if min(before, behind) >= WEAK_EVIDENCE:
            break
        if before <= behind:
            first -= 1
        else:
            end += 1
    return first, end
