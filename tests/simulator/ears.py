"""
Hears the words of `tones.py` in any recording.

Whole words are found by their start marker and proved by their CRC; what is left of cut ones by the rhythm:
tones that change every 20 ms. Hum, noise and music have no such rhythm.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tests.simulator.tones import (
    END_MARKER,
    SAMPLE_RATE_HZ,
    START_MARKER,
    TONE_SAMPLES,
    TONES_PER_WORD,
    WORD_SECONDS,
    Labels,
    Samples,
    phases,
    read_tones,
    word_text,
)

Powers = NDArray[np.float32]
"""Power of each tone in a window of 20 ms, one row (a hop) every 2.5 ms, shape (n_rows, 19)."""

GARBLED = "garbled"
"""What is written for a burst whose number cannot be read."""

_HOP = 40
_HOP_SECONDS = _HOP / SAMPLE_RATE_HZ
_HOPS = TONE_SAMPLES // _HOP
_STEPS = _HOPS * np.arange(TONES_PER_WORD)
_LEAD = 12 * _HOPS
"""Rows before the first sample and after the last, so that words may be cut there."""
_BLOCK = 20 * SAMPLE_RATE_HZ // _HOP
_OVERLAP = 4 * TONES_PER_WORD * _HOPS
_GROUP = 64
_ANALYSIS = (
    np.concatenate((np.cos(phases()), np.sin(phases())), axis=1).reshape(_HOPS, _HOP, -1).astype(np.float32)
)

_PURE, _PURE_MARKER = 0.6, 0.4
"""Of the energy at all nineteen frequencies one must hold this part; in noise the loudest holds 0.2."""
_FAINTEST = 10 ** (-80 / 10)
_THERE = 0.12
"""A tone with less than this part of the word's amplitude has lost more than 17 ms."""
_GUESSES = 4
"""How many runners-up are tried in place of one misheard tone."""
_FRAGMENT_TONES, _SHORTEST_TONE, _LONGEST_TONE, _APART = 3, 5, 10, 5
"""A cut word is noticed by this many tones; their lengths and the distance between them in hops."""


class Heard(NamedTuple):
    """A burst: its number (None: garbled), its start and end in seconds from the first sample."""

    number: int | None
    start: float
    end: float

    @property
    def text(self) -> str:
        """The word as an engine would write it."""
        return GARBLED if self.number is None else word_text(self.number)


