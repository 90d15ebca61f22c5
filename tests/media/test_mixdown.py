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


def test_one_channel_of_several(tmp_path: Path) -> None:
    """Channels can be had one by one; one that is not there is silent."""
    samples = np.stack([0.5 * tone(500, 1), 0.5 * tone(2000, 1)], axis=1)
    soundfile.write(tmp_path / "a.wav", samples, SAMPLE_RATE_HZ)
    heard = []
    for channel in range(3):
        with Decoder(tmp_path / "a.wav", 0, channel=channel) as decoder:
            pcm = np.concatenate(list(decoder))
        heard.append([round(strength(pcm, hertz), 2) for hertz in (500, 2000)])

    assert heard == [[0.5, 0.0], [0.0, 0.5], [0.0, 0.0]]


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


def test_many_loud_channels_do_not_clip() -> None:
    """The level is lowered where the sum would clip, and recovers slowly, without a click."""
    loud = np.concatenate([0.01 * tone(440, 1), 0.9 * tone(440, 1), 0.01 * tone(440, 3)])
    pcm = mixed(np.tile(loud, (8, 1)))
    quiet_after = [strength(pcm[round(at * 16_000) :][:1600], 440) for at in (2.1, 4.8)]

    assert strength(pcm[16_000 + 800 : 32_000], 440) == pytest.approx(1.0, abs=0.02)
    assert quiet_after[0] < quiet_after[1] < 0.03
