"""
Speech or not, decided frame by frame from the level alone, on any bed.

An adaptive threshold lies between the floor and the speech level of the 21 seconds around each second,
so a recording with hum or music under it needs no setting. The method, its constants and how it compares
with fixed levels and with Silero: docs/decisions.md#level-detector.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audio_tools.audio.pcm import FRAME_SAMPLES, Pcm

COMB_LAG = 4
"""y[n] = x[n] - x[n-4]: nulls at 0, 4 and 8 kHz; 50 Hz hum falls 28 dB below the band of speech."""
SMOOTHING_FRAMES = 2
"""Energy is averaged over 2 frames on either side: 50 ms."""

FRAMES_PER_SECOND = 100
CONTEXT_SECONDS = 10
"""The floor and the speech level are those of this many seconds before and after."""

BIN_DB = 0.5
BINS = 200
LOWEST_DB = -100.0
FLOOR_QUANTILE = 0.15
SPEECH_QUANTILE = 0.90
LOWEST_FLOOR_DB = -72.0
"""The only absolute level: whatever is quieter is silence in every recording."""
SHARE = 0.45
LEAST_RISE_DB = 4.0
MOST_RISE_DB = 16.0
HYSTERESIS_DB = 3.0

Levels = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Frames:
    """
    Decided frames of 10 ms, in order; all arrays have shape (n_frames,).

    `speech`: the decision. `level_db`: smoothed level after the comb, dBFS. `floor_db`: the noise floor.
    """

    speech: NDArray[np.bool_]
    level_db: Levels
    floor_db: Levels

    def __len__(self) -> int:
        return len(self.speech)


class LevelDetector:
    """
    Decides speech or silence for a stream of samples, 10 seconds behind the newest sample.

    The decisions depend on the samples alone, never on how they were cut into blocks.
    """

    def __init__(self) -> None:
        self._tail = np.zeros(COMB_LAG, np.int16)  # what precedes the unframed samples
        self._rest = np.zeros(0, np.int16)
        self._energies = np.zeros(SMOOTHING_FRAMES, np.float32)  # silence precedes the first frame
        self._levels = np.zeros(0, np.float32)  # of frames not decided yet
        self._histograms = np.zeros((0, BINS), np.int64)  # one row a second, from _first_second on
        self._first_second = 0
        self._decided_seconds = 0
        self._in_speech = False

    def push(self, pcm: Pcm) -> Frames:
        """Take the next samples; give the frames that they decide, possibly none."""
        self._add_energies(self._frame_energies(pcm))
        complete = self._first_second + len(self._histograms)
        return self._decide(complete - CONTEXT_SECONDS, self._levels_of_whole_seconds())

    def finish(self) -> Frames:
        """There are no more samples: give all remaining frames. An incomplete last frame is dropped."""
        self._add_energies(np.zeros(SMOOTHING_FRAMES, np.float32))
        partial = self._levels[len(self._levels) // FRAMES_PER_SECOND * FRAMES_PER_SECOND :]
        if len(partial):
            self._histograms = np.vstack([self._histograms, _histograms(partial)])
        return self._decide(self._first_second + len(self._histograms), len(self._levels))

    def _frame_energies(self, pcm: Pcm) -> Levels:
        samples = np.concatenate([self._tail, self._rest, pcm])
        whole = (len(samples) - COMB_LAG) // FRAME_SAMPLES * FRAME_SAMPLES
        scaled = samples[: whole + COMB_LAG].astype(np.float32)
        combed = scaled[COMB_LAG:] - scaled[:-COMB_LAG]
        self._tail = samples[whole : whole + COMB_LAG]
        self._rest = samples[whole + COMB_LAG :]
        framed = combed.reshape(-1, FRAME_SAMPLES)
        squares: Levels = np.einsum("ij,ij->i", framed, framed)
        return squares / np.float32(FRAME_SAMPLES * 32768.0**2)

    def _add_energies(self, energies: Levels) -> None:
        known = np.concatenate([self._energies, energies])
        width = 2 * SMOOTHING_FRAMES + 1
        if len(known) < width:
            self._energies = known
            return
        count = len(known) - width + 1
        # Five shifted sums, not a running one: rounding must not depend on the blocks.
        smooth = sum((known[i : i + count] for i in range(width)), np.zeros(count, np.float32)) / width
        self._energies = known[count:]
        before = self._levels_of_whole_seconds()
        self._levels = np.concatenate([self._levels, 10 * np.log10(np.maximum(smooth, 1e-10))])
        fresh = self._levels[before : self._levels_of_whole_seconds()]
        if len(fresh):
            self._histograms = np.vstack([self._histograms, _histograms(fresh)])

    def _levels_of_whole_seconds(self) -> int:
        return len(self._levels) // FRAMES_PER_SECOND * FRAMES_PER_SECOND

    def _decide(self, until_second: int, available: int) -> Frames:
        """Decide all seconds before `until_second`, of which `available` frames are at hand."""
        seconds = until_second - self._decided_seconds
        if seconds <= 0:
            none = np.zeros(0, np.float32)
            return Frames(none.astype(np.bool_), none, none)
        floor, rise = self._thresholds(self._decided_seconds, until_second)
        count = min(seconds * FRAMES_PER_SECOND, available)
        levels, self._levels = self._levels[:count], self._levels[count:]
        floors = np.repeat(floor, FRAMES_PER_SECOND)[:count]
        speech = self._hysteresis(levels, floors + np.repeat(rise, FRAMES_PER_SECOND)[:count])
        self._decided_seconds = until_second
        stale = until_second - CONTEXT_SECONDS - self._first_second
        if stale > 0:
            self._histograms = self._histograms[stale:]
            self._first_second += stale
        return Frames(speech, levels, floors)

    def _thresholds(self, first: int, last: int) -> tuple[Levels, Levels]:
        """Noise floor (dBFS) and the threshold's rise above it (dB) for the seconds first..last-1."""
        totals = np.vstack([np.zeros((1, BINS), np.int64), np.cumsum(self._histograms, axis=0)])
        second = np.arange(first, last) - self._first_second
        low = np.maximum(second - CONTEXT_SECONDS, 0)
        high = np.minimum(second + CONTEXT_SECONDS + 1, len(self._histograms))
        cumulated = np.cumsum(totals[high] - totals[low], axis=1)
        floor = np.maximum(_quantile_db(cumulated, FLOOR_QUANTILE), LOWEST_FLOOR_DB)
        rise = np.clip(
            SHARE * (_quantile_db(cumulated, SPEECH_QUANTILE) - floor), LEAST_RISE_DB, MOST_RISE_DB
        )
        return floor.astype(np.float32), rise.astype(np.float32)

    def _hysteresis(self, levels: Levels, threshold: Levels) -> NDArray[np.bool_]:
        """Above the threshold is speech, 3 dB below it is silence, in between nothing changes."""
        speech = levels >= threshold
        decided = speech | (levels < threshold - HYSTERESIS_DB)
        last = np.maximum.accumulate(np.where(decided, np.arange(len(levels)), -1))
        state: NDArray[np.bool_] = np.where(last >= 0, speech[last], self._in_speech)
        if len(state):
            self._in_speech = bool(state[-1])
        return state


def _histograms(levels: Levels) -> NDArray[np.int64]:
    """Count levels in bins of 0.5 dB, one row for each second (the last may be partial)."""
    bins = np.clip((levels - LOWEST_DB) / BIN_DB, 0, BINS - 1).astype(np.int64)
    seconds = -(-len(levels) // FRAMES_PER_SECOND)
    rows = np.arange(len(levels)) // FRAMES_PER_SECOND
    return np.bincount(rows * BINS + bins, minlength=seconds * BINS).reshape(seconds, BINS)


def _quantile_db(cumulated: NDArray[np.int64], quantile: float) -> NDArray[np.float64]:
    """The centre of the first bin at which each row's count reaches the quantile, in dBFS."""
    wanted = np.maximum(quantile * cumulated[:, -1:], 1)
    bins = np.argmax(cumulated >= wanted, axis=1).astype(np.float64)
    centres: NDArray[np.float64] = LOWEST_DB + BIN_DB * (bins + 0.5)
    return centres
