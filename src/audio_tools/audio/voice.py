"""Whether a chunk contains a voice at a given time: evidence that the engine did not invent its words."""

from __future__ import annotations

import numpy as np

from audio_tools.audio.level_vad import Frames
from audio_tools.audio.pcm import FRAME_SAMPLES, SAMPLE_RATE_HZ, Pcm
from audio_tools.audio.silero_network import find_weights, shared_network
from audio_tools.audio.silero_vad import Flags, VoiceTrack
from audio_tools.transcript import Interval

FRAME_S = FRAME_SAMPLES / SAMPLE_RATE_HZ
LEAST_FRAMES = 10
"""Frames of 10 ms that are more likely a voice than not."""


class Voice:
    """Where the neural network detects a voice in a chunk; without the network, anywhere."""

    def __init__(self, pcm: Pcm) -> None:
        weights = find_weights()
        self._counts = None
        if weights is not None:
            track = VoiceTrack(shared_network(weights), _all)
            log_odds = np.concatenate([track.push(pcm).log_odds, track.finish().log_odds])
            self._counts = np.concatenate([[0], np.cumsum(log_odds > 0)])

    def is_in(self, stretch: Interval) -> bool:
        """Whether a stretch contains a voice, in seconds from the start of the chunk."""
        return self._counts is None or self._frames_in(stretch) >= LEAST_FRAMES

    def seconds_in(self, stretch: Interval) -> float:
        """How much of a stretch is a voice, in seconds; all of it without the network."""
        return stretch.duration if self._counts is None else self._frames_in(stretch) * FRAME_S

    def _frames_in(self, stretch: Interval) -> int:
        assert self._counts is not None
        frames, last = SAMPLE_RATE_HZ / FRAME_SAMPLES, len(self._counts) - 1
        first = min(max(int(stretch.start * frames), 0), last)
        end = min(max(int(stretch.end * frames) + 1, 0), last)
        return int(self._counts[end] - self._counts[first])


def _all(frames: Frames) -> Flags:
    return np.ones(len(frames), np.bool_)
