"""The waveform for display: the lowest and highest sample of each stretch, in audiowaveform's format."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Channels, Pcm

SAMPLES_PER_PIXEL = 256
LEVELS = (256, 1024, 4096)
"""Samples per pixel that can be had; coarser ones are made from the finest."""
_HEADER = struct.Struct("<iIiiIi")
_VERSION, _EIGHT_BITS = 2, 1

Pairs = NDArray[np.int8]
"""Lowest and highest sample, 8 bits each, shape (n_pixels, n_channels, 2)."""


class PeakSink(Protocol):
    """Takes the pairs of a waveform while they are measured."""

    def begin(self, n_channels: int) -> None:
        """Start a waveform, in place of an earlier one."""
        ...

    def write(self, pairs: bytes) -> None:
        """Take the next pairs."""
        ...

    def flush(self) -> None:
        """Publish what has been taken; blocks briefly, and never raises."""
        ...


class PeakMeter:
    """Measures the pairs of a stream of samples: 450 KB for an hour of a channel, whatever the blocks."""

    def __init__(self, write: Callable[[bytes], object]) -> None:
        self._write = write
        self._rest: Pcm | Channels | None = None

    def push(self, pcm: Pcm | Channels) -> None:
        """Take the next samples."""
        samples = pcm if self._rest is None else np.concatenate([self._rest, pcm])
        whole = len(samples) // SAMPLES_PER_PIXEL * SAMPLES_PER_PIXEL
        if whole:
            self._write(_pairs(samples[:whole], SAMPLES_PER_PIXEL))
        self._rest = samples[whole:].copy()

    def finish(self) -> None:
        """Write the last pair, of a shorter stretch."""
        rest = self._rest
        if rest is not None and len(rest):
            self._write(_pairs(rest, len(rest)))


def _pairs(samples: Pcm | Channels, per_pixel: int) -> bytes:
    rows = samples.reshape(len(samples) // per_pixel, per_pixel, -1)
    return (np.stack([rows.min(axis=1), rows.max(axis=1)], axis=2) >> 8).astype(np.int8).tobytes()


@dataclass(frozen=True, slots=True)
class Peaks:
    """Pairs at a number of samples (at 16 kHz) per pixel."""

    pairs: Pairs
    samples_per_pixel: int = SAMPLES_PER_PIXEL

    @classmethod
    def of(cls, pairs: bytes, n_channels: int = 1) -> Peaks:
        """What a `PeakMeter` wrote; the part of a pixel at the end is left out."""
        whole = len(pairs) // (2 * n_channels) * 2 * n_channels
        return cls(np.frombuffer(pairs[:whole], np.int8).reshape(-1, n_channels, 2))

    @classmethod
    def from_dat(cls, data: bytes) -> Peaks:
        """
        Read what `to_dat` wrote.

        Raises:
            ValueError: `data` is not in the format that `to_dat` writes.
        """
        if len(data) < _HEADER.size:
            raise ValueError("the data is shorter than its header")
        version, flags, _, samples_per_pixel, length, channels = _HEADER.unpack_from(data)
        body = data[_HEADER.size :]
        if (version, flags) != (_VERSION, _EIGHT_BITS) or len(body) != 2 * length * channels or channels < 1:
            raise ValueError("the data is not audiowaveform data of 8 bits")
        return cls(np.frombuffer(body, np.int8).reshape(-1, channels, 2), samples_per_pixel)

    @property
    def n_channels(self) -> int:
        """How many channels there are."""
        return int(self.pairs.shape[1])

    def coarser(self, samples_per_pixel: int) -> Peaks:
        """The same at a multiple of the samples per pixel."""
        factor = samples_per_pixel // self.samples_per_pixel
        if factor == 1 or not len(self.pairs):
            return Peaks(self.pairs, samples_per_pixel)
        starts = np.arange(0, len(self.pairs), factor)
        lowest = np.minimum.reduceat(self.pairs[:, :, 0], starts)
        highest = np.maximum.reduceat(self.pairs[:, :, 1], starts)
        return Peaks(np.stack([lowest, highest], axis=2), samples_per_pixel)

    def between(self, start: float | None, end: float | None) -> Peaks:
        """The pixels that touch `start` to `end`, in seconds."""
        per_second = SAMPLE_RATE_HZ / self.samples_per_pixel
        first = 0 if start is None else int(start * per_second)
        behind = len(self.pairs) if end is None else -int(-end * per_second // 1)
        return Peaks(self.pairs[first:behind], self.samples_per_pixel)

    def to_dat(self) -> bytes:
        """Binary waveform data, version 2."""
        head = _HEADER.pack(
            _VERSION, _EIGHT_BITS, SAMPLE_RATE_HZ, self.samples_per_pixel, len(self.pairs), self.n_channels
        )
        return head + np.ascontiguousarray(self.pairs).tobytes()

    def to_json(self) -> dict[str, object]:
        """JSON waveform data, version 2."""
        return {
            "version": _VERSION,
            "channels": self.n_channels,
            "sample_rate": SAMPLE_RATE_HZ,
            "samples_per_pixel": self.samples_per_pixel,
            "bits": 8,
            "length": len(self.pairs),
            "data": self.pairs.ravel().tolist(),
        }