def listen(pcm: Samples) -> list[Heard]:
    """
    Hear all words.

    Args:
        pcm: mono float32 at 16 kHz, shape (n_samples,).

    Returns:
        In order of time. A word that can be read has the length `WORD_SECONDS`, even where up to 17 ms of it
        are cut off; a garbled one lasts as long as what is left of it, which is at least three whole tones.
        Times are true to 1 ms, those of cut words to 10 ms.
    """
    # Blocks overlap, and each reports the bursts that start between the middles of its two overlaps: memory
    # stays in the cache and no burst is met by a block's border.
    heard: list[Heard] = []
    for first in range(0, max(1, pcm.size // _HOP), _BLOCK):
        last = first + _BLOCK >= pcm.size // _HOP
        block = pcm[first * _HOP : None if last else (first + _BLOCK + _OVERLAP) * _HOP]
        earliest = _OVERLAP // 2 * _HOP_SECONDS if first else -np.inf
        latest = np.inf if last else (_BLOCK + _OVERLAP // 2) * _HOP_SECONDS
        offset = first * _HOP_SECONDS
        heard += [
            Heard(burst.number, max(burst.start + offset, 0.0), burst.end + offset)
            for burst in _listen_to_block(block)
            if earliest <= burst.start < latest
        ]
    return heard


def _listen_to_block(pcm: Samples) -> list[Heard]:
    powers = _tone_powers(pcm)
    total = np.maximum(powers.sum(axis=1), _FAINTEST)
    purity = powers.max(axis=1) / total
    loudest = powers.argmax(axis=1)
    loud = _loud(total)
    uncovered = (purity > _PURE) & loud
    bursts = []
    for position in _start_markers(powers, np.where(purity > _PURE_MARKER, loudest, -1)):
        if np.median(purity[position + _STEPS]) > _PURE and (word := _read_word(powers, position)):
            bursts.append(word)
            uncovered[position - _HOPS : position + _STEPS[-1] + _HOPS + 1] = False
    bursts += _fragments(np.where(uncovered, loudest, -1), loud)
    return sorted(bursts, key=lambda burst: burst.start)


def _tone_powers(pcm: Samples) -> Powers:
    """Mean-square amplitude of each tone in the window whose first sample is (row - _LEAD) * _HOP."""
    tail = -(pcm.size + 2 * _LEAD * _HOP) % (_GROUP * TONE_SAMPLES)
    padded = np.pad(pcm, (_LEAD * _HOP, _LEAD * _HOP + tail))
    # Tones have whole periods in 20 ms, so eight tables turn every hop to a common phase and a window is
    # the plain sum of its hops. In groups, since OpenBLAS wakes all cores for large products and loses.
    hops = padded.reshape(-1, _GROUP, _HOPS, _HOP).transpose(0, 2, 1, 3)
    by_hop = np.matmul(hops, _ANALYSIS).transpose(0, 2, 1, 3).reshape(-1, _ANALYSIS.shape[2])
    cosines, sines = np.split(np.square(_over_window(np.add, by_hop)), 2, axis=1)
    return np.asarray((cosines + sines) * np.float32(2 / TONE_SAMPLES**2))


def _over_window(operation: np.ufunc, values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Combine each row with the `_HOPS - 1` rows after it: three doublings instead of seven steps."""
    for distance in (1, 2, 4):
        values = operation(values[:-distance], values[distance:])
    return values


def _loud(total: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Where the energy is at least a quarter of the loudest within 17 ms: a window half full of a tone."""
    around = _over_window(np.maximum, _over_window(np.maximum, np.pad(total, _HOPS - 1)))
    return np.asarray(total > around / 4)


def _start_markers(powers: Powers, labels: Labels) -> list[int]:
    """The rows where words may start. `labels`: the tone of a row, -1 where it is not clear."""
    marked = labels == START_MARKER
    marked[:_HOPS] = marked[-_STEPS[-1] - _HOPS :] = False
    # Not where the marker itself is loudest: one that lost its head is as loud in windows that start before.
    strongest = powers.max(axis=1)
    return [
        first + int(strongest[np.arange(first, stop)[:, np.newaxis] + _STEPS].sum(axis=1).argmax())
        for first, stop in _stretches(marked)
    ]


def _stretches(mask: NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Runs of True as (first, stop), runs less than a tone apart taken together."""
    hits = np.flatnonzero(mask)
    if hits.size:
        borders = np.flatnonzero(np.diff(hits) > _HOPS)
        firsts = hits[np.concatenate(([0], borders + 1))]
        lasts = hits[np.concatenate((borders, [hits.size - 1]))]
        yield from zip(firsts.tolist(), (lasts + 1).tolist(), strict=True)


def _read_word(powers: Powers, position: int) -> Heard | None:
    """Read the word whose start marker fills the window at row `position`; None if it is only part of one."""
    rows = position + _STEPS
    by_loudness = powers[rows].argsort(axis=1)[:, ::-1]
    tones = by_loudness[:, 0]
    amplitudes = np.sqrt(powers[rows, tones])
    missing = np.flatnonzero(amplitudes < _THERE * np.median(amplitudes))
    if np.isin(missing, (0, TONES_PER_WORD - 1)).any():
        return None
    # Low-rate Opus spoils one tone in 5,000. Where that is the end marker, the number speaks for itself.
    marked = tones[-1] == END_MARKER
    number = read_tones(tones)
    if number is None and missing.size <= 1 and marked:
        number = _number_with_one_tone_misheard(by_loudness)
    if number is None and not (marked and np.diff(tones).all()):
        return None
    start = (position - _LEAD + _lateness(powers, rows, tones)) * _HOP_SECONDS
    return Heard(number, start, start + WORD_SECONDS)


def _number_with_one_tone_misheard(by_loudness: Labels) -> int | None:
    for place, rank in product(range(1, TONES_PER_WORD - 1), range(1, 1 + _GUESSES)):
        tones = by_loudness[:, 0].copy()
        tones[place] = by_loudness[place, rank]
        number = read_tones(tones)
        if number is not None:
            return number
    return None


def _lateness(powers: Powers, rows: Labels, tones: Labels) -> float:
    """How much later than `rows` the tones really lie, in hops."""
    # A window that is off by part of a tone holds that much less of it: a triangle over the distance. Its
    # two flanks, half a tone before and after the top, tell where the top is.
    half = _HOPS // 2
    before = np.sqrt(powers[rows - half, tones]).sum()
    after = np.sqrt(powers[rows + half, tones]).sum()
    return float(half * (after - before) / (after + before))


def _fragments(labels: Labels, loud: NDArray[np.bool_]) -> list[Heard]:
    """What is left of cut words: chains of tones in the code's rhythm, as far as they are loud."""
    changes = np.flatnonzero(np.diff(labels, prepend=-2, append=-2))
    firsts, lengths, tones = changes[:-1], np.diff(changes), labels[changes[:-1]]
    in_rhythm = (tones >= 0) & (lengths >= _SHORTEST_TONE) & (lengths <= _LONGEST_TONE)
    firsts, lasts, tones = firsts[in_rhythm], (firsts + lengths - 1)[in_rhythm], tones[in_rhythm]
    breaks = (firsts[1:] - lasts[:-1] > _APART) | (tones[1:] == tones[:-1])
    chains = np.split(np.arange(firsts.size), np.flatnonzero(breaks) + 1)
    return [
        _fragment(int(firsts[chain[0]]), int(lasts[chain[-1]]), loud)
        for chain in chains
        if chain.size >= _FRAGMENT_TONES
    ]


def _fragment(first: int, last: int, loud: NDArray[np.bool_]) -> Heard:
    """The burst of which the windows `first` to `last` were heard clearly."""
    # Windows that hold two tones are less clear: up to a window's length the edge may lie further out.
    first -= int(np.argmin(loud[first - 1 : first - 1 - _HOPS : -1]))
    last += int(np.argmin(loud[last + 1 : last + 1 + _HOPS]))
    # An edge is where a window is half full, hence half a window behind its first sample.
    middle = _LEAD - _HOPS / 2
    return Heard(None, (first - middle) * _HOP_SECONDS, (last - middle) * _HOP_SECONDS)
