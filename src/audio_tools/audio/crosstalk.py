"""
Find where a channel only repeats a louder one: a voice that two microphones pick up.

A microphone picks up the voice of another person through the room, which is a linear filter. So each
channel is predicted from every louder one by the filter that fits the 12 seconds around (least squares for
each frequency). What is left of the sound then is the channel's own. Two voices at once are not predictable
from each other, so both stay. Evidence for the constants: docs/decisions/0020-one-microphone-per-channel.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from audio_tools.audio.pcm import FRAME_SAMPLES, Channels

HOP_SAMPLES = 2 * FRAME_SAMPLES
WINDOW_SAMPLES = 2048
"""128 ms: longer than the way of a sound between two microphones and most of the echoes of a room."""
BLOCK_SAMPLES = 200 * HOP_SAMPLES
"""4 s; a filter is fitted to a block, the one before and the one after."""

STRONG, WEAK = 0.5, 0.25
"""A frame is a copy if half of it is explained; a quarter is enough within `REACH_FRAMES` of such a one."""
REACH_FRAMES = 100
ALIKE = 0.8
"""Where two channels are equally loud, so much must be explained, and the first of the two keeps it."""
EQUAL_DB = 3.0
SMOOTHING_FRAMES = 2
"""Energies are summed over 2 frames on either side: 50 ms."""
LEAST_HOPS = 15.0
"""A filter fitted to less than 0.3 s of the louder channel is not evidence."""
LEADING_HOPS = 5
"""A channel is a candidate if it is the loudest for 0.1 s of a block."""
REVERB_DB_PER_FRAME = 0.85
"""The decay of the voice in the room after it ends: 60 dB in 0.7 s."""
QUIET_DBFS = -75.0

Spectra = NDArray[np.complex64]
Floats = NDArray[np.float32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class ChannelBlock:
    """
    Samples of all channels, and which of their 10 ms frames only repeat another channel.

    `pcm`: shape (n_samples, n_channels). `copied`: shape (n_frames, n_channels), the channel that each frame
    repeats, or -1.
    """

    pcm: Channels
    copied: NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class _Block:
    """A block of samples, and its spectra and their power, by channel and hop."""

    pcm: Channels
    spectra: Spectra  # (channels, hops, bins)
    power: Floats  # (channels, hops)
    leaders: frozenset[int]

    def energies(self, channel: int) -> Floats:
        """The energy of each frame of a channel, smoothed."""
        return _energies(self.pcm[:, channel].astype(np.float32))


class CrosstalkFinder:
    """
    Finds copies in a stream of samples of several channels, some seconds behind.

    What it finds depends on the samples alone, never on how they were cut into blocks.
    """

    def __init__(self, n_channels: int) -> None:
        self._n_channels = n_channels
        self._rest: list[Channels] = []
        self._n_rest = 0
        self._tail = np.zeros((WINDOW_SAMPLES - HOP_SAMPLES, n_channels), np.int16)
        self._blocks: list[_Block] = []  # the one before, the one to be decided

    def push(self, pcm: Channels) -> list[ChannelBlock]:
        """Take the next samples; return the blocks that are decided now."""
        self._rest.append(pcm)
        self._n_rest += len(pcm)
        found: list[ChannelBlock] = []
        while self._n_rest >= BLOCK_SAMPLES:
            whole = np.concatenate(self._rest)
            self._rest, self._n_rest = [whole[BLOCK_SAMPLES:]], len(whole) - BLOCK_SAMPLES
            found += self._add(whole[:BLOCK_SAMPLES])
        return found

    def finish(self) -> list[ChannelBlock]:
        """End the stream: return the remaining blocks."""
        rest = np.concatenate(self._rest) if self._rest else np.zeros((0, self._n_channels), np.int16)
        found = self._add(rest) if len(rest) else []
        return found + self._decide_last()

    def _add(self, pcm: Channels) -> list[ChannelBlock]:
        block = self._analyse(pcm)
        self._blocks.append(block)
        if len(self._blocks) == 1:
            return []
        before = self._blocks[:-2][-1:]
        decided = self._decide(self._blocks[-2], [*before, *self._blocks[-2:]])
        self._blocks = self._blocks[-2:]
        return [decided]

    def _decide_last(self) -> list[ChannelBlock]:
        if not self._blocks:
            return []
        last = self._blocks[-1]
        decided = self._decide(last, self._blocks)
        self._blocks = []
        return [decided]

    def _analyse(self, pcm: Channels) -> _Block:
        hops = -(-len(pcm) // HOP_SAMPLES)
        padded = np.zeros((len(self._tail) + hops * HOP_SAMPLES, self._n_channels), np.int16)
        padded[: len(self._tail)] = self._tail
        padded[len(self._tail) : len(self._tail) + len(pcm)] = pcm
        self._tail = padded[-len(self._tail) :].copy()
        spectra = np.stack([_spectra(padded[:, channel]) for channel in range(self._n_channels)])
        power = np.stack([_power(each) for each in spectra])
        loudest = np.argmax(power, axis=0)[power.max(axis=0) > _QUIET]
        counts = np.bincount(loudest, minlength=self._n_channels)
        leaders = frozenset(np.flatnonzero(counts >= LEADING_HOPS).tolist())
        return _Block(pcm, spectra, power, leaders)

    def _decide(self, block: _Block, around: Sequence[_Block]) -> ChannelBlock:
        n_frames = len(block.pcm) // FRAME_SAMPLES
        copied = np.full((n_frames, self._n_channels), -1, np.int8)
        energies = {channel: block.energies(channel) for channel in range(self._n_channels)}
        for channel in range(self._n_channels):
            source = np.zeros(n_frames, np.float32)  # energy of the loudest channel that this one repeats
            for other in sorted(block.leaders - {channel}):
                left = _unexplained(block, around, channel, other)
                if left is None:
                    continue
                copies = _copies(energies[channel], energies[other], left, first=other < channel)
                found = copies & (energies[other] > source)
                copied[found, channel] = other
                source[found] = energies[other][found]
        return ChannelBlock(block.pcm, copied)


_WINDOW = np.hanning(WINDOW_SAMPLES).astype(np.float32)
_QUIET = float((32768 * 10 ** (QUIET_DBFS / 20)) ** 2 * np.square(_WINDOW).sum() * WINDOW_SAMPLES / 2)
"""Power of a hop of noise at `QUIET_DBFS`."""


def _spectra(samples: NDArray[np.int16]) -> Spectra:
    """The spectrum of the window that ends with each hop."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, WINDOW_SAMPLES)[::HOP_SAMPLES]
    return np.fft.rfft(windows * _WINDOW, axis=1).astype(np.complex64)


