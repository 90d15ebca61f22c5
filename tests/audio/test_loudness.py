"""Where the sound of a word ends."""

from __future__ import annotations

import numpy as np
import pytest

from audio_tools.audio.loudness import LONGEST_DECAY_S, Loudness
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.transcript import Interval, Word
from audio_tools.words.timing import end_with_sound


def word_with_decay(loud_s: float, decay_db_per_s: float) -> Pcm:
    """A second of faint noise, a word, and how it dies away for a second."""
    random = np.random.default_rng(0)
    decay = 10 ** (-decay_db_per_s * np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ / 20)
    shape = np.concatenate([np.full(SAMPLE_RATE_HZ, 1e-4), np.ones(round(loud_s * SAMPLE_RATE_HZ)), decay])
    return np.asarray(random.normal(0, 5000, len(shape)) * shape, np.int16)


def test_a_word_ends_where_its_sound_has_died_away() -> None:
    """300 dB a second: 24 dB below its loud part 0.08 s behind it."""
    loudness = Loudness(word_with_decay(0.4, 300.0))

    assert loudness.end_of_sound(Interval(1.0, 1.55)) == pytest.approx(1.48, abs=0.02)
    assert loudness.end_of_sound(Interval(1.0, 1.4)) == 1.4


def test_a_decay_is_cut_off_only_so_far() -> None:
    """A soft last syllable is no decay: of a word that ends in silence, no more is taken away."""
    loudness = Loudness(word_with_decay(0.4, 3000.0))

    assert loudness.end_of_sound(Interval(1.0, 2.0)) == pytest.approx(2.0 - LONGEST_DECAY_S)


def test_only_aligned_words_before_a_pause_end_with_their_sound() -> None:
    """Within connected speech the next word decides; the times of engines stay."""
    words = [
        Word("one", 1.0, 1.5, timing="aligned"),
        Word("two", 1.5, 2.0, timing="aligned"),
        Word("three", 3.0, 3.5, timing="engine"),
        Word("four", 4.0, 4.06, timing="aligned"),
    ]

    ended = end_with_sound(words, lambda stretch: stretch.start + 0.03)

    assert [word.end for word in ended] == pytest.approx([1.5, 1.54, 3.5, 4.04])
