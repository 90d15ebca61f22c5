"""Voiced frames: level, voicing, pitch and spectral change of a piece of sound, every 10 ms."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from audio_tools.audio.matrix_products import ignore_false_alarms
from audio_tools.audio.pcm import FRAME_S, FRAME_SAMPLES, SAMPLE_RATE_HZ, Pcm
from audio_tools.transcript import Interval

CHANGE_FRAMES = 2
LEAST_VOICING = 0.6
"""Minimum correlation of a voiced frame with itself one period later."""
CONTEXT_S = 0.05
"""Samples beside a stretch that are analysed with it."""
LOWEST_PITCH_HZ, HIGHEST_PITCH_HZ = 70.0, 400.0
LONG_LAG_PRICE = 0.15
"""How much the longest lag counts less than the shortest, as a share."""
WINDOW_SAMPLES = 640
SPECTRUM_SAMPLES = 512
BANDS, LOWEST_BAND_HZ, HIGHEST_BAND_HZ = 20, 80.0, 5000.0
PREEMPHASIS = 0.95

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class VoiceFrames:
    """
    Frames of 10 ms: level in dB, voicing in 0..1, pitch in Hz, change of the spectrum.

    `start`: where the first one begins, in seconds.
    """

    start: float

    level: Floats
    voicing: Floats
    pitch: Floats
    change: Floats

    @property
    def middles(self) -> Floats:
        """The middle of each frame, in seconds."""
        return np.asarray(self.start + (np.arange(len(self.level)) + 0.5) * FRAME_S, np.float64)

    def interval(self, begin: int, behind: int) -> Interval:
        """The frames from `begin` to the one before `behind`."""
        return Interval(self.start + begin * FRAME_S, self.start + behind * FRAME_S)

    def is_voice(self, least_level: float, within: Interval) -> Flags:
        """Whether each frame within a stretch is voiced and as loud as this, in dB."""
        loud = (self.voicing > LEAST_VOICING) & (self.level > least_level)
        return loud & self.within(within)

    def within(self, stretch: Interval) -> Flags:
        """Whether the middle of each frame lies within a stretch."""
        return (self.middles >= stretch.start) & (self.middles <= stretch.end)

    def pitch_spread(self, begin: int, behind: int) -> float:
        """The median distance from the median pitch, in semitones."""
        pitch = self.pitch[begin:behind]
        return float(12 * np.median(np.abs(np.log2(pitch / np.median(pitch)))))


def analyse(pcm: Pcm, stretch: Interval) -> VoiceFrames:
    """The frames of a stretch of the samples, and some on either side."""
    first = max(sample_at(stretch.start - CONTEXT_S), 0)
    part = pcm[first : sample_at(stretch.end + CONTEXT_S)]
    count = len(part) // FRAME_SAMPLES
    half = (WINDOW_SAMPLES - FRAME_SAMPLES) // 2
    padded = np.pad(part.astype(np.float64) / 32768, (half, WINDOW_SAMPLES))
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW_SAMPLES)[::FRAME_SAMPLES][:count]
    centre = windows[:, half : half + FRAME_SAMPLES]
    level = 10 * np.log10(np.mean(centre**2, axis=1) + 1e-10)
    level_free = windows - windows.mean(axis=1, keepdims=True)
    return VoiceFrames(first / SAMPLE_RATE_HZ, level, *_voicing(level_free), _change(level_free))


def runs_of(flags: Flags) -> list[tuple[int, int]]:
    """Where flags are set in a row: the first one and the one behind the last."""
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    return list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))


def closed(flags: Flags, most: int) -> Flags:
    """Return the flags without the breaks of up to `most` between two runs."""
    whole = flags.copy()
    for begin, behind in runs_of(~flags):
        if begin > 0 and behind < len(flags) and behind - begin <= most:
            whole[begin:behind] = True
    return whole


def _voicing(windows: Floats) -> tuple[Floats, Floats]:
    """The normalized autocorrelation at the best lag of a voice, and the pitch that the lag means."""
    size = WINDOW_SAMPLES
    lags = np.arange(round(SAMPLE_RATE_HZ / HIGHEST_PITCH_HZ), round(SAMPLE_RATE_HZ / LOWEST_PITCH_HZ) + 1)
    spectrum = np.fft.rfft(windows, 1024, axis=1)
    correlation = np.fft.irfft(np.abs(spectrum) ** 2, axis=1)[:, lags]
    energy = np.pad(np.cumsum(windows**2, axis=1), ((0, 0), (1, 0)))
    scale = np.sqrt(energy[:, size - lags] * (energy[:, -1:] - energy[:, lags]))
    ratio = correlation / (scale + 1e-7)
    # Two periods correlate as well as one: of equal lags the shortest is the pitch.
    best = (ratio * (1.0 - LONG_LAG_PRICE * lags / lags[-1])).argmax(axis=1)
    voicing = ratio[np.arange(len(windows)), best]
    # At the edge of the range it is not a peak: the hum or hiss has a period beyond it.
    voicing[(best == 0) | (best == len(lags) - 1)] = 0.0
    return voicing, SAMPLE_RATE_HZ / lags[best]


@ignore_false_alarms()
def _change(windows: Floats) -> Floats:
    """How far the shape of the spectrum is, in each frame, from 20 ms earlier to 20 ms later."""
    skipped = (WINDOW_SAMPLES - SPECTRUM_SAMPLES) // 2
    shaped = windows[:, skipped : skipped + SPECTRUM_SAMPLES] * np.hanning(SPECTRUM_SAMPLES)
    power = np.abs(np.fft.rfft(shaped, axis=1)) ** 2
    bands = np.log(power @ _bands().T + 1e-8)
    shape = bands - bands.mean(axis=1, keepdims=True)
    change = np.full(len(windows), np.inf)
    apart = 2 * CHANGE_FRAMES
    if len(windows) > apart:
        distance = np.sqrt(np.mean((shape[apart:] - shape[:-apart]) ** 2, axis=1))
        change[CHANGE_FRAMES:-CHANGE_FRAMES] = distance
    return change


@ignore_false_alarms()
def band_energies(pcm: Pcm) -> Floats:
    """The log energy in bands of equal width on the mel scale, every 10 ms, with the treble raised."""
    samples = pcm.astype(np.float64) / 32768
    samples[1:] -= PREEMPHASIS * samples[:-1]
    side = (SPECTRUM_SAMPLES - FRAME_SAMPLES) // 2
    padded = np.pad(samples, (side, SPECTRUM_SAMPLES))
    windows = np.lib.stride_tricks.sliding_window_view(padded, SPECTRUM_SAMPLES)[::FRAME_SAMPLES]
    shaped = windows[: len(pcm) // FRAME_SAMPLES] * np.hanning(SPECTRUM_SAMPLES)
    power = np.abs(np.fft.rfft(shaped, axis=1)) ** 2
    return np.asarray(np.log(power @ _bands().T + 1e-6), np.float64)


@lru_cache(maxsize=1)
def _bands() -> Floats:
    """Triangular bands of equal width on the mel scale, shape (bands, bins)."""
    lowest, highest = (2595 * np.log10(1 + hertz / 700) for hertz in (LOWEST_BAND_HZ, HIGHEST_BAND_HZ))
    edges = 700 * (10 ** (np.linspace(lowest, highest, BANDS + 2) / 2595) - 1)
    bins = np.fft.rfftfreq(SPECTRUM_SAMPLES, 1 / SAMPLE_RATE_HZ)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return np.asarray(np.clip(np.minimum(rising, falling), 0, None), np.float64)


def sample_at(seconds: float) -> int:
    """The number of the sample at a time."""
    return round(seconds * SAMPLE_RATE_HZ)
