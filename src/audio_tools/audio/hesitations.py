"""
Find hesitations (`um`, `uh`) between words, in the samples.

Engines leave them out of the text. A hesitation is a voice that holds one sound: voiced, at the pitch and
with the spectrum of a moment ago, about as loud as the words. Whatever else lies between words (breath,
coughs, noise, a word that the engine missed) is unvoiced, or changes faster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from audio_tools.audio.pauses import between, overlap
from audio_tools.audio.pcm import FRAME_S, FRAME_SAMPLES, SAMPLE_RATE_HZ, Pcm
from audio_tools.transcript import Interval, Word

RULES = 2
"""Incremented when the same samples give other hesitations; part of the digest of a stored reply."""

SHORTEST_S, LONGEST_S = 0.08, 2.5
SHORT_S = 0.25
"""Shorter sounds have hardly begun when they end: their spectrum may change more."""
SHORTEST_FILLING_S, WORD_EDGE_S = 0.15, 0.06
"""A sound as short as this that leaves less than this of its gap is the edge of a word."""
LEAST_VOICING = 0.6
"""Minimum correlation of a voiced frame with itself one period later."""
MOST_BELOW_DB = 14.0
"""Maximum difference in level to the words, dB."""
CLOSED_FRAMES = 10
"""A break of 0.1 s belongs to it: where `uh` closes to `m`, voicing is not found for a moment."""
MOST_CHANGE, MOST_CHANGE_SHORT = 0.95, 1.2
"""The median change of the log spectrum within 40 ms, in nepers; words have 1 to 3, drawn-out ones less."""
CHANGE_FRAMES = 2
MOST_PITCH_SPREAD = 0.8
"""The median distance from the median pitch, in semitones."""
LEAST_SPEECH_S = 0.02
"""Minimum part that the detector reports as speech; it detects soft beginnings late."""
CONTEXT_S = 0.05
"""Samples beside a gap that are analysed with it."""

LOWEST_PITCH_HZ, HIGHEST_PITCH_HZ = 70.0, 400.0
LONG_LAG_PRICE = 0.15
"""How much the longest lag counts less than the shortest, as a share."""
WINDOW_SAMPLES = 640
SPECTRUM_SAMPLES = 512
BANDS, LOWEST_BAND_HZ, HIGHEST_BAND_HZ = 20, 80.0, 5000.0

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class _Frames:
    """A gap in frames of 10 ms: level in dB, voicing in 0..1, pitch in Hz, change of the spectrum."""

    level: Floats
    voicing: Floats
    pitch: Floats
    change: Floats


def find_hesitations(pcm: Pcm, words: Sequence[Word], speech: Sequence[Interval]) -> list[Interval]:
    """
    The hesitations between words, in order.

    Args:
        pcm: the chunk.
        words: in order, with times that can be relied on (aligned), in seconds from the start of the chunk.
        speech: sorted; where the chunk holds speech. Gaps without any are not looked at.
    """
    if not words:
        return []
    level = _level_of(pcm, words)
    gaps = between(words_as_intervals(words), 0.0, len(pcm) / SAMPLE_RATE_HZ)
    return [
        found
        for gap in gaps
        if gap.duration >= SHORTEST_S and overlap(speech, gap)
        for found in _in_gap(pcm, gap, speech, level)
    ]


def words_as_intervals(words: Sequence[Word]) -> list[Interval]:
    """Return the frames in which words are spoken."""
    return [Interval(word.start, word.end) for word in words]


def _level_of(pcm: Pcm, words: Sequence[Word]) -> float:
    """The mean level of the words, dB."""
    spoken = [pcm[_sample(word.start) : _sample(word.end)] for word in words]
    samples = np.concatenate(spoken).astype(np.float64) / 32768
    return float(10 * np.log10(np.mean(samples**2) + 1e-10)) if len(samples) else 0.0


def _in_gap(pcm: Pcm, gap: Interval, speech: Sequence[Interval], level: float) -> Iterator[Interval]:
    first = max(_sample(gap.start - CONTEXT_S), 0)
    frames = _analyse(pcm[first : _sample(gap.end + CONTEXT_S)])
    start = first / SAMPLE_RATE_HZ
    middles = start + (np.arange(len(frames.level)) + 0.5) * FRAME_S
    loud = (frames.voicing > LEAST_VOICING) & (frames.level > level - MOST_BELOW_DB)
    held = _closed(loud & (middles >= gap.start) & (middles <= gap.end))
    for begin, behind in _runs(held):
        found = Interval(start + begin * FRAME_S, start + behind * FRAME_S)
        spoken_s = sum(piece.duration for piece in overlap(speech, found))
        if spoken_s >= LEAST_SPEECH_S and not _is_edge(found, gap) and _is_held(frames, begin, behind):
            yield found


def _is_edge(found: Interval, gap: Interval) -> bool:
    """Whether a sound fills a short gap: then it belongs to the words, whose times are a little off."""
    free = gap.duration - found.duration
    return found.duration < SHORTEST_FILLING_S and free < WORD_EDGE_S


def _is_held(frames: _Frames, begin: int, behind: int) -> bool:
    """Whether the frames hold one sound."""
    duration = (behind - begin) * FRAME_S
    # A hundredth of a frame of tolerance: lengths are sums of decimals.
    if not SHORTEST_S - FRAME_S / 100 <= duration <= LONGEST_S:
        return False
    change = np.median(frames.change[begin:behind])
    if change > (MOST_CHANGE_SHORT if duration < SHORT_S else MOST_CHANGE):
        return False
    pitch = frames.pitch[begin:behind]
    spread = 12 * np.median(np.abs(np.log2(pitch / np.median(pitch))))
    return bool(spread <= MOST_PITCH_SPREAD)


def _closed(flags: Flags) -> Flags:
    """The flags without the short breaks between two runs."""
    closed = flags.copy()
    for begin, behind in _runs(~flags):
        if begin > 0 and behind < len(flags) and behind - begin <= CLOSED_FRAMES:
            closed[begin:behind] = True
    return closed


def _runs(flags: Flags) -> list[tuple[int, int]]:
    """Where flags are set in a row: the first one and the one behind the last."""
    edges = np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))
    return list(zip(np.flatnonzero(edges == 1).tolist(), np.flatnonzero(edges == -1).tolist(), strict=True))


def _analyse(pcm: Pcm) -> _Frames:
    count = len(pcm) // FRAME_SAMPLES
    half = (WINDOW_SAMPLES - FRAME_SAMPLES) // 2
    padded = np.pad(pcm.astype(np.float64) / 32768, (half, WINDOW_SAMPLES))
    windows = np.lib.stride_tricks.sliding_window_view(padded, WINDOW_SAMPLES)[::FRAME_SAMPLES][:count]
    centre = windows[:, half : half + FRAME_SAMPLES]
    level = 10 * np.log10(np.mean(centre**2, axis=1) + 1e-10)
    level_free = windows - windows.mean(axis=1, keepdims=True)
    return _Frames(level, *_voicing(level_free), _change(level_free))


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


@lru_cache(maxsize=1)
def _bands() -> Floats:
    """Triangular bands of equal width on the mel scale, shape (bands, bins)."""
    lowest, highest = (2595 * np.log10(1 + hertz / 700) for hertz in (LOWEST_BAND_HZ, HIGHEST_BAND_HZ))
    edges = 700 * (10 ** (np.linspace(lowest, highest, BANDS + 2) / 2595) - 1)
    bins = np.fft.rfftfreq(SPECTRUM_SAMPLES, 1 / SAMPLE_RATE_HZ)
    rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    return np.asarray(np.clip(np.minimum(rising, falling), 0, None), np.float64)


def _sample(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE_HZ)
