"""
The evidence for speech in each frame, as log-odds: what Silero's network detects, and how the level behaves.

A weighted sum. How the weights were found: docs/decisions/0002-silence-detection.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audio_tools.audio.silero_network import Floats
from audio_tools.audio.silero_vad import Voices

VOICE_WEIGHT = 0.80
RISE_WEIGHT = 0.037
"""Per dB above the noise floor, up to 40 dB."""
LOUDNESS_WEIGHT = 0.026
"""Per dB above the level of the speech around (below: negative), from -30 to 6 dB."""
MOVEMENT_WEIGHT = 0.144
"""Per dB between the highest and the lowest level within 0.15 s, up to 20 dB: speech moves, beds do not."""
DROP_WEIGHT = 0.114
"""Per dB below the highest level within 0.5 s (negative), down to -25 dB: a pause is a drop on any noise."""
BIAS = -0.11

MASKED_EVIDENCE = 1.3
"""Added where speech rises little above the noise, which then hides its soft begin and end."""
MASKED_RISE_DB, CLEAR_RISE_DB = 11.0, 15.0
"""The rise of the speech above the floor up to which all of it is added, and from which nothing is."""

SMOOTHING_FRAMES = 3
"""Evidence is averaged over 3 frames on either side."""
MOVEMENT_FRAMES, DROP_FRAMES = 15, 50
CONTEXT_FRAMES = DROP_FRAMES + SMOOTHING_FRAMES
"""Number of frames on either side that count for the evidence of a frame."""


class EvidenceTrack:
    """Returns the smoothed evidence of frames as soon as their neighbours are known, in any blocks."""

    def __init__(self) -> None:
        self._known: Voices | None = None
        self._given = 0  # of the known frames, how many were given and are context now

    def push(self, voices: Voices, *, ended: bool) -> tuple[Voices, Floats]:
        """Take frames; return those that are decided, with their evidence."""
        known = voices if self._known is None else self._known.followed_by(voices)
        end = len(known) if ended else max(len(known) - CONTEXT_FRAMES, self._given)
        part = slice(self._given, end)
        evidence = smoothed(evidence_of(known))[part] if end > self._given else np.zeros(0, np.float32)
        stale = max(end - CONTEXT_FRAMES, 0)
        self._known, self._given = known[stale:], end - stale
        return known[part], evidence


def evidence_of(voices: Voices) -> Floats:
    """The log-odds of speech in each frame, where the network was needed."""
    frames = voices.frames
    level = np.maximum(frames.level_db, frames.floor_db)
    louder = np.clip(frames.level_db - frames.loud_db, -30, 6)
    highest = _highest(level, MOVEMENT_FRAMES)
    movement = highest + _highest(-level, MOVEMENT_FRAMES)
    drop = level - _highest(level, DROP_FRAMES)
    evidence = (
        VOICE_WEIGHT * voices.log_odds
        + RISE_WEIGHT * np.minimum(level - frames.floor_db, 40)
        + LOUDNESS_WEIGHT * louder
        + MOVEMENT_WEIGHT * np.minimum(movement, 20)
        + DROP_WEIGHT * np.maximum(drop, -25)
        + MASKED_EVIDENCE * _masked(frames.loud_db - frames.floor_db)
        + BIAS
    )
    return np.asarray(evidence, np.float32)


def smoothed(evidence: Floats) -> Floats:
    """The mean of each frame and its neighbours."""
    padded = np.pad(evidence, SMOOTHING_FRAMES, mode="edge") if len(evidence) else evidence
    # Shifted sums, not a running one: rounding must not depend on the blocks.
    sums = np.zeros(len(evidence), np.float32)
    for shift in range(2 * SMOOTHING_FRAMES + 1):
        sums += padded[shift : shift + len(sums)]
    return sums / np.float32(2 * SMOOTHING_FRAMES + 1)


def _masked(rise_db: Floats) -> Floats:
    """How far noise hides soft speech, in 0..1, where loud speech rises so much above the floor."""
    share: Floats = np.clip((CLEAR_RISE_DB - rise_db) / (CLEAR_RISE_DB - MASKED_RISE_DB), 0, 1)
    return share


def _highest(levels: Floats, reach: int) -> Floats:
    """Return the highest level within this many frames on either side of each."""
    if not len(levels):
        return levels
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(levels, reach, mode="edge"), 2 * reach + 1)
    highest: NDArray[np.float32] = windows.max(axis=1)
    return highest
