"""
Detects sound that the mean of two channels cancels although louder sound is alike in both.

A voice that one channel holds inverted below music that both hold alike: the channels as a whole agree, so
their polarity tells nothing. But where the music has a gap in time and frequency, the difference of the
channels is far stronger than their sum. Sources that are only panned, reverberation and two microphones in
one room never do that for long: their difference is at most about as strong as their sum.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audio_tools.audio.pcm import SAMPLE_RATE_HZ

Float = NDArray[np.float32]

FRAME_SAMPLES = SAMPLE_RATE_HZ // 20
"""50 ms, a bin each 20 Hz."""
EVERY = 2
"""One frame in this many is examined: all of them would cost a tenth of the whole pass."""
AVERAGED = 5
"""Frames: half a second."""
BAND_BINS = 10
FIRST_BIN, END_BIN = 10, 200
"""Voices: 200 to 4000 Hz, in bands of 200 Hz."""
DOMINANT = 6.0
"""
Difference over sum, as energies of a band: 1 for two voices hard left and right, and 0.5 to 2 for
reverberation and ambience, averaged as here.
"""
SHARE = 0.003
"""Such bands hold at least this share of the energy; a voice 12 dB below dense music reaches it at times."""
HOLD_S = 10.0
"""How long the result stays true after such a band, so that no beginning of a word is lost."""


class HiddenSide:
    """Whether a stereo stream holds such sound; one instance for each stream."""

    def __init__(self) -> None:
        self._window = np.hanning(FRAME_SAMPLES).astype(np.float32)
        self._held_samples = 0

    def is_present_in(self, samples: Float) -> bool:
        """Whether it is in the next samples, shape (n, 2), or was a short time ago."""
        self._held_samples = max(self._held_samples - len(samples), 0)
        if self._stands_out(samples):
            self._held_samples = round(HOLD_S * SAMPLE_RATE_HZ)
        return self._held_samples > 0

    @property
    def is_near(self) -> bool:
        """Whether such sound was found a short time ago."""
        return self._held_samples > 0

    def _stands_out(self, samples: Float) -> bool:
        count = len(samples) // FRAME_SAMPLES
        frames = samples[: count * FRAME_SAMPLES].reshape(count, FRAME_SAMPLES, 2)[::EVERY]
        if np.square(frames[..., 0] - frames[..., 1]).sum() <= SHARE * np.square(frames).sum():
            return False
        averages = max(len(frames) // AVERAGED, 1)
        powers = _band_powers(frames, self._window)[: averages * AVERAGED]
        powers = powers.reshape(averages, -1, *powers.shape[1:]).mean(axis=1)
        total, difference = powers[:, 0], powers[:, 1]
        hidden = np.where(difference > DOMINANT * total, difference, 0).sum(axis=1)
        return bool((hidden > SHARE * powers.sum(axis=(1, 2))).any())


def _band_powers(frames: Float, window: Float) -> Float:
    """Energy of the sum and of the difference of the channels, in each band: shape (frames, 2, bands)."""
    left, right = frames[..., 0], frames[..., 1]
    spectra = np.fft.rfft(np.stack([left + right, left - right], axis=1) * window)[..., FIRST_BIN:END_BIN]
    energies = np.square(np.abs(spectra)).astype(np.float32)
    powers: Float = energies.reshape(*energies.shape[:2], -1, BAND_BINS).sum(axis=-1)
    return powers
