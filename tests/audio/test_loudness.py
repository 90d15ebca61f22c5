"""Where the sound of a word ends."""

from __future__ import annotations

import numpy as np
import pytest

from audio_tools.audio.loudness import LONGEST_DECAY_S, Loudness
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.transcript import Interval
from tests.audio.signals import bed, samples, to_pcm


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


def test_the_sound_in_which_a_word_ends_is_found() -> None:
    """The word was cut off after 0.2 s of 0.4 s; its sound dies away by 24 dB 0.08 s behind them."""
    loudness = Loudness(word_with_decay(0.4, 300.0))

    assert loudness.end_of_sound_behind(Interval(1.0, 1.2), 2.2, 12.0) == pytest.approx(1.48, abs=0.02)
    assert loudness.end_of_sound_behind(Interval(1.0, 1.5), 2.2, 24.0) == 1.5


def test_a_closure_within_a_word_is_not_its_end() -> None:
    """The `t` of `scratch` is silent for 0.05 s; a sound after 0.1 s is another one."""
    word = Interval(0.2, 0.4)
    closed, apart = (
        Loudness(
            to_pcm(np.concatenate([bed(0.2, -70), bed(0.2, -20), bed(gap, -70), bed(0.2, -25), bed(1, -70)]))
        )
        for gap in (0.05, 0.1)
    )

    assert closed.end_of_sound_behind(word, 1.6, 24.0) == pytest.approx(0.65, abs=0.011)
    assert apart.end_of_sound_behind(word, 1.6, 24.0) == 0.4


@pytest.mark.parametrize("noise_dbfs", [-30, -40])
def test_steady_noise_behind_a_word_is_not_its_sound(noise_dbfs: float) -> None:
    """On noise less than 24 dB below a word nothing dies away; the word ends where only the noise is left."""
    spoken = np.concatenate([np.zeros(samples(0.5)), bed(0.5, -20), np.zeros(samples(1.0))])
    loudness = Loudness(to_pcm(spoken + bed(2.0, noise_dbfs, seed=2)))

    assert loudness.end_of_sound_behind(Interval(0.5, 1.0), 2.0, 24.0) == 1.0
    assert loudness.end_of_sound_behind(Interval(0.5, 0.7), 2.0, 24.0) == pytest.approx(1.0, abs=0.011)
