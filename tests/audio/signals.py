"""Small signals for the tests of `audio/`: talk-like noise bursts, beds, and cutting into blocks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.media.decode import Decoder

Signal = NDArray[np.float64]


def read(path: Path) -> Pcm:
    """The first audio stream of a file."""
    with Decoder(path, 0) as decoder:
        return np.concatenate(list(decoder))


def samples(seconds: float) -> int:
    """How many samples last so many seconds."""
    return round(seconds * SAMPLE_RATE_HZ)


def bed(seconds: float, dbfs: float, seed: int = 0) -> Signal:
    """White noise of the given RMS level in dBFS."""
    noise = np.random.default_rng(seed).standard_normal(samples(seconds))
    return noise * float(10 ** (dbfs / 20))


def hum(seconds: float, dbfs: float) -> Signal:
    """Mains hum: 50 Hz and two of its harmonics."""
    t = np.arange(samples(seconds)) / SAMPLE_RATE_HZ
    tone = np.sin(2 * np.pi * 50 * t) + 0.5 * np.sin(2 * np.pi * 100 * t) + 0.3 * np.sin(2 * np.pi * 150 * t)
    return tone * float(10 ** (dbfs / 20))


def talk(seconds: float, pauses: Sequence[tuple[float, float]], dbfs: float = -20.0, seed: int = 1) -> Signal:
    """Bursts like syllables (0.2 s of band noise, 0.06 s apart), silent in the given pauses (seconds)."""
    rng = np.random.default_rng(seed)
    signal = np.zeros(samples(seconds))
    t = np.arange(samples(0.2)) / SAMPLE_RATE_HZ
    start = 0.0
    while start + 0.2 <= seconds:
        blocked = [end for first, end in pauses if first < start + 0.2 and start < end]
        if blocked:
            start = blocked[0]
            continue
        tone = np.sin(2 * np.pi * rng.uniform(400, 1500) * t) * np.hanning(len(t)) ** 0.25
        first = samples(start)
        signal[first : first + len(tone)] += tone * float(10 ** (dbfs / 20)) * 1.414
        start += 0.26
    return signal


def babble(syllables: Sequence[int], seconds: float = 0.2, breath: int = 0) -> Signal:
    """
    Syllables by number: noise with two resonances of their own, -20 dBFS each.

    `breath`: the seed of the noise; the same syllables with another one are another realisation of them.
    """
    noise = np.random.default_rng(breath)
    hertz = np.fft.rfftfreq(samples(seconds), 1 / SAMPLE_RATE_HZ)
    parts = []
    for syllable in syllables:
        own = np.random.default_rng(syllable)
        low, high = own.uniform(200, 1200), own.uniform(1400, 4500)
        shape = sum(np.exp(-(((hertz - peak) / 150) ** 2)) for peak in (low, high)) + 0.003
        sound = np.fft.irfft(np.fft.rfft(noise.standard_normal(samples(seconds))) * shape)
        parts.append(sound / np.sqrt(np.mean(sound**2)) / 10)
    return np.concatenate(parts)


def voice(seconds: float, pitch_hz: float = 110.0, dbfs: float = -20.0) -> Signal:
    """A vowel that is held: the pulses of a voice through the resonances of `uh`."""
    pulses = np.zeros(samples(seconds))
    pulses[:: round(SAMPLE_RATE_HZ / pitch_hz)] = 1.0
    t = np.arange(samples(0.03)) / SAMPLE_RATE_HZ
    resonances = [np.exp(-90 * t) * np.sin(2 * np.pi * f * t) / n for n, f in enumerate((620, 1200, 2500), 1)]
    sound = np.convolve(pulses, np.sum(resonances, axis=0))[: len(pulses)]
    return np.asarray(sound * 10 ** (dbfs / 20) / np.sqrt(np.mean(sound**2)), np.float64)


def to_pcm(signal: Signal) -> Pcm:
    """Float samples in [-1, 1] as int16."""
    return np.clip(signal * 32767, -32768, 32767).astype(np.int16)


def blocks(pcm: Pcm, sizes: Sequence[int]) -> Iterator[Pcm]:
    """The samples in blocks of the given sizes, over and over."""
    start, turn = 0, 0
    while start < len(pcm):
        size = max(sizes[turn % len(sizes)], 1)
        yield pcm[start : start + size]
        start += size
        turn += 1
