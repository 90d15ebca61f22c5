"""Whether there is sound at a given time of a chunk: evidence that a word was said there."""

from __future__ import annotations

import numpy as np

from audio_tools.audio.pcm import FRAME_SAMPLES, SAMPLE_RATE_HZ, Pcm
from audio_tools.transcript import Interval

FLOOR_QUANTILE = 0.05
LOUD_QUANTILE = 0.95
LEAST_RISE_DB = 6.0
"""A frame has sound if it is this far above the floor; in an equally loud chunk all frames have."""
LOWEST_DB = -72.0
"""Anything quieter is silence in every recording."""
LEAST_FRAMES = 5
REACH_S = 0.1
"""A word has sound if 50 ms of it, or of this margin around it, have sound."""
DECAY_DB = 24.0
"""A word ends where the level stays this far below its loud part; the rest is breath and reverberation."""
LONGEST_DECAY_S = 0.15
LOUD_PART = 0.9
LONGEST_CLOSURE_FRAMES = 6
"""Stops close for so long within the end of a word: the `t` of `scratch`."""
PAUSE_QUANTILE = 0.1
"""The level of a pause that has the end of a word in it."""


class Loudness:
    """The level of a chunk, in frames of 10 ms."""

    def __init__(self, pcm: Pcm) -> None:
        whole = pcm[: len(pcm) // FRAME_SAMPLES * FRAME_SAMPLES]
        frames = whole.astype(np.float32).reshape(-1, FRAME_SAMPLES)
        # Without the mean of each frame: a constant offset is not sound.
        power = frames.var(axis=1) / 32768.0**2
        levels = 10 * np.log10(np.maximum(power, 1e-10))
        floor, loud = np.quantile(levels, [FLOOR_QUANTILE, LOUD_QUANTILE]) if len(levels) else (0.0, 0.0)
        rise = LEAST_RISE_DB if loud - floor >= LEAST_RISE_DB else 0.0
        threshold = max(floor + rise, LOWEST_DB)
        self._levels = levels
        self._counts = np.concatenate([[0], np.cumsum(levels >= threshold)])

    def sounds(self, stretch: Interval) -> bool:
        """Whether a stretch contains sound, in seconds from the start of the chunk."""
        frames = SAMPLE_RATE_HZ / FRAME_SAMPLES
        last = len(self._counts) - 1
        first = min(max(int((stretch.start - REACH_S) * frames), 0), last)
        end = min(max(int((stretch.end + REACH_S) * frames), 0), last)
        return bool(self._counts[end] - self._counts[first] >= LEAST_FRAMES)

    def end_of_sound(self, word: Interval) -> float:
        """Return when a word before a pause ends, in seconds: where its sound dies away."""
        frames = SAMPLE_RATE_HZ / FRAME_SAMPLES
        first, end = round(word.start * frames), min(round(word.end * frames), len(self._levels))
        if end - first < LEAST_FRAMES:
            return word.end
        threshold = np.quantile(self._levels[first:end], LOUD_PART) - DECAY_DB
        earliest = max(end - round(LONGEST_DECAY_S * frames), first + LEAST_FRAMES)
        while end > earliest and self._levels[end - 1] < threshold:
            end -= 1
        return min(word.end, end / frames)

    def end_of_sound_behind(self, word: Interval, until: float, most_below_db: float) -> float:
        """
        Return when the sound in which a word ends has died away, in seconds; its end if it ends in none.

        Args:
            word: it ends too early if there is sound directly behind it.
            until: the next sound begins; what comes later does not count.
            most_below_db: how far below the loud part of the word the sound behind it is at most.
        """
        frames = SAMPLE_RATE_HZ / FRAME_SAMPLES
        first, end = round(word.start * frames), round(word.end * frames)
        own, behind = self._levels[first:end], self._levels[end : int(until * frames)]
        if len(own) < LEAST_FRAMES or not len(behind):
            return word.end
        loud = np.quantile(own, LOUD_PART)
        if behind[: LONGEST_CLOSURE_FRAMES + 1].max() < loud - most_below_db:
            return word.end
        threshold = max(loud - DECAY_DB, np.quantile(behind, PAUSE_QUANTILE) + LEAST_RISE_DB)
        sounding = np.concatenate([[-1], np.flatnonzero(behind >= threshold)])
        breaks = np.flatnonzero(np.diff(sounding) > LONGEST_CLOSURE_FRAMES + 1)
        last = sounding[breaks[0]] if len(breaks) else sounding[-1]
        return max(word.end, float(end + last + 1) / frames)
