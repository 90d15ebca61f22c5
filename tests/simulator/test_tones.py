"""The code of the tone words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulator.tones import (
    FREQUENCIES_HZ,
    MAX_NUMBER,
    SAMPLE_RATE_HZ,
    TONE_SAMPLES,
    WORD_SECONDS,
    encode_word,
    read_tones,
    word_number,
    word_text,
)

numbers = st.integers(0, MAX_NUMBER)


def tones_of(number: int) -> np.ndarray[tuple[int], np.dtype[np.int_]]:
    """The tones of a word, found with a plain Fourier transform."""
    spectra = np.abs(np.fft.rfft(encode_word(number).reshape(-1, TONE_SAMPLES), axis=1))
    bins = FREQUENCIES_HZ * TONE_SAMPLES // SAMPLE_RATE_HZ
    return np.asarray(spectra[:, bins].argmax(axis=1))


@given(numbers)
def test_the_tones_of_a_word_spell_its_number(number: int) -> None:
    """Any number can be read from the eleven tones of its burst."""
    assert number == read_tones(tones_of(number))


@given(numbers)
def test_neighbouring_tones_differ(number: int) -> None:
    """No two tones in a row are alike: the rhythm of a cut word can be heard."""
    assert np.diff(tones_of(number)).all()


@given(numbers, st.integers(1, 9), st.integers(1, 3), st.randoms(use_true_random=False))
def test_up_to_three_neighbouring_wrong_tones_spell_nothing(
    number: int, place: int, count: int, random: np.random.RandomState
) -> None:
    """A burst of errors never turns a word into another word: that is what the CRC is for."""
    right = tones_of(number)
    wrong = right.copy()
    for index in range(place, min(place + count, 10)):
        wrong[index] = random.randint(2, 18)

    assert read_tones(wrong) in ({number} if (wrong == right).all() else {None})


@given(numbers)
def test_spelling_can_be_undone(number: int) -> None:
    """A word's text leads back to its number."""
    assert number == word_number(word_text(number))


@pytest.mark.parametrize("text", ["garbled", "", "w", "42", "w42", "w000042", "W00042", "w00042."])
def test_other_texts_are_no_number(text: str) -> None:
    """Only the exact spelling counts."""
    assert word_number(text) is None


def test_a_word_has_the_level_and_length_it_should() -> None:
    """A burst at -20 dBFS has that RMS and lasts `WORD_SECONDS`."""
    burst = encode_word(7, level_dbfs=-20)

    assert round(WORD_SECONDS * SAMPLE_RATE_HZ) == burst.size
    assert pytest.approx(-20, abs=0.1) == 10 * np.log10(np.mean(np.square(burst)))


@pytest.mark.parametrize("number", [-1, MAX_NUMBER + 1])
def test_numbers_out_of_range_are_refused(number: int) -> None:
    """What does not fit into twenty bits is an error, not another number."""
    with pytest.raises(ValueError, match=str(number)):
        encode_word(number)
