"""Every channel is audible in the mix, whatever their number, layout and polarity."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.errors import DecodeFailed
from audio_tools.media.decode import Decoder
from audio_tools.media.hidden_side import HiddenSide
from audio_tools.media.mixdown import Mixdown
from audio_tools.media.probe import probe
from tests.media.samples import decode

Float = NDArray[np.float64]
RATE_HZ = 48_000


def tone(hertz: float, seconds: float, rate_hz: int = SAMPLE_RATE_HZ) -> Float:
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate_hz)) / rate_hz)


def strength(pcm: Pcm, hertz: float) -> float:
    """The amplitude of one frequency, in full scales."""
    turns = np.exp(-2j * np.pi * hertz * np.arange(len(pcm)) / SAMPLE_RATE_HZ)
    return float(2 * abs(np.mean(pcm * turns)) / 32768)


def mixed(channels: Float) -> Pcm:
    """Channels (rows) through a mixdown, in pieces of a second."""
    interleaved = np.rint(channels.T * 32767).astype(np.int16)
    mixdown = Mixdown(len(channels))
    pieces = np.array_split(interleaved, max(len(interleaved) // SAMPLE_RATE_HZ, 1))
    return np.concatenate([mixdown.mix(piece.reshape(-1)) for piece in pieces])


@pytest.mark.parametrize("channels", [3, 9, 10, 13, 15, 16, 18, 22, 24, 32, 60, 64])
async def test_any_number_of_channels(tmp_path: Path, channels: int) -> None:
    """Each channel of a field recorder speaks in turn, and is heard."""
    path, turn = tmp_path / "recorder.wav", RATE_HZ // 10
    samples = np.zeros((channels * turn, channels))
    for channel in range(channels):
        samples[channel * turn : (channel + 1) * turn, channel] = 0.3 * tone(1000, 0.1, RATE_HZ)
    soundfile.write(path, samples, RATE_HZ, subtype="PCM_24")
    assert (await probe(path)).audio_streams[0].channels == channels
    turns = decode(path).reshape(channels, -1)

    assert all(strength(pcm, 1000) > 0.03 for pcm in turns)


def test_more_channels_than_can_be_read_are_named(tmp_path: Path) -> None:
    """The limit is in the message, and a hint says what to do."""
    soundfile.write(tmp_path / "a.wav", np.zeros((1000, 65)), RATE_HZ)

    with pytest.raises(DecodeFailed, match="more than 64 audio channels") as caught:
        decode(tmp_path / "a.wav")
    assert "Mix" in caught.value.hint


def test_all_channels_in_one_pass(tmp_path: Path) -> None:
    """All channels come in one pass, each in its column."""
    samples = np.stack([0.5 * tone(500, 1), 0.5 * tone(2000, 1)], axis=1)
    soundfile.write(tmp_path / "a.wav", samples, SAMPLE_RATE_HZ)
    with Decoder(tmp_path / "a.wav", 0, channels=2) as decoder:
        pcm = np.concatenate(list(decoder))
    heard = [[round(strength(column, hertz), 2) for hertz in (500, 2000)] for column in pcm.T]

    assert heard == [[0.5, 0.0], [0.0, 0.5]]
    assert decoder.warnings == ()


def test_another_number_of_channels_is_mixed_and_reported(tmp_path: Path) -> None:
    """Nothing is lost where a stream has more channels than its head says; a warning says from when on."""
    samples = np.stack([0.5 * tone(500, 1), 0.5 * tone(2000, 1), np.zeros(SAMPLE_RATE_HZ)], axis=1)
    soundfile.write(tmp_path / "a.wav", samples, SAMPLE_RATE_HZ)
    with Decoder(tmp_path / "a.wav", 0, channels=2) as decoder:
        pcm = np.concatenate(list(decoder))

    assert pcm.shape == (SAMPLE_RATE_HZ, 2)
    assert min(strength(pcm[:, 0], hertz) for hertz in (500, 2000)) > 0.1
    assert not pcm[:, 1].any()
    assert "From 0.0 s on, audio stream 0 has 3 channels instead of 2" in decoder.warnings[0]


@given(st.lists(st.sampled_from([-1.0, -0.6, 0.0, 0.6, 1.0]), min_size=2, max_size=8))
def test_a_voice_of_any_polarity_is_heard(gains: list[float]) -> None:
    """One voice in all channels, with any signs and levels, is in the mix at least at a channel's share."""
    voice = 0.3 * tone(440, 1)
    noise = np.random.default_rng(1).standard_normal((len(gains), len(voice))) * 0.001
    pcm = mixed(np.outer(gains, voice) + noise)

    assert strength(pcm, 440) >= 0.29 * max(map(abs, gains)) / len(gains)


@pytest.mark.parametrize("inverted_from", [0.0, 0.33, 1.0, 1.37])
def test_a_voice_that_turns_over_is_heard_throughout(inverted_from: float) -> None:
    """Wherever one channel turns over, no 0.1 s of the voice are missing."""
    voice = 0.3 * tone(440, 3)
    other = np.where(np.arange(len(voice)) < inverted_from * SAMPLE_RATE_HZ, voice, -voice)
    tenths = mixed(np.stack([voice, other])).reshape(30, -1)

    assert min(strength(pcm, 440) for pcm in tenths) > 0.1


def test_an_inverted_pair_beside_louder_music_is_heard() -> None:
    """Two tracks of a voice that cancel each other, with music on two more."""
    voice, music = 0.1 * tone(440, 2), 0.5 * tone(150, 2)
    pcm = mixed(np.stack([music, voice, 0.9 * music, -voice]))

    assert strength(pcm, 440) > 0.08
    assert strength(pcm, 150) > 0.3


