"""The waveform: true to the samples, whatever the blocks, and as audiowaveform writes it."""

from __future__ import annotations

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from audio_tools.audio.peaks import LEVELS, SAMPLES_PER_PIXEL, PeakMeter, Peaks


def peaks_of(pcm: NDArray[np.int16], *cuts: int) -> Peaks:
    pairs = bytearray()
    meter = PeakMeter(pairs.extend)
    for block in np.split(pcm, sorted(cuts)):
        meter.push(block)
    meter.finish()
    return Peaks.of(bytes(pairs), 1 if pcm.ndim == 1 else pcm.shape[1])


@given(st.integers(0, 5_000), st.lists(st.integers(0, 5_000), max_size=5), st.integers(0, 99))
def test_each_pixel_holds_its_lowest_and_highest_sample(length: int, cuts: list[int], seed: int) -> None:
    """In 8 bits, the last one of a shorter stretch; the blocks do not matter."""
    pcm = np.random.default_rng(seed).integers(-32768, 32768, length).astype(np.int16)
    peaks = peaks_of(pcm, *(min(cut, length) for cut in cuts))
    stretches = [pcm[at : at + SAMPLES_PER_PIXEL] for at in range(0, length, SAMPLES_PER_PIXEL)]

    assert peaks.pairs.tolist() == [[[part.min() >> 8, part.max() >> 8]] for part in stretches]


@given(st.integers(1, 3_000), st.integers(1, 5), st.integers(0, 3_000), st.integers(0, 99))
def test_each_channel_has_its_own(length: int, n_channels: int, cut: int, seed: int) -> None:
    """The peaks of a channel are those it has alone, in the interleaved order of audiowaveform."""
    pcm = np.random.default_rng(seed).integers(-32768, 32768, (length, n_channels)).astype(np.int16)
    peaks = peaks_of(pcm, min(cut, length)).coarser(1024)
    alone = [peaks_of(np.ascontiguousarray(column)).coarser(1024).pairs[:, 0].tolist() for column in pcm.T]

    assert peaks.to_json()["channels"] == n_channels
    assert Peaks.from_dat(peaks.to_dat()).to_json() == peaks.to_json()
    assert peaks.to_json()["data"] == [
        value for pixel in zip(*alone, strict=True) for pair in pixel for value in pair
    ]


@pytest.mark.parametrize("level", LEVELS)
def test_coarser_levels_hold_all_peaks(level: int) -> None:
    """As if they had been measured at that level."""
    pcm = np.random.default_rng(1).integers(-32768, 32768, 50_000).astype(np.int16)
    coarse = peaks_of(pcm).coarser(level)

    assert coarse.pairs.tolist() == [
        [[pcm[at : at + level].min() >> 8, pcm[at : at + level].max() >> 8]] for at in range(0, 50_000, level)
    ]


def test_the_binary_form_is_that_of_audiowaveform() -> None:
    """Version 2, 8 bits, little-endian: the header field by field, then the pairs; it can be read again."""
    peaks = peaks_of(np.full(600, 512, np.int16))
    data = peaks.to_dat()

    assert struct.unpack("<iIiiIi", data[:24]) == (2, 1, 16_000, 256, 3, 1)
    assert data[24:] == bytes([2, 2] * 3)
    assert Peaks.from_dat(data).to_json() == peaks.to_json()


@pytest.mark.parametrize("data", [b"", b"\0" * 24, Peaks.of(b"\1\2").to_dat()[:-1]])
def test_other_data_are_refused(data: bytes) -> None:
    """Too short, of another kind, cut off."""
    with pytest.raises(ValueError, match="data"):
        Peaks.from_dat(data)


def test_a_part_holds_the_pixels_that_it_touches() -> None:
    """In seconds; 62.5 pixels are one at the finest level."""
    peaks = Peaks(np.arange(250, dtype=np.uint8).view(np.int8).reshape(-1, 1, 2))

    assert peaks.between(0.016, 0.033).pairs.tolist() == peaks.pairs[1:3].tolist()
    assert len(peaks.between(None, None).pairs) == 125
    assert len(peaks.between(100.0, None).pairs) == 0
