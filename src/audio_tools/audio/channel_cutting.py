"""Cut each channel of a stream separately, without sound that only repeats a louder channel."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from audio_tools.audio.chunking import Chunk, Cutter
from audio_tools.audio.crosstalk import ChannelBlock, CrosstalkFinder
from audio_tools.audio.level_vad import Frames, joined
from audio_tools.audio.pauses import intersect
from audio_tools.audio.pcm import FRAME_S, FRAME_SAMPLES, Channels, Pcm
from audio_tools.audio.vad import SpeechDetector
from audio_tools.transcript import Interval

OWN_RISE_DB = 6.0
"""A channel's own sound beside a copy rises at least this far above the noise floor."""
OWN_FRAMES = 6
"""Own sound shorter than 60 ms beside a copy is the remainder of the copy."""
REACH_FRAMES = 15
"""The detector may start and end speech this far (150 ms) outside its sound."""
NEAR_FRAMES = 30
"""This close to a copy (300 ms) only own sound is speech."""
CONTEXT_FRAMES = OWN_FRAMES + REACH_FRAMES + NEAR_FRAMES
FADE_SAMPLES = FRAME_SAMPLES // 2

Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class ChannelSound:
    """
    What a channel holds: its pauses in order, and seconds of speech of its own.

    `copied_s`: seconds of sound that it only repeats, by the channel that it repeats.
    """

    pauses: tuple[Interval, ...]
    own_s: float
    copied_s: dict[int, float]


class ChannelCutter:
    """
    Cuts all channels of a stream, each by its own pauses, with the interface of `Cutter`.

    Chunks are numbered in the order in which they are complete. Copies are hidden from the detector and the
    engine: they are not speech, and chunks have soft noise instead.

    Args:
        n_channels: how many there are.
        new_cutter: makes the cutter of a channel.
        new_detector: makes its detector.
    """

    def __init__(
        self, n_channels: int, new_cutter: Callable[[], Cutter], new_detector: Callable[[], SpeechDetector]
    ) -> None:
        self._finder = CrosstalkFinder(n_channels)
        self._channels = [_Channel(n, new_cutter(), new_detector()) for n in range(n_channels)]
        self._n_chunks = 0

    @property
    def seconds(self) -> float:
        """Seconds of audio received."""
        return self._channels[0].cutter.seconds

    def pauses(self) -> list[Interval]:
        """The pauses of all channels together, in which none speaks."""
        pauses = self._channels[0].cutter.pauses()
        for channel in self._channels[1:]:
            pauses = intersect(pauses, channel.cutter.pauses())
        return pauses

    def channels(self) -> list[ChannelSound]:
        """The content of each channel, as far as it is decided."""
        return [channel.sound() for channel in self._channels]

    def push(self, pcm: Channels) -> list[Chunk]:
        """Take the next samples of all channels; return the chunks that they complete."""
        return self._numbered(
            chunk
            for block in self._finder.push(pcm)
            for channel in self._channels
            for chunk in channel.push(block)
        )

    def finish(self) -> list[Chunk]:
        """End the stream: return the remaining chunks."""
        last = self._finder.finish()
        return self._numbered(
            chunk
            for channel in self._channels
            for chunk in [*(chunk for block in last for chunk in channel.push(block)), *channel.finish()]
        )

    def _numbered(self, chunks: Iterable[Chunk]) -> list[Chunk]:
        numbered = [replace(chunk, index=self._n_chunks + n) for n, chunk in enumerate(chunks)]
        self._n_chunks += len(numbered)
        return numbered