def _power(spectra: Spectra) -> Floats:
    power: Floats = (np.square(spectra.real) + np.square(spectra.imag)).sum(axis=1)
    return power


def _filter(around: Sequence[_Block], channel: int, other: int) -> Spectra | None:
    """
    The filter that best predicts a channel from another, by frequency; None: too little was said.

    Every hop counts by its relative error, so that what the channel says itself, which is louder, does not
    bend the filter.
    """
    bins = around[0].spectra.shape[2]
    products, energies = np.zeros(bins, np.complex128), np.zeros(bins)
    shares: list[Floats] = []
    for block in around:
        if other not in block.leaders:
            continue
        weights = 1 / (block.power[channel] + np.float32(_QUIET))
        mine, theirs = block.spectra[channel], block.spectra[other]
        products += np.einsum("h,hb,hb->b", weights, mine, theirs.conj())
        energies += np.einsum("h,hb->b", weights, np.square(theirs.real) + np.square(theirs.imag))
        shares.append(weights * block.power[other])
    every = np.concatenate(shares)
    # As many hops as count: the square of the sum by the sum of the squares.
    if every.sum() ** 2 < LEAST_HOPS * np.square(every).sum():
        return None
    fitted = products / np.maximum(energies, 1e-12)
    # A copy is softer than its source. A filter that amplifies finds, where the source is silent, what the
    # source itself picks up of the channel.
    return (fitted / np.maximum(np.abs(fitted), 1.0)).astype(np.complex64)


