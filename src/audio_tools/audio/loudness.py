"""Whether anything sounds at a moment of a chunk: evidence that a word was said there."""

from __future__ import annotations

import numpy as np

from audio_tools.audio.pcm import FRAME_SAMPLES, SAMPLE_RATE_HZ, Pcm
from audio_tools.transcript import Interval

FLOOR_QUANTILE = 0.05
LOUD_QUANTILE = 0.95
LEAST_RISE_DB = 6.0
"""A frame sounds if it is so far above the floor; where the chunk is equally loud throughout, all do."""
LOWEST_DB = -72.0
"""Whatever is quieter is silence in every recording."""
LEAST_FRAMES = 5
REACH_S = 0.1
"""Something sounds at a word if 50 ms of it, or of so much around it, do."""
DECAY_DB = 24.0
"""A word has ended where the level stays this far below its loud part: what follows is breath and room."""
LONGEST_DECAY_S = 0.15
LOUD_PART = 0.9


class Loudness:
    """The level of a chunk, in frames of 10 ms."""

    def __init__(self, pcm: Pcm) -> None:
        whole = pcm[: len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES]
        frames = whole.astype(np.float32).reshape(-1, FRAME_SAMPLES)
        # Without the mean of each frame: a constant offset is no sound.
        power = frames.var(axis=1) / 32768.0**2
        levels = 10 * np.log10(np.maximum(power, 1e-10))
        floor, loud = np.quantile(levels, [FLOOR_QUANTILE, LOUD_QUANTILE]) if len(levels) else (0.0, 0.0)
        rise = LEAST_RISE_DB if loud - floor >= LEAST_RISE_DB else 0.0
        threshold = max(floor + rise, LOWEST_DB)
        self._levels = levels
        self._counts = np.concatenate([[0], np.cumsum(levels >= threshold)])

    def sounds(self, stretch: Interval) -> bool:
        """Whether anything sounds in a stretch, in seconds from the start of the chunk."""
        frames = SAMPLE_RATE_HZ / FRAME_SAMPLES
        last = len(self._counts) - 1
        first = min(max(int((stretch.start - REACH_S) * frames), 0), last)
        end = min(max(int((stretch.end + REACH_S) * frames), 0), last)
        return bool(self._counts[end] - self._counts[first] >= LEAST_FRAMES)

    def end_of_sound(self, word: Interval) -> float:
        """When a word that a pause follows ends, in seconds: before its end dies away."""
        frames = SAMPLE_RATE_HZ / FRAME_SAMPLES
        first, end = round(word.start * frames), min(round(word.end * frames), len(self._levels))
        if end - first < LEAST_FRAMES:
            return word.end
        threshold = np.quantile(self._levels[first:end], LOUD_PART) - DECAY_DB
        earliest = max(end - round(LONGEST_DECAY_S * frames), first + LEAST_FRAMES)
        while end > earliest and self._levels[end - 1] < threshold:
            end -= 1
        return min(word.end, end / frames)
