"""The format of samples: mono int16 at 16 kHz, counted from the media's time 0."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE_HZ = 16_000
"""The sample rate of every speech model; a higher one adds bytes without information."""

FRAME_SAMPLES = 160
FRAME_S = FRAME_SAMPLES / SAMPLE_RATE_HZ
"""10 ms: the step of the detector, and so the grid on which silences and cuts lie."""

Pcm = NDArray[np.int16]
"""Mono samples, shape (n_samples,), 16 kHz."""

Channels = NDArray[np.int16]
"""Samples of several channels, shape (n_samples, n_channels), 16 kHz."""


def frames_in(seconds: float) -> int:
    """The whole number of 10 ms frames nearest to `seconds`."""
    return round(seconds / FRAME_S)


def frame_start(frame: int) -> float:
    """When a frame starts, in seconds; equal to the time of its first sample to the last bit."""
    return frame * FRAME_SAMPLES / SAMPLE_RATE_HZ