class _Channel:
    """One channel: its cutter, its detector, and the copies in what the detector has not decided yet."""

    def __init__(self, number: int, cutter: Cutter, detector: SpeechDetector) -> None:
        self.cutter = cutter
        self._number = number
        self._detector = detector
        self._copied = np.zeros(0, np.int8)  # of the frames that are not decided yet
        self._own = _OwnSpeech()
        self._blocks = 0
        self._copied_frames: dict[int, int] = {}

    def push(self, block: ChannelBlock) -> list[Chunk]:
        pcm = np.ascontiguousarray(block.pcm[:, self._number])
        copied = block.copied[:, self._number]
        self._copied = np.concatenate([self._copied, copied])
        frames = self._decided(self._detector.push(pcm))
        return self._tagged(self.cutter.add(self._without(pcm, copied >= 0), self._own.push(*frames)))

    def finish(self) -> list[Chunk]:
        frames = self._decided(self._detector.finish())
        return self._tagged(self.cutter.end(joined(self._own.push(*frames), self._own.finish())))

    def sound(self) -> ChannelSound:
        copied_s = {other: count * FRAME_S for other, count in sorted(self._copied_frames.items())}
        return ChannelSound(tuple(self.cutter.pauses()), self._own.speech_frames * FRAME_S, copied_s)

    def _decided(self, frames: Frames) -> tuple[Frames, Flags]:
        copied, self._copied = self._copied[: len(frames)], self._copied[len(frames) :]
        others, counts = np.unique(copied[frames.speech & (copied >= 0)], return_counts=True)
        for other, count in zip(others.tolist(), counts.tolist(), strict=True):
            self._copied_frames[other] = self._copied_frames.get(other, 0) + count
        return frames, copied >= 0

    def _without(self, pcm: Pcm, copied: Flags) -> Pcm:
        """The samples with soft noise in place of what is copied."""
        self._blocks += 1
        if not copied.any():
            return pcm
        gain = np.repeat(np.where(copied, 0.0, 1.0), FRAME_SAMPLES)
        gain = np.concatenate([gain, np.repeat(gain[-1:], len(pcm) - len(gain))])
        fade = np.ones(FADE_SAMPLES) / FADE_SAMPLES
        gain = np.minimum(
            gain,
            np.convolve(np.pad(gain, FADE_SAMPLES, mode="edge"), fade, "same")[FADE_SAMPLES:-FADE_SAMPLES],
        )
        # The same noise for the same samples: a chunk must have the same digest each time.
        noise = np.random.default_rng(self._blocks).standard_normal(len(pcm)) * _softest(pcm)
        replaced: Pcm = np.rint(pcm * gain + noise * (1 - gain)).astype(np.int16)
        return replaced

    def _tagged(self, chunks: Sequence[Chunk]) -> list[Chunk]:
        return [replace(chunk, channel=self._number) for chunk in chunks]


class _OwnSpeech:
    """Takes copies, and the little that is left around them, out of the decisions of a detector."""

    def __init__(self) -> None:
        self.speech_frames = 0
        self._frames: Frames | None = None  # with what was given already as context
        self._copied = np.zeros(0, np.bool_)
        self._given = 0

    def push(self, frames: Frames, copied: Flags) -> Frames:
        """Take decisions, and which of them are copies; return those that are certain."""
        self._frames = frames if self._frames is None else joined(self._frames, frames)
        self._copied = np.concatenate([self._copied, copied])
        return self._give(max(len(self._frames) - CONTEXT_FRAMES, self._given))

    def finish(self) -> Frames:
        """Return the remaining decisions."""
        assert self._frames is not None
        return self._give(len(self._frames))

    def _give(self, end: int) -> Frames:
        assert self._frames is not None
        left = _left_over(self._frames, self._copied)
        quiet = np.minimum(self._frames.level_db, self._frames.floor_db)
        level = np.where(left, quiet, self._frames.level_db)
        decided = Frames(self._frames.speech & ~left, level, self._frames.floor_db, self._frames.loud_db)
        part = decided[self._given : end]
        forget = max(end - CONTEXT_FRAMES, 0)
        self._frames, self._copied = self._frames[forget:], self._copied[forget:]
        self._given = end - forget
        self.speech_frames += int(np.count_nonzero(part.speech))
        return part


def _left_over(frames: Frames, copied: Flags) -> Flags:
    """Frames that are copies, or lie near one and away from own sound."""
    if not copied.any():
        return copied
    near = _widened(copied, NEAR_FRAMES)
    sound = frames.speech & ~copied & (frames.level_db - frames.floor_db >= OWN_RISE_DB)
    own = _widened(~_widened(~sound, OWN_FRAMES // 2), OWN_FRAMES // 2)  # without short runs
    return np.asarray(copied | (near & ~_widened(own, REACH_FRAMES)), np.bool_)


def _widened(flags: Flags, frames: int) -> Flags:
    """Return the flags, extended by a number of frames before and after each that is set."""
    counts = np.concatenate([[0], np.cumsum(flags)])
    places = np.arange(len(flags))
    first = np.maximum(places - frames, 0)
    behind = np.minimum(places + frames + 1, len(flags))
    return np.asarray(counts[behind] > counts[first], np.bool_)


def _softest(pcm: Pcm) -> float:
    """The RMS of the softest 20 ms."""
    width = 2 * FRAME_SAMPLES
    whole = pcm[: len(pcm) // width * width].astype(np.float32).reshape(-1, width)
    return float(np.sqrt(np.square(whole).mean(axis=1).min(initial=np.inf))) if len(whole) else 0.0
