"""Detect voices with Silero's network: log-odds for each frame of 10 ms."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audio_tools.audio.level_vad import Frames, LevelDetector, joined
from audio_tools.audio.pcm import FRAME_SAMPLES, Pcm
from audio_tools.audio.silero_network import CONTEXT_SAMPLES, START, WINDOW_SAMPLES, Floats, SileroNetwork

LANE_WINDOWS = 60
LANE_FRAMES = LANE_WINDOWS * WINDOW_SAMPLES // FRAME_SAMPLES
"""1.92 s: what is computed or left out as a whole."""
SLAB_LANES = 4
SLAB_FRAMES = SLAB_LANES * LANE_FRAMES
"""Computed at once, counted from the first sample: always as many, for the last bit depends on it."""

DELAY_WINDOWS = 2
"""The network detects the start and the end of a voice up to this many windows late."""

SURE = 6.0
"""Log-odds are cut off here, at 400 to 1: the network is not certain of more."""

USUAL_DB = -26.0
"""Sound above the floor is amplified to this level, at which the network works best."""
MOST_GAIN_DB = 35.0
LOUDEST_FLOOR_DB = -45.0

Flags = NDArray[np.bool_]
Numbers = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Voices:
    """
    Frames of 10 ms, in order, and how certain a voice is in each; all arrays have shape (n_frames,).

    `log_odds`: from -6, certainly none, to 6; 0 where it was not computed. `computed`: where it was.
    """

    frames: Frames
    log_odds: Floats
    computed: Flags

    def __len__(self) -> int:
        return len(self.log_odds)

    def __getitem__(self, part: slice) -> Voices:
        return Voices(self.frames[part], self.log_odds[part], self.computed[part])

    def followed_by(self, other: Voices) -> Voices:
        """These frames, then the others."""
        return Voices(
            joined(self.frames, other.frames),
            np.concatenate([self.log_odds, other.log_odds]),
            np.concatenate([self.computed, other.computed]),
        )


class VoiceTrack:
    """
    Computes the level and the log-odds of a voice for a stream of samples, up to 18 seconds behind.

    The figures depend on the samples alone, never on how they were cut into blocks.

    Args:
        network: see `silero_network.shared_network`.
        wanted: for which of the given frames the network is needed. A lane without any is not computed: the
            network goes from the lane before it to the one behind it.
    """

    def __init__(self, network: SileroNetwork, wanted: Callable[[Frames], Flags]) -> None:
        self._network, self._wanted = network, wanted
        self._state = START
        self._level = LevelDetector()
        self._samples = np.zeros(CONTEXT_SAMPLES, np.int16)  # from so much before the next slab on
        self._frames = no_frames()  # not given yet
        self._judged = 0  # of these, how many lie before the next slab
        self._odds = np.zeros(0, np.float32)  # of all windows that these frames need; NaN: not computed
        self._first_window, self._given = 0, 0

    def push(self, pcm: Pcm) -> Voices:
        """Take the next samples; return the frames that are decided now, possibly none."""
        self._take(pcm, self._level.push(pcm))
        while len(self._frames) - self._judged >= SLAB_FRAMES:
            self._judge(SLAB_FRAMES)
        windows = self._first_window + len(self._odds) - DELAY_WINDOWS
        return self._give(max(windows, 0) * WINDOW_SAMPLES // FRAME_SAMPLES)

    def finish(self) -> Voices:
        """End the stream: return all remaining frames. An incomplete last frame is dropped."""
        self._take(np.zeros(0, np.int16), self._level.finish())
        while len(self._frames) > self._judged:
            self._judge(min(SLAB_FRAMES, len(self._frames) - self._judged))
        return self._give(self._given + len(self._frames))

    def _take(self, pcm: Pcm, frames: Frames) -> None:
        self._samples = np.concatenate([self._samples, pcm])
        self._frames = joined(self._frames, frames)

    def _judge(self, count: int) -> None:
        """Compute the next slab, or the `count` frames that are left of it at the end."""
        frames = self._frames[self._judged : self._judged + count]
        windows = -(-count * FRAME_SAMPLES // WINDOW_SAMPLES)
        wanted = np.zeros(SLAB_FRAMES, np.bool_)
        wanted[:count] = self._wanted(frames)
        lanes = wanted.reshape(SLAB_LANES, LANE_FRAMES).any(axis=1)
        numbers = np.flatnonzero(np.repeat(lanes, LANE_WINDOWS)[:windows])
        odds = np.full(windows, np.nan, np.float32)
        if len(numbers):
            features = self._network.features(self._windows(numbers, frames))
            odds[numbers], self._state = self._network.log_odds(features, self._state)
        self._odds = np.concatenate([self._odds, np.clip(odds, -SURE, SURE)])
        self._samples = self._samples[count * FRAME_SAMPLES :]
        self._judged += count

    def _windows(self, numbers: NDArray[np.intp], frames: Frames) -> Floats:
        """Return windows by their number in the slab, at the level that the network expects."""
        length = (int(numbers[-1]) + 1) * WINDOW_SAMPLES + CONTEXT_SAMPLES
        samples = self._samples[:length]
        samples = np.concatenate([samples, np.zeros(length - len(samples), np.int16)])
        width = CONTEXT_SAMPLES + WINDOW_SAMPLES
        windows = np.lib.stride_tricks.sliding_window_view(samples, width)[::WINDOW_SAMPLES][numbers]
        middles = np.minimum(
            (numbers * WINDOW_SAMPLES + WINDOW_SAMPLES // 2) // FRAME_SAMPLES, len(frames) - 1
        )
        gain = _gain_db(frames.loud_db[middles], frames.floor_db[middles])
        scale = (10 ** (gain / 20) / np.float32(32768)).astype(np.float32)
        scaled: Floats = windows * scale[:, None]
        return np.clip(scaled, -1, 1, out=scaled)

    def _give(self, end: int) -> Voices:
        """The frames that were not given yet, before frame `end`."""
        count = max(end - self._given, 0)
        middles = np.arange(self._given, self._given + count) * FRAME_SAMPLES + FRAME_SAMPLES // 2
        window = middles // WINDOW_SAMPLES - self._first_window
        # The mean output of the network for the window of a frame and the next two, if there are any.
        behind = np.concatenate([self._odds, np.full(DELAY_WINDOWS, np.nan, np.float32)])
        late = np.stack([behind[window + step] for step in range(DELAY_WINDOWS + 1)])
        computed = ~np.isnan(late[0])
        known = np.maximum(np.count_nonzero(~np.isnan(late), axis=0), 1)
        odds = np.where(computed, np.nansum(late, axis=0) / known, 0).astype(np.float32)
        frames, self._frames = self._frames[:count], self._frames[count:]
        self._judged -= count
        self._given += count
        stale = self._given * FRAME_SAMPLES // WINDOW_SAMPLES - self._first_window
        self._odds = self._odds[stale:]
        self._first_window += stale
        return Voices(frames, odds, computed)


class SileroDetector:
    """
    Speech is where the network finds a voice; levels are those of the level detector.

    See `audio.vad.SpeechDetector`.
    """

    def __init__(self, network: SileroNetwork) -> None:
        self._track = VoiceTrack(network, lambda frames: np.ones(len(frames), np.bool_))

    def push(self, pcm: Pcm) -> Frames:
        """See `SpeechDetector.push`."""
        return _by_voice(self._track.push(pcm))

    def finish(self) -> Frames:
        """See `SpeechDetector.finish`."""
        return _by_voice(self._track.finish())


def _by_voice(voices: Voices) -> Frames:
    return voices.frames.decided(voices.log_odds >= 0)


def _gain_db(loud_db: Floats, floor_db: Floats) -> Floats:
    """How much sound is amplified, in dB; never so much that its noise floor becomes loud."""
    gain: Floats = np.clip(np.minimum(USUAL_DB - loud_db, LOUDEST_FLOOR_DB - floor_db), 0, MOST_GAIN_DB)
    return gain


def no_frames() -> Frames:
    """Frames to which others are joined."""
    nothing = np.zeros(0, np.float32)
    return Frames(nothing.astype(np.bool_), nothing, nothing, nothing)


def runs(flags: Flags) -> tuple[Numbers, Numbers]:
    """The first frames of all runs of True, and the frames behind them."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return edges[::2], edges[1::2]
