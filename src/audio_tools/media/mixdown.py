"""
Mix channels down to one in which every channel can be heard, whatever its layout or polarity.

A plain mean lets a voice vanish that one channel holds inverted: a cable soldered the wrong way round, a
side microphone, a stereo widener. So the channels are compared block by block, and one that would cancel
others is inverted. A voice below louder music that both channels hold alike is found by `hidden_side.py`;
then the channels get unequal weights, so that it does not cancel.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audio_tools.audio.matrix_products import ignore_false_alarms
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.media.hidden_side import HiddenSide

Float = NDArray[np.float32]

BLOCK_SAMPLES = SAMPLE_RATE_HZ // 20
"""50 ms: polarity changes where a file was edited, and shorter blocks correlate by chance."""

FADE_SAMPLES = SAMPLE_RATE_HZ // 100

RELATED = 0.3
"""Channels whose correlation is farther from 0 share some sound; below minus this they cancel it."""

RECOVERY_PER_BLOCK = 1.006
"""The level of many channels recovers by 1 dB in a second after their sum would have clipped."""

EQUAL, UNEQUAL = np.array([1, 1], np.float32), np.array([1.5, 0.5], np.float32)
"""Weights of two channels: with the second ones an inverted voice is 6 dB softer than in one channel."""

_FULL_SCALE = 32767
_SILENT = 1e-3
"""Energy of a block that counts as none, in squares of a 16-bit step; it keeps divisions finite."""


class Mixdown:
    """
    Mixes interleaved samples of a constant number of channels; one instance for each stream.

    One or two channels are averaged. The level of more is kept higher, since a voice may be in one of sixty
    tracks alone, and lowered only where their sum would clip.
    """

    def __init__(self, channels: int) -> None:
        self._channels = channels
        self._full_gain = 1 / channels if channels < 3 else channels**-0.5
        self._gain = self._full_gain
        self._signs = np.ones(channels, np.float32)
        self._balance = np.ones(channels, np.float32)
        self._side = HiddenSide() if channels == 2 else None
        self._weights: Float | None = None

    @ignore_false_alarms()
    def mix(self, interleaved: Pcm) -> Pcm:
        """Mono samples of interleaved ones, as many as there are of each channel."""
        if self._channels == 1:
            return interleaved
        if self._is_copied(interleaved):
            self._weights = self._signs * np.float32(self._gain)
            return interleaved[::2].copy()
        samples = interleaved.reshape(-1, self._channels).astype(np.float32)
        shared = _correlations(samples)
        if self._side is not None:
            self._balance = UNEQUAL if self._side.is_present_in(samples) else EQUAL
        if (shared >= 0).all() and (self._signs > 0).all():
            mixed = self._mix_alike(samples)
        else:
            blocks = zip(_blocks(samples), shared, strict=True)
            mixed = np.concatenate([self._mix_block(block, relations) for block, relations in blocks])
        np.rint(mixed, out=mixed)
        return np.clip(mixed, -_FULL_SCALE - 1, _FULL_SCALE, out=mixed).astype(np.int16)

    def _is_copied(self, interleaved: Pcm) -> bool:
        """Whether both channels are equal, as from one microphone, and their mix is either of them."""
        side = self._side
        if side is None or side.is_near or self._gain != self._full_gain or (self._signs < 0).any():
            return False
        left = interleaved[::2]
        copied = np.array_equal(left, interleaved[1::2]) and left.min(initial=0) >= -_FULL_SCALE
        return copied and self._is_equal()

    def _mix_alike(self, samples: Float) -> Float:
        """The mix where no channel cancels another."""
        total: Float = samples @ self._signs
        fits = np.abs(total).max(initial=0) * self._gain <= _FULL_SCALE
        steady = self._gain == self._full_gain and self._is_equal()
        if fits and steady:
            self._weights = self._signs * np.float32(self._gain)
            return total * np.float32(self._gain)
        return np.concatenate([self._weigh(block) for block in _blocks(samples)])

    def _is_equal(self) -> bool:
        """Whether the channels have and had equal weights, so nothing fades."""
        before = self._weights
        return bool((self._balance == 1).all()) and (before is None or bool(np.ptp(np.abs(before)) == 0))

    def _mix_block(self, block: Float, relations: Float) -> Float:
        """Invert channels so that none cancels those that are louder and share some sound with it."""
        placed: list[int] = []
        for channel in np.argsort(-np.diagonal(relations), kind="stable"):
            if relations[channel, placed] @ self._signs[placed] * self._signs[channel] < 0:
                self._signs[channel] *= -1
            placed.append(int(channel))
        return self._weigh(block)

    def _weigh(self, block: Float) -> Float:
        """The weighted sum of a block; weights change by a short fade."""
        total: Float = block @ (self._signs * self._balance)
        fitting = _FULL_SCALE / max(float(np.abs(total).max(initial=0)), 1.0)
        self._gain = min(self._full_gain, fitting, self._gain * RECOVERY_PER_BLOCK)
        before, self._weights = self._weights, self._signs * self._balance * np.float32(self._gain)
        total *= np.float32(self._gain)
        if before is not None and not np.array_equal(before, self._weights):
            head = block[:FADE_SAMPLES]
            rise = np.linspace(0, 1, len(head), endpoint=False, dtype=np.float32)
            total[: len(head)] = (1 - rise) * (head @ before) + rise * total[: len(head)]
        return total


def _blocks(samples: Float) -> list[Float]:
    return [samples[first : first + BLOCK_SAMPLES] for first in range(0, len(samples), BLOCK_SAMPLES)]


def _correlations(samples: Float) -> Float:
    """
    For each block what its channels share: energy on the diagonal, covariance where it is more than chance.

    Shape (blocks, channels, channels).
    """
    whole = len(samples) // BLOCK_SAMPLES * BLOCK_SAMPLES
    channels = samples.shape[1]
    blocks = samples[:whole].reshape(-1, BLOCK_SAMPLES, channels)
    shared: Float = blocks.transpose(0, 2, 1) @ blocks
    if whole < len(samples):
        rest = samples[whole:]
        shared = np.concatenate([shared, (rest.T @ rest)[np.newaxis]])
    levels = np.sqrt(np.einsum("bcc->bc", shared)) + np.float32(_SILENT)
    limit = np.float32(RELATED) * levels[:, :, np.newaxis] * levels[:, np.newaxis, :]
    shared[np.abs(shared) < limit] = 0
    return shared
