"""Chunks as files in memory."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.media.encode import (
    FEWEST_SAMPLES,
    EncodedAudio,
    decode_encoded,
    encode,
    max_encoded_bytes,
    seconds_within,
)

FORMATS = ["flac", "wav", "mp3", "ogg", "opus"]
RATES_HZ = [8_000, 9_999, 16_000, 22_050, 44_100, 48_000]
SECONDS = 4
BEEPS = [1, 2, 3]


def beeps() -> Pcm:
    """A beep of 0.1 s at each of the first whole seconds, in faint noise."""
    samples = np.random.default_rng(1).normal(0, 20, SECONDS * SAMPLE_RATE_HZ)
    tone = 20_000 * np.sin(2 * np.pi * 1000 * np.arange(SAMPLE_RATE_HZ // 10) / SAMPLE_RATE_HZ)
    for second in BEEPS:
        samples[second * SAMPLE_RATE_HZ :][: len(tone)] += tone
    return samples.astype(np.int16)


def onsets(samples: Pcm, rate_hz: int) -> list[float]:
    """When each beep starts, in seconds."""
    starts = []
    for second in BEEPS:
        first = int((second - 0.5) * rate_hz)
        loud = np.abs(samples[first : first + rate_hz].astype(int)) > 8000
        starts.append((first + int(np.argmax(loud))) / rate_hz)
    return starts


def read_by_ffmpeg(audio: EncodedAudio, folder: Path) -> Pcm:
    path = folder / f"a.{audio.extension}"
    path.write_bytes(audio.data)
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-v", "error", "-i", str(path), "-ac", "1"]
    command += ["-ar", str(SAMPLE_RATE_HZ), "-f", "s16le", "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, "<i2")


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("rate_hz", RATES_HZ)
@pytest.mark.parametrize("audio_format", FORMATS)
def test_a_sound_stays_where_it_is(audio_format: str, rate_hz: int, channels: int) -> None:
    """No encoder shifts the words, as libsndfile and we ourselves read it; level and length stay too."""
    audio = encode(beeps(), audio_format, rate_hz, channels)
    samples, rate = soundfile.read(io.BytesIO(audio.data), dtype="int16", always_2d=True)
    own = decode_encoded(audio)

    assert audio.seconds == SECONDS
    assert rate >= rate_hz
    assert samples.shape[1] == channels
    assert len(samples) / rate == pytest.approx(SECONDS, abs=0.001)
    assert len(own) == SECONDS * SAMPLE_RATE_HZ
    assert onsets(samples[:, -1], rate) == pytest.approx(BEEPS, abs=0.001)
    assert onsets(own, SAMPLE_RATE_HZ) == pytest.approx(BEEPS, abs=0.001)
    assert np.abs(own).max() == pytest.approx(20_000, rel=0.15)


@pytest.mark.parametrize("audio_format", FORMATS)
def test_ffmpeg_hears_it_at_the_same_time(audio_format: str, tmp_path: Path) -> None:
    """A server that decodes with FFmpeg gets the same times as well."""
    samples = read_by_ffmpeg(encode(beeps(), audio_format), tmp_path)

    assert len(samples) == SECONDS * SAMPLE_RATE_HZ
    assert onsets(samples, SAMPLE_RATE_HZ) == pytest.approx(BEEPS, abs=0.001)


@pytest.mark.parametrize("audio_format", ["flac", "wav"])
def test_lossless_formats_lose_nothing(audio_format: str) -> None:
    """What is re-cut from an encoded chunk is the same to the last bit, so it has the same digest."""
    noise = np.random.default_rng(2).integers(-32768, 32768, 50_001).astype(np.int16)

    assert np.array_equal(decode_encoded(encode(noise, audio_format)), noise)


@pytest.mark.parametrize(
    ("audio_format", "extension"),
    [("flac", "flac"), ("wav", "wav"), ("mp3", "mp3"), ("ogg", "ogg"), ("opus", "ogg")],
)
def test_extensions(audio_format: str, extension: str) -> None:
    """The name that a server sees fits the file."""
    assert encode(beeps(), audio_format).extension == extension


@pytest.mark.parametrize("audio_format", FORMATS)
@given(
    rate_hz=st.sampled_from(RATES_HZ),
    channels=st.sampled_from([1, 2]),
    n_samples=st.integers(FEWEST_SAMPLES, 2 * SAMPLE_RATE_HZ),
    level=st.sampled_from([0, 1, 3000, 32_767]),
)
@settings(max_examples=15, deadline=None)
def test_no_chunk_is_larger_than_promised(
    audio_format: str, rate_hz: int, channels: int, n_samples: int, level: int
) -> None:
    """Whatever the samples, the bound holds; noise at full scale is the worst for FLAC."""
    noise = np.random.default_rng(level).integers(-level, level, n_samples, endpoint=True).astype(np.int16)
    audio = encode(noise, audio_format, rate_hz, channels)

    assert len(audio.data) <= max_encoded_bytes(audio.seconds, audio_format, rate_hz, channels)
    assert len(decode_encoded(audio)) == n_samples


@pytest.mark.parametrize("audio_format", FORMATS)
def test_the_bound_holds_for_long_chunks(audio_format: str) -> None:
    """Neither steady noise nor a codec's variable rate creeps over the bound with time."""
    rng = np.random.default_rng(3)
    noise = rng.uniform(-32_000, 32_000, 40 * SAMPLE_RATE_HZ)
    bursts = noise * np.repeat(rng.choice([0, 0.01, 1], 400), SAMPLE_RATE_HZ // 10)
    for samples in (noise, bursts):
        assert len(encode(samples.astype(np.int16), audio_format).data) <= max_encoded_bytes(
            40.0, audio_format
        )


@given(st.sampled_from(FORMATS), st.integers(8_000, 48_000), st.sampled_from([1, 2]), st.integers(0, 2**30))
def test_seconds_within_is_the_inverse(
    audio_format: str, rate_hz: int, channels: int, max_bytes: int
) -> None:
    """What is said to fit does fit, and hardly more would."""
    seconds = seconds_within(max_bytes, audio_format, rate_hz, channels)

    assert seconds >= 0
    if seconds:
        assert max_encoded_bytes(seconds, audio_format, rate_hz, channels) <= max_bytes
    assert max_encoded_bytes(seconds + 0.001, audio_format, rate_hz, channels) >= min(max_bytes, 8_000)


@pytest.mark.parametrize(
    ("audio_format", "rate_hz", "channels"),
    [("aac", 16_000, 1), ("flac", 7_999, 1), ("flac", 48_001, 1), ("flac", 16_000, 0), ("flac", 16_000, 3)],
)
def test_what_cannot_be_encoded(audio_format: str, rate_hz: int, channels: int) -> None:
    """Other formats, rates and channels are our own mistake: options were checked before."""
    with pytest.raises(
        ValueError, match=f"unsupported audio: {audio_format}, {rate_hz} Hz, {channels} channels"
    ):
        encode(beeps(), audio_format, rate_hz, channels)
    with pytest.raises(
        ValueError, match=f"unsupported audio: {audio_format}, {rate_hz} Hz, {channels} channels"
    ):
        max_encoded_bytes(1.0, audio_format, rate_hz, channels)


def test_nothing_cannot_be_encoded() -> None:
    """A chunk without samples is a mistake, not an empty file."""
    with pytest.raises(ValueError, match="too few"):
        encode(np.zeros(FEWEST_SAMPLES - 1, np.int16), "flac")


def test_rubbish_cannot_be_decoded() -> None:
    """Bytes that are no audio are refused."""
    with pytest.raises(ValueError, match="no encoded audio"):
        decode_encoded(EncodedAudio(b"rubbish", "flac", 1.0))
