"""
Words as tone bursts: every word carries a number that can be heard again after any codec.

A word is eleven tones of 20 ms: a start marker, nine tones of data, an end marker. Frequencies are
700, 850 … 3400 Hz: whole periods in 20 ms, hence orthogonal, far from mains hum and from the nulls of our
level detector at 0, 4 and 8 kHz. The nine data tones hold 20 bits of number and a CRC-16, four bits a tone,
each written as the *step* from the tone before: two neighbours never sound alike, so a listener sees where
one tone ends. A word that lost its head or tail lost a marker and can only be heard as garbled; damage in
its middle breaks the CRC, which catches every error burst of up to 16 bits.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.float32]
"""Mono sound at 16 kHz, shape (n_samples,), in [-1, 1]."""
Labels = NDArray[np.int_]
"""Tones by their place in `FREQUENCIES_HZ`."""

SAMPLE_RATE_HZ = 16_000
MAX_NUMBER = (1 << 20) - 1
WORD_SECONDS = 0.22
DEFAULT_LEVEL_DBFS = -12.0

TONE_SAMPLES = 320
FREQUENCIES_HZ = 700 + 150 * np.arange(19)
# The markers are the lowest tones: low-rate codecs keep them best.
START_MARKER, END_MARKER, _FIRST_DATA, _DATA_TONES = 0, 1, 2, 17
TONES_PER_WORD = 11
_DIGITS = TONES_PER_WORD - 2
_FADE_SAMPLES = 32
_FADE = np.sin(np.linspace(0, np.pi / 2, _FADE_SAMPLES, dtype=np.float32)) ** 2


def word_text(number: int) -> str:
    """The spelling of a number: `w00042`."""
    return f"w{number:05d}"


def word_number(text: str) -> int | None:
    """The number that `word_text` spelled so, None for any other text."""
    digits = text.removeprefix("w")
    return int(digits) if digits.isdecimal() and word_text(int(digits)) == text else None


def encode_word(number: int, level_dbfs: float = DEFAULT_LEVEL_DBFS) -> Samples:
    """
    Make the burst of a number, `WORD_SECONDS` long.

    Args:
        number: 0..MAX_NUMBER.
        level_dbfs: RMS level; the peak lies 3 dB above it.

    Raises:
        ValueError: the number is out of range.
    """
    if not 0 <= number <= MAX_NUMBER:
        raise ValueError(f"a word's number lies in 0..{MAX_NUMBER}, not {number}")
    burst = _SINES[_tones_of(number)].ravel() * np.float32(np.sqrt(2) * 10 ** (level_dbfs / 20))
    burst[:_FADE_SAMPLES] *= _FADE
    burst[-_FADE_SAMPLES:] *= _FADE[::-1]
    return burst


def _tones_of(number: int) -> list[int]:
    value = number << 16 | _crc(number)
    digits = [value >> 4 * place & 15 for place in reversed(range(_DIGITS))]
    data = [0]
    for digit in digits:
        data.append((data[-1] + 1 + digit) % _DATA_TONES)
    return [START_MARKER, *(_FIRST_DATA + tone for tone in data[1:]), END_MARKER]


def read_tones(tones: Labels) -> int | None:
    """The number that the eleven tones of a word spell, its markers aside; None if its CRC is wrong."""
    data = tones[1:-1] - _FIRST_DATA
    digits = (np.diff(data, prepend=0) - 1) % _DATA_TONES
    if (data < 0).any() or (digits > 15).any():
        return None
    value = int("".join(f"{digit:x}" for digit in digits), 16)
    number, check = value >> 16, value & 0xFFFF
    return number if check == _crc(number) else None


def _crc(number: int) -> int:
    """CRC-16/CCITT of the twenty bits, highest first."""
    crc = 0xFFFF
    for bit in range(19, -1, -1):
        carry = crc >> 15 ^ number >> bit & 1
        crc = (crc << 1 & 0xFFFF) ^ (0x1021 if carry else 0)
    return crc


def phases() -> NDArray[np.float64]:
    """The phase of each tone at each sample of its 20 ms, in radians, shape (TONE_SAMPLES, 19)."""
    return np.asarray(2 * np.pi / SAMPLE_RATE_HZ * np.outer(np.arange(TONE_SAMPLES), FREQUENCIES_HZ))


_SINES = np.ascontiguousarray(np.sin(phases()).T, dtype=np.float32)
