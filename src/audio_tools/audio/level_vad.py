"""
Decide for each frame whether it is speech, from the level alone.

An adaptive threshold lies between the noise floor and the level of speech in the 21 seconds around each
second, so a recording with hum or music under it needs no setting, and a few louder sounds do not
move it. The method, its constants and how it compares with fixed levels and with Silero:
docs/decisions/0001-level-detector.md.
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
"""The floor and the speech level are measured over this many seconds before and after."""

BIN_DB = 0.5
BINS = 200
LOWEST_DB = -100.0
FLOOR_QUANTILE = 0.05
"""
Of the averages of 2 frames, one period of hum: the floor still shows between words 30 ms apart, so dense
speech does not raise it.
"""
ACTIVE_RISE_DB = 6.0
UPPER_QUANTILE = 0.75
"""
The threshold follows the upper quarter of all frames that rise 6 dB above the floor: above music under the
speech, and below sounds that are louder for less than a quarter of the time.
"""
LOWEST_FLOOR_DB = -72.0
"""The only absolute level: anything quieter is silence in every recording."""
SHARE = 0.5
LEAST_RISE_DB = 4.0
MOST_RISE_DB = 16.0
HYSTERESIS_DB = 3.0

LEAST_ACTIVE_FRAMES = 5

Levels = NDArray[np.float32]
Numbers = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Frames:
    """
    Decided frames of 10 ms, in order; all arrays have shape (n_frames,).

    `speech`: the decision. `level_db`: smoothed level after the comb, dBFS. `floor_db`: the noise floor.
    `loud_db`: the median level of what rises above the floor around the frame, the floor where nothing does.
    """

    speech: NDArray[np.bool_]
    level_db: Levels
    floor_db: Levels
    loud_db: Levels

    def __len__(self) -> int:
        return len(self.speech)

    def __getitem__(self, part: slice) -> Frames:
        return Frames(self.speech[part], self.level_db[part], self.floor_db[part], self.loud_db[part])

    def decided(self, speech: NDArray[np.bool_]) -> Frames:
        """The same frames with other decisions."""
        return Frames(speech, self.level_db, self.floor_db, self.loud_db)


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
        self._sharp = np.zeros(0, np.float32)  # the same without smoothing
        self._brief = np.zeros(0, np.float32)  # the same over 2 frames
        self._edges = _Edges()
        self._histograms = np.zeros((0, BINS), np.int64)  # one row a second, from _first_second on
        self._brief_histograms = self._histograms  # the same over 2 frames
        self._first_second = 0
        self._decided_seconds = 0
        self._in_speech = False

    def push(self, pcm: Pcm) -> Frames:
        """Take the next samples; return the frames that are decided now, possibly none."""
        self._add_energies(self._frame_energies(pcm))
        complete = self._first_second + len(self._histograms)
        return self._edges.push(*self._decide(complete - CONTEXT_SECONDS, self._levels_of_whole_seconds()))

    def finish(self) -> Frames:
        """End the stream: return all remaining frames. An incomplete last frame is dropped."""
        self._add_energies(np.zeros(SMOOTHING_FRAMES, np.float32))
        self._count(self._levels_of_whole_seconds(), len(self._levels))
        decided = self._decide(self._first_second + len(self._histograms), len(self._levels))
        return joined(self._edges.push(*decided), self._edges.finish())

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
        smooth = known[:count].copy()
        for shift in range(1, width):
            smooth += known[shift : shift + count]
        smooth /= width
        self._energies = known[count:]
        before = self._levels_of_whole_seconds()
        self._levels = np.concatenate([self._levels, _decibels(smooth)])
        middle = known[SMOOTHING_FRAMES : SMOOTHING_FRAMES + count]
        brief = 0.5 * (middle + known[SMOOTHING_FRAMES - 1 : SMOOTHING_FRAMES - 1 + count])
        self._sharp = np.concatenate([self._sharp, _decibels(middle)])
        self._brief = np.concatenate([self._brief, _decibels(brief)])
        self._count(before, self._levels_of_whole_seconds())

    def _count(self, first: int, end: int) -> None:
        """Add the levels `first`..`end`-1, which begin with a second, to the histograms."""
        if end > first:
            self._histograms = np.vstack([self._histograms, _histograms(self._levels[first:end])])
            brief = _histograms(self._brief[first:end])
            self._brief_histograms = np.vstack([self._brief_histograms, brief])

    def _levels_of_whole_seconds(self) -> int:
        return len(self._levels) // FRAMES_PER_SECOND * FRAMES_PER_SECOND

    def _decide(self, until_second: int, available: int) -> tuple[Frames, NDArray[np.bool_]]:
        """
        Decide all seconds before `until_second`, of which `available` frames are at hand.

        Returns the frames, and which of them would be silence by their own level alone.
        """
        seconds = max(until_second - self._decided_seconds, 0)
        floor, loud, upper = self._references(self._decided_seconds, self._decided_seconds + seconds)
        count = min(seconds * FRAMES_PER_SECOND, available) if seconds else 0
        levels, self._levels = self._levels[:count], self._levels[count:]
        sharp, self._sharp = self._sharp[:count], self._sharp[count:]
        self._brief = self._brief[count:]
        floors = np.repeat(floor, FRAMES_PER_SECOND)[:count]
        louds = np.repeat(loud, FRAMES_PER_SECOND)[:count]
        rise = np.clip(SHARE * (upper - floor), LEAST_RISE_DB, MOST_RISE_DB)
        threshold = floors + np.repeat(rise, FRAMES_PER_SECOND)[:count]
        speech = self._hysteresis(levels, threshold)
        self._decided_seconds += seconds
        stale = self._decided_seconds - CONTEXT_SECONDS - self._first_second
        if stale > 0:
            self._histograms = self._histograms[stale:]
            self._brief_histograms = self._brief_histograms[stale:]
            self._first_second += stale
        return Frames(speech, levels, floors, louds), sharp < threshold - HYSTERESIS_DB

    def _references(self, first: int, last: int) -> tuple[Levels, Levels, Levels]:
        """
        The noise floor, and the median and the upper quarter of what rises above it, in dBFS.

        For the seconds `first`..`last`-1.
        """
        second = np.arange(first, last) - self._first_second
        low = np.maximum(second - CONTEXT_SECONDS, 0)
        high = np.minimum(second + CONTEXT_SECONDS + 1, len(self._histograms))
        brief = _counts_around(self._brief_histograms, low, high)
        floor = np.maximum(_quantile_db(brief, FLOOR_QUANTILE), LOWEST_FLOOR_DB)
        counts = _counts_around(self._histograms, low, high)
        loud, upper = (_above_db(counts, floor + ACTIVE_RISE_DB, share) for share in (0.5, UPPER_QUANTILE))
        return (
            floor.astype(np.float32),
            np.maximum(loud, floor).astype(np.float32),
            np.maximum(upper, floor).astype(np.float32),
        )

    def _hysteresis(self, levels: Levels, threshold: Levels) -> NDArray[np.bool_]:
        """Above the threshold is speech, 3 dB below it is silence, in between nothing changes."""
        speech = levels >= threshold
        decided = speech | (levels < threshold - HYSTERESIS_DB)
        last = np.maximum.accumulate(np.where(decided, np.arange(len(levels)), -1))
        state: NDArray[np.bool_] = np.where(last >= 0, speech[last], self._in_speech)
        if len(state):
            self._in_speech = bool(state[-1])
        return state


class _Edges:
    """
    Takes the smoothing back at the edges of speech, two frames behind the decisions.

    A loud word smears over the two frames before and after it; where these are silent by themselves, they
    are silence. So silences have their true length, and one of exactly the wanted length is found.
    """

    def __init__(self) -> None:
        self._frames = _constant(2 * SMOOTHING_FRAMES, speech=False)
        self._quiet = np.zeros(2 * SMOOTHING_FRAMES, np.bool_)
        self._lead = SMOOTHING_FRAMES  # of what is kept, what stands for the time before the first frame

    def push(self, frames: Frames, quiet: NDArray[np.bool_]) -> Frames:
        """Take decided frames, and which are quiet by themselves; return those whose neighbours are known."""
        known = joined(self._frames, frames)
        quiet = np.concatenate([self._quiet, quiet])
        done = len(known) - 2 * SMOOTHING_FRAMES
        self._frames, self._quiet = known[done:], quiet[done:]
        state = known.speech
        near = np.zeros(done, np.bool_)
        inner = slice(SMOOTHING_FRAMES, SMOOTHING_FRAMES + done)
        for step in (-1, 1):
            edge = np.ones(done, np.bool_)
            for distance in range(1, SMOOTHING_FRAMES + 1):
                first = SMOOTHING_FRAMES + step * distance
                near |= edge & ~state[first : first + done]
                edge &= quiet[first : first + done]
        speech = state[inner] & ~(near & quiet[inner])
        trimmed = Frames(speech, known.level_db[inner], known.floor_db[inner], known.loud_db[inner])
        skipped = min(self._lead, done)
        self._lead -= skipped
        return trimmed[skipped:]

    def finish(self) -> Frames:
        """Return the last frames; nothing follows that could smear."""
        loud = _constant(SMOOTHING_FRAMES, speech=True)
        return self.push(loud, np.zeros(SMOOTHING_FRAMES, np.bool_))


def _constant(count: int, *, speech: bool) -> Frames:
    none = np.zeros(count, np.float32)
    return Frames(np.full(count, speech), none, none, none)


def joined(*parts: Frames) -> Frames:
    """Concatenate frames in order."""
    return Frames(
        np.concatenate([part.speech for part in parts]),
        np.concatenate([part.level_db for part in parts]),
        np.concatenate([part.floor_db for part in parts]),
        np.concatenate([part.loud_db for part in parts]),
    )


def _decibels(energies: Levels) -> Levels:
    levels: Levels = 10 * np.log10(np.maximum(energies, 1e-10))
    return levels


def _histograms(levels: Levels) -> NDArray[np.int64]:
    """Count levels in bins of 0.5 dB, one row for each second (the last may be partial)."""
    bins = np.clip((levels - LOWEST_DB) / BIN_DB, 0, BINS - 1).astype(np.int64)
    seconds = -(-len(levels) // FRAMES_PER_SECOND)
    rows = np.arange(len(levels)) // FRAMES_PER_SECOND
    return np.bincount(rows * BINS + bins, minlength=seconds * BINS).reshape(seconds, BINS)


def _counts_around(histograms: NDArray[np.int64], low: Numbers, high: Numbers) -> NDArray[np.int64]:
    """For each pair of borders the sum of the rows `low`..`high`-1."""
    totals = np.vstack([np.zeros((1, BINS), np.int64), np.cumsum(histograms, axis=0)])
    counts: NDArray[np.int64] = totals[high] - totals[low]
    return counts


def _quantile_db(counts: NDArray[np.int64], quantile: float) -> NDArray[np.float64]:
    """The centre of the first bin at which each row's count reaches the quantile, in dBFS."""
    cumulated = np.cumsum(counts, axis=1)
    wanted = np.maximum(quantile * cumulated[:, -1:], 1)
    bins = np.argmax(cumulated >= wanted, axis=1).astype(np.float64)
    centres: NDArray[np.float64] = LOWEST_DB + BIN_DB * (bins + 0.5)
    return centres


def _above_db(
    counts: NDArray[np.int64], least_db: NDArray[np.float64], quantile: float
) -> NDArray[np.float64]:
    """A quantile of what each row counts above a level, in dBFS; -inf where that is less than 50 ms."""
    centres = LOWEST_DB + BIN_DB * (np.arange(BINS) + 0.5)
    above = np.where(centres >= least_db[:, None], counts, 0)
    found = _quantile_db(above, quantile)
    return np.where(above.sum(axis=1) >= LEAST_ACTIVE_FRAMES, found, -np.inf)
