"""A voice on two microphones is found on the softer one; two voices at once are two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from audio_tools.audio.crosstalk import CrosstalkFinder
from audio_tools.audio.pcm import FRAME_SAMPLES, Channels
from tests.audio.signals import Signal, bed, samples, to_pcm

FLOOR_DBFS = -65.0


def voice(seconds: float, spoken: Sequence[tuple[float, float]], seed: int) -> Signal:
    """Harmonics of a pitch that wanders, in syllables, in these stretches (seconds) alone."""
    rng = np.random.default_rng(seed)
    length = samples(seconds)
    t = np.arange(length) / 16_000
    drift = np.cumsum(rng.standard_normal(length // 1600 + 2)) * 6
    pitch = 110 + 40 * seed + 30 * np.sin(np.interp(t, np.arange(len(drift)) / 10, drift) / 30)
    phase = 2 * np.pi * np.cumsum(pitch) / 16_000
    strengths = rng.uniform(0.3, 1, 16)
    tone = sum(s * np.sin(n * phase + rng.uniform(0, 6)) for n, s in enumerate(strengths, start=1))
    syllables = 0.15 + np.square(np.sin(2 * np.pi * (2.2 + 0.3 * seed) * t))
    flags = np.zeros(length)
    for start, end in spoken:
        flags[samples(start) : samples(end)] = 1
    return np.asarray(tone * syllables * flags * 0.02)


def late(signal: Signal, milliseconds: float, level_db: float) -> Signal:
    """The signal as another microphone picks it up."""
    shift = round(milliseconds * 16)
    return np.concatenate([np.zeros(shift), signal])[: len(signal)] * 10 ** (level_db / 20)


def record(*signals: Signal) -> Channels:
    """One microphone each, with its own noise."""
    noisy = [s + bed(len(s) / 16_000, FLOOR_DBFS, seed) for seed, s in enumerate(signals)]
    return np.stack([to_pcm(signal) for signal in noisy], axis=1)


def copied(pcm: Channels, block: int = 64_000) -> NDArray[np.int8]:
    """Which channel each frame of each channel repeats."""
    finder = CrosstalkFinder(pcm.shape[1])
    heard = [each for at in range(0, len(pcm), block) for each in finder.push(pcm[at : at + block])]
    heard += finder.finish()
    assert np.array_equal(np.concatenate([each.pcm for each in heard]), pcm)
    return np.concatenate([each.copied for each in heard])


def share(flags: NDArray[np.int8], channel: int, other: int, start: float, end: float) -> float:
    """How much of a stretch of a channel repeats another one."""
    part = flags[round(start * 100) : round(end * 100), channel]
    return float(np.mean(part == other))


@pytest.mark.parametrize(("level_db", "milliseconds", "sign"), [(-12, 4, 1), (-20, 15, -1), (-30, 0.5, 1)])
def test_bleed_is_found_and_nothing_else(level_db: float, milliseconds: float, sign: int) -> None:
    """On either channel where the other one speaks, delayed and of any polarity."""
    first, second = voice(14, [(1, 5)], 1), voice(14, [(7, 12)], 2)
    flags = copied(
        record(
            first + sign * late(second, milliseconds, level_db), second + late(first, milliseconds, level_db)
        )
    )

    assert share(flags, 1, 0, 1.1, 4.9) > 0.9
    assert share(flags, 0, 1, 7.1, 11.9) > 0.9
    assert share(flags, 0, 1, 1.0, 5.0) == share(flags, 1, 0, 7.0, 12.0) == 0


def test_two_voices_at_once_are_two() -> None:
    """With bleed of both on both channels, neither is taken for a copy of the other."""
    first, second = voice(16, [(1, 9)], 1), voice(16, [(3, 12)], 2)
    flags = copied(record(first + late(second, 4, -20), second + late(first, 4, -20)))

    assert share(flags, 1, 0, 1.2, 2.8) > 0.9
    assert share(flags, 0, 1, 9.3, 11.9) > 0.9
    assert share(flags, 0, 1, 3.2, 8.8) < 0.02
    assert share(flags, 1, 0, 3.2, 8.8) < 0.02


def test_independent_channels_hold_no_copies() -> None:
    """Without bleed nothing is taken away, not even from a much softer voice."""
    flags = copied(record(voice(12, [(1, 10)], 1), voice(12, [(2, 11)], 2) * 0.03))

    assert (flags == -1).mean() > 0.99


def test_of_identical_channels_the_first_keeps_the_sound() -> None:
    """Dual mono: all of the second channel is a copy, none of the first."""
    sound = voice(10, [(1, 4), (5, 9)], 1) + bed(10, FLOOR_DBFS)
    pcm = np.repeat(to_pcm(sound)[:, np.newaxis], 2, axis=1)
    flags = copied(pcm)

    assert (flags[:, 0] == -1).all()
    assert (flags[:, 1] == 0).all()


def test_a_silent_channel_holds_no_copies() -> None:
    """Digital silence beside a voice is not a copy of anything."""
    sound = to_pcm(voice(9, [(1, 8)], 1))
    flags = copied(np.stack([sound, np.zeros_like(sound)], axis=1))

    assert (flags == -1).all()


def test_each_of_many_microphones_keeps_its_voice() -> None:
    """Four people one after the other; everyone is heard by all microphones."""
    turns = [(1, 4), (5, 8), (9, 12), (13, 16)]
    voices = [voice(17, [turn], seed) for seed, turn in enumerate(turns)]
    flags = copied(
        record(*(sum((late(other, 3, -20) for other in voices if other is not own), own) for own in voices))
    )

    for speaker, (start, end) in enumerate(turns):
        for channel in range(4):
            found = share(flags, channel, speaker, start + 0.2, end - 0.1)
            assert found == 0 if channel == speaker else found > 0.9


@pytest.mark.parametrize("block", [1_000, 50_001, 300_000])
def test_the_blocks_do_not_matter(block: int) -> None:
    """The same samples give the same copies, however they come in."""
    first, second = voice(13.37, [(1, 6)], 1), voice(13.37, [(5, 12)], 2)
    pcm = record(first + late(second, 4, -20), second + late(first, 4, -20))

    assert np.array_equal(copied(pcm, block), copied(pcm))


@pytest.mark.parametrize("n_samples", [0, 1, FRAME_SAMPLES - 1, FRAME_SAMPLES, 64_000, 64_001])
def test_recordings_of_any_length(n_samples: int) -> None:
    """Also shorter than a frame, or none at all."""
    flags = copied(np.ones((n_samples, 2), np.int16)) if n_samples else np.zeros((0, 2))

    assert len(flags) == n_samples // FRAME_SAMPLES