def _unexplained(block: _Block, around: Sequence[_Block], channel: int, other: int) -> Floats | None:
    """The energy of each frame of a channel that the other one does not predict; None: nothing is known."""
    fitted = _filter(around, channel, other)
    if fitted is None:
        return None
    taps = np.roll(np.fft.irfft(fitted, WINDOW_SAMPLES), WINDOW_SAMPLES // 2)
    length = 1 << (len(block.pcm) + 2 * WINDOW_SAMPLES).bit_length()
    source = np.fft.rfft(_with_surroundings(block, around, other), length)
    predicted = np.fft.irfft(source * np.fft.rfft(taps, length), length)
    predicted = predicted[WINDOW_SAMPLES : WINDOW_SAMPLES + len(block.pcm)]
    return _energies(block.pcm[:, channel].astype(np.float32) - predicted.astype(np.float32))


def _with_surroundings(block: _Block, around: Sequence[_Block], channel: int) -> Floats:
    """The samples of a block with half a window before and after it."""
    half = WINDOW_SAMPLES // 2
    place = next(number for number, each in enumerate(around) if each is block)
    before = around[place - 1].pcm[-half:, channel] if place else np.zeros(0, np.int16)
    after = around[place + 1].pcm[:half, channel] if place + 1 < len(around) else np.zeros(0, np.int16)
    samples = np.zeros(len(block.pcm) + 2 * half, np.float32)
    samples[half - len(before) : half] = before
    samples[half : half + len(block.pcm)] = block.pcm[:, channel]
    samples[half + len(block.pcm) :][: len(after)] = after
    return samples


def _energies(samples: Floats) -> Floats:
    """The energy around each whole frame."""
    whole = samples[: len(samples) // FRAME_SAMPLES * FRAME_SAMPLES].reshape(-1, FRAME_SAMPLES)
    sums = np.concatenate([[0.0], np.cumsum(np.square(whole).sum(axis=1), dtype=np.float64)])
    first, behind = _around(len(whole), SMOOTHING_FRAMES)
    return np.asarray(sums[behind] - sums[first], np.float32)


def _copies(energy: Floats, other: Floats, left: Floats, *, first: bool) -> Flags:
    """The frames with nothing but what the other channel, `first` of the two or not, holds as well."""
    explained = 1 - left / np.maximum(energy, 1.0)
    rise_db = 10 * np.log10((other + 1) / (energy + 1))
    equal = np.abs(rise_db) <= EQUAL_DB
    louder = np.where(equal, first & (explained >= ALIKE), rise_db > 0)
    sure = louder & (explained >= STRONG)
    copies = sure | (louder & (explained >= WEAK) & _near(sure))
    return _with_decay(copies, energy)


def _near(flags: Flags) -> Flags:
    """Return which frames lie within `REACH_FRAMES` of a flag."""
    counts = np.concatenate([[0], np.cumsum(flags)])
    first, behind = _around(len(flags), REACH_FRAMES)
    return np.asarray(counts[behind] > counts[first], np.bool_)


def _around(length: int, reach: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return, for each position, the window of a number of positions before and after it, as (first, end)."""
    places = np.arange(length)
    return np.maximum(places - reach, 0), np.minimum(places + reach + 1, length)


def _with_decay(copies: Flags, energy: Floats) -> Flags:
    """The copies, and what follows one and is no louder than its decay in the room."""
    decaying = copies.copy()
    decay = 10 ** (-REVERB_DB_PER_FRAME / 10)
    level = 0.0
    for frame, (copy, loud) in enumerate(zip(copies.tolist(), energy.tolist(), strict=True)):
        level *= decay
        if copy:
            level = max(level, loud)
        elif loud > level:
            level = 0.0
        decaying[frame] = level > 0.0
    return decaying
