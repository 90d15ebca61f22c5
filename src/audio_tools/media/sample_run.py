"""Resample decoded frames to one rate, in the decoding child processes."""

from __future__ import annotations

from collections.abc import Callable

from av.audio.fifo import AudioFifo
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler

SAMPLE_RATE_HZ = 16_000
"""As in `audio.pcm`, which would import numpy."""

MOST_CHANNELS = 64
"""As many as libswresample takes."""

Put = Callable[[int, int, memoryview], None]
"""Takes channels, the number of the first sample, and interleaved 16-bit samples."""


class TooManyChannels(ValueError):
    """A frame has too many channels to resample."""


class SampleRun:
    """
    Samples without a gap, from frames of one format, resampled by the second.

    Args:
        start_s: when the first of them is heard.
        frame: the first frame, whose format holds for all.
        put: takes the resampled samples.
        rate_hz: their rate.
    """

    def __init__(self, start_s: float, frame: AudioFrame, put: Put, rate_hz: int = SAMPLE_RATE_HZ) -> None:
        self.channels = frame.layout.nb_channels
        if self.channels > MOST_CHANNELS:
            raise TooManyChannels
        self._format, self._rate = frame.format.name, frame.sample_rate
        self._fifo, self._put = AudioFifo(), put
        self._resampler = AudioResampler("s16", frame.layout, rate_hz)
        self._at = round(start_s * rate_hz)

    def fits(self, frame: AudioFrame) -> bool:
        """Whether a frame has the format of this run; AudioFifo checks no layout."""
        return (
            frame.layout.nb_channels == self.channels
            and frame.sample_rate == self._rate
            and frame.format.name == self._format
        )

    def add(self, frame: AudioFrame) -> None:
        frame.pts = None
        self._fifo.write(frame)
        if self._fifo.samples >= self._rate:
            self._emit(self._fifo.read())

    def close(self) -> None:
        """Hand on what is left."""
        self._emit(self._fifo.read())
        self._emit(None)

    def _emit(self, frame: AudioFrame | None) -> None:
        for resampled in self._resampler.resample(frame):
            if resampled is not None:
                size = 2 * self.channels * resampled.samples
                self._put(self.channels, self._at, memoryview(resampled.planes[0])[:size])
                self._at += resampled.samples
