"""What lies under the words: nothing, noise, hum or something like music."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tests.simulator.tones import SAMPLE_RATE_HZ, Samples

_LOOP_SECONDS = 64
_LOOP_SAMPLES = _LOOP_SECONDS * SAMPLE_RATE_HZ
_MAINS_HZ = 50
_CHORD_SECONDS = 2
_SEED = 20


@dataclass(frozen=True, slots=True)
class Bed:
    """
    A bed and its RMS level.

    A bed is a loop of 64 s without a seam, so that hours of it cost nothing; words lie elsewhere in every
    round, so no stretch of a recording with words is like another.
    """

    kind: Literal["clean", "white", "pink", "hum", "music"]
    level_dbfs: float = -50.0

    def at(self, level_dbfs: float) -> Bed:
        """The same bed at another level."""
        return replace(self, level_dbfs=level_dbfs)

    def samples(self, first: int, count: int) -> Samples:
        """`count` samples from sample number `first` of the recording on; the caller may write to them."""
        if self.kind == "clean":
            return np.zeros(count, np.float32)
        loop = _loop(self.kind) * np.float32(10 ** (self.level_dbfs / 20))
        return np.take(loop, np.arange(first, first + count), mode="wrap")


CLEAN = Bed("clean")
WHITE = Bed("white", -50.0)
PINK = Bed("pink", -40.0)
HUM = Bed("hum", -35.0)
MUSIC = Bed("music", -32.0)
BEDS: dict[str, Bed] = {bed.kind: bed for bed in (CLEAN, WHITE, PINK, HUM, MUSIC)}


@cache
def _loop(kind: str) -> Samples:
    """One round of a bed at an RMS of 1."""
    wave = {"white": _white, "pink": _pink, "hum": _hum, "music": _music}[kind]()
    return np.asarray(wave / np.sqrt(np.mean(np.square(wave))), dtype=np.float32)


def _white() -> NDArray[np.float64]:
    return np.random.default_rng(_SEED).standard_normal(_LOOP_SAMPLES)


def _pink() -> NDArray[np.float64]:
    # Shaped in the frequency domain, noise is periodic: the loop has no seam.
    spectrum = np.fft.rfft(_white())
    frequencies = np.arange(spectrum.size) / _LOOP_SECONDS
    return np.fft.irfft(spectrum / np.sqrt(np.maximum(frequencies, 20.0)), _LOOP_SAMPLES)


def _hum() -> NDArray[np.float64]:
    time = np.arange(_LOOP_SAMPLES) / SAMPLE_RATE_HZ
    wave = np.zeros(_LOOP_SAMPLES)
    for harmonic in range(1, 11):
        wave += np.sin(2 * np.pi * _MAINS_HZ * harmonic * time + harmonic) / harmonic
    return wave


def _music() -> NDArray[np.float64]:
    """Chords of four tempered notes with overtones, struck every two seconds and fading."""
    rng = np.random.default_rng(_SEED)
    time = np.arange(_CHORD_SECONDS * SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    strike = np.minimum(time / 0.02, 1) * np.minimum((_CHORD_SECONDS - time) / 0.02, 1) * np.exp(-time / 1.5)
    return np.concatenate([_chord(rng, time) * strike for _ in range(_LOOP_SECONDS // _CHORD_SECONDS)])


def _chord(rng: np.random.Generator, time: NDArray[np.float64]) -> NDArray[np.float64]:
    wave = np.zeros_like(time)
    for note in rng.choice(36, 4, replace=False):
        pitch_hz = 110 * 2 ** (note / 12)
        for overtone in range(1, 7):
            wave += np.sin(2 * np.pi * pitch_hz * overtone * time + rng.uniform(0, 6)) / overtone
    return wave