def test_ordinary_stereo_is_the_mean() -> None:
    """Channels that do not cancel each other are averaged, to the last bit."""
    random = np.random.default_rng(2)
    middle, left, right = (random.integers(-9000, 9000, 40_000) for _ in range(3))
    stereo = np.stack([middle + left, middle + right], axis=1).astype(np.int16)

    assert np.array_equal(Mixdown(2).mix(stereo.reshape(-1)), np.rint(stereo.mean(axis=1)).astype(np.int16))


def speech_like(seed: int, seconds: float = 6.0) -> Float:
    """Syllables of harmonics at a changing pitch, with pauses."""
    random = np.random.default_rng(seed)
    syllables: list[Float] = []
    while sum(map(len, syllables)) < seconds * SAMPLE_RATE_HZ:
        pitch, length = random.uniform(100, 220), random.uniform(0.1, 0.3)
        tones = [tone(pitch * n, length) / n for n in range(1, 15)]
        syllables += [np.sum(tones, axis=0) * np.hanning(len(tones[0])), np.zeros(random.integers(800, 4000))]
    return 0.1 * np.concatenate(syllables)[: round(seconds * SAMPLE_RATE_HZ)]


def chords(root: float, seconds: float = 6.0) -> Float:
    """Dense music: chords with overtones, without a gap in time."""
    tones = [tone(root * step * n, seconds) / n for step in (1, 1.25, 1.5) for n in range(1, 9)]
    return np.asarray(0.1 * np.sum(tones, axis=0))


@pytest.mark.parametrize("louder_db", [6, 9, 12])
def test_an_inverted_voice_below_music_that_is_not_is_heard(louder_db: float) -> None:
    """The channels agree as a whole, but the voice alone would cancel."""
    voice, music = speech_like(1), chords(110)
    music *= 10 ** (louder_db / 20) * np.sqrt((voice**2).sum() / (music**2).sum())
    pcm = mixed(0.3 * np.stack([music + voice, music - voice])).astype(float) / 32768
    voice_in_mix = (pcm @ voice) / (voice @ voice) / 0.3

    assert voice_in_mix > 0.4


def room(seed: int) -> Float:
    """The response of a room at one of its microphones."""
    length = SAMPLE_RATE_HZ // 2
    response = np.random.default_rng(seed).standard_normal(length) * np.exp(-7 * np.arange(length) / length)
    return np.asarray(response / np.sqrt((response**2).sum()))


def ordinary_stereo() -> dict[str, tuple[Float, Float]]:
    first, second, music, other = speech_like(2), speech_like(3), chords(131), chords(165)
    size = len(first)
    echo = [np.convolve(first, room(seed))[:size] for seed in (1, 2)]
    noise = 0.02 * np.random.default_rng(4).standard_normal((2, size))
    return {
        "two voices, hard left and right": (first, second),
        "a voice in a room": (first + echo[0], first + echo[1]),
        "a voice in the middle of wide music": (first + music, first + other),
        "panned": (0.9 * first + 0.2 * second + 0.5 * music, 0.4 * first + 0.8 * second + 0.3 * music),
        "ambience": (0.3 * first + noise[0], 0.3 * first + noise[1]),
        "one channel": (first, 0 * first),
    }


@pytest.mark.parametrize("name", ordinary_stereo())
def test_ordinary_stereo_keeps_equal_weights(name: str) -> None:
    """Panned sources, rooms and ambience do not look like a hidden voice."""
    left, right = (0.3 * channel for channel in ordinary_stereo()[name])
    samples = np.rint(np.stack([left, right], axis=1) * 32767).astype(np.float32)
    side = HiddenSide()

    assert not any(side.is_present_in(second) for second in np.array_split(samples, 6))


def test_many_loud_channels_do_not_clip() -> None:
    """The level is lowered where the sum would clip, and recovers slowly, without a click."""
    loud = np.concatenate([0.01 * tone(440, 1), 0.9 * tone(440, 1), 0.01 * tone(440, 3)])
    pcm = mixed(np.tile(loud, (8, 1)))
    quiet_after = [strength(pcm[round(at * 16_000) :][:1600], 440) for at in (2.1, 4.8)]

    assert strength(pcm[16_000 + 800 : 32_000], 440) == pytest.approx(1.0, abs=0.02)
    assert quiet_after[0] < quiet_after[1] < 0.03


COPIED, STEREO, TURNED, LOUD = range(4)


@given(st.lists(st.sampled_from([COPIED, STEREO, LOUD]), max_size=6))
def test_one_microphone_on_both_channels_is_mixed_like_any_stereo(kinds: list[int]) -> None:
    """One different bit makes the channels unequal, and changes one sample of the mix."""
    rng = np.random.default_rng(len(kinds))
    same, other = Mixdown(2), Mixdown(2)
    for kind in [*kinds, TURNED]:
        left, right = rng.normal(0, 3000, (2, 1600)).astype(np.int16)
        if kind == LOUD:
            left[7] = -32768
        right = {STEREO: right, TURNED: -(left // 2)}.get(kind, left)
        pair = np.stack([left, right], axis=1)
        changed = pair.copy()
        changed[99, 1] ^= 1
        mixed, expected = same.mix(pair.reshape(-1)), other.mix(changed.reshape(-1))

        assert np.flatnonzero(mixed != expected).tolist() in ([], [99])
