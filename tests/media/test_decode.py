"""Samples on the media's clock, from real files."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.media.decode import BLOCK_SAMPLES, SAME_PLACE, Decoder, OnClock, join
from audio_tools.media.probe import probe
from tests.media.samples import clicks, decode, first_sound, make, picture, sound

LATE = {
    "mp4": ["-c:v", "mpeg4", "-c:a", "aac"],
    "mov": ["-c:v", "mpeg4", "-c:a", "pcm_s16le"],
    "mkv": ["-c:v", "mpeg4", "-c:a", "libopus"],
    "ts": ["-c:v", "mpeg2video", "-c:a", "aac"],
    "mpg": ["-c:v", "mpeg2video", "-c:a", "mp2"],
    "ogv": ["-c:v", "libtheora", "-c:a", "libvorbis"],
    "flv": ["-c:v", "flv", "-c:a", "aac"],
}


def near(times: list[float], offset: float = 0.0) -> object:
    """Those times, to within 2 ms: a millisecond of the container's, and the resampler's edge."""
    return pytest.approx([time + offset for time in times], abs=0.002)


@pytest.mark.slow
def test_blocks(movie: Path) -> None:
    """Blocks are int16, 4 s long but for the last, and the caller's own."""
    with Decoder(movie, 0) as decoder:
        blocks = list(decoder)

    assert [len(block) for block in blocks[:-1]] == [BLOCK_SAMPLES]
    assert sum(map(len, blocks)) / SAMPLE_RATE_HZ == pytest.approx(6.0, abs=0.05)
    assert all(block.dtype == np.int16 and block.flags.writeable for block in blocks)
    assert not np.shares_memory(blocks[0], blocks[1])
    assert clicks(np.concatenate(blocks)) == near([0, 1, 2, 3, 4, 5])
    assert decoder.warnings == ()


@pytest.mark.slow
@pytest.mark.parametrize("container", LATE)
async def test_late_audio_stays_late(tmp_path: Path, container: str) -> None:
    """
    Where a stream starts after the picture, the probe, the first sample and the words agree on when.

    FFmpeg's plain extraction puts it at 0: 24 frames early here.
    """
    path = make(
        tmp_path / f"late.{container}", *picture(4), "-itsoffset", "0.95", *sound(3), *LATE[container]
    )
    media = await probe(path)
    pcm = decode(path)

    start = media.audio_streams[0].start
    assert start == pytest.approx(0.95, abs=0.03)
    # MP2's filter bank rings for 6 ms before the first sound, too softly for 16 bits.
    assert first_sound(pcm) == pytest.approx(start, abs=0.008)
    assert clicks(pcm)[-2:] == pytest.approx([1.95, 2.95], abs=0.01)


@pytest.mark.slow
@pytest.mark.parametrize("container", ["mp4", "mov", "mkv", "ts", "flv"])
async def test_a_late_picture_is_known(tmp_path: Path, container: str) -> None:
    """Where the picture starts after the sound, which starts at 0."""
    path = make(
        tmp_path / f"late.{container}", "-itsoffset", "0.95", *picture(3), *sound(4), *LATE[container]
    )
    media = await probe(path)

    assert media.audio_streams[0].start == pytest.approx(0.0, abs=0.03)
    assert media.video_start == pytest.approx(0.95 - media.audio_streams[0].start, abs=0.04)


@pytest.mark.parametrize(("container", "tolerance"), [("mp4", 0.002), ("mkv", 0.025), ("ts", 0.025)])
async def test_priming_is_not_heard(tmp_path: Path, container: str, tolerance: float) -> None:
    """The silence that an AAC encoder puts first is cut or accounted for: sound and picture stay together."""
    path = make(tmp_path / f"a.{container}", *picture(3), *sound(3), "-c:v", "mpeg2video", "-c:a", "aac")
    media = await probe(path)

    assert media.audio_streams[0].start == 0.0
    # Where the container does not tell of it, the picture starts after the priming on the media's clock.
    assert clicks(decode(path)) == pytest.approx([0, 1, 2], abs=tolerance)


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
def test_a_hole_stays_a_hole(tmp_path: Path, container: str) -> None:
    """Where 3.2 s are missing in the middle, what follows is heard at its time, and no sooner."""
    path = make(
        tmp_path / f"hole.{container}",
        *(*sound(12), "-af", "aselect='not(between(t,4.34,7.54))'"),
        *("-c:a", "flac" if container == "mkv" else "aac"),
    )
    pcm = decode(path)
    heard = clicks(pcm)

    assert heard[0] < 0.025
    assert heard == near([0, 1, 2, 3, 4, 8, 9, 10, 11], heard[0])
    silence = np.flatnonzero(np.diff(np.flatnonzero(pcm)) > SAMPLE_RATE_HZ)
    start, end = (np.flatnonzero(pcm)[silence[0] + edge] / SAMPLE_RATE_HZ for edge in (0, 1))
    assert len(silence) == 1
    assert (start - heard[0], end - heard[0]) == pytest.approx((4.34, 7.54), abs=0.03)


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
def test_some_lost_packets_move_nothing(tmp_path: Path, container: str) -> None:
    """What follows a hole of 80 ms is heard at its time, not two frames early."""
    path = make(
        tmp_path / f"hole.{container}",
        *(*sound(7), "-af", "aselect='not(between(t,3.34,3.42))'"),
        *("-c:a", "flac" if container == "mkv" else "aac"),
    )
    heard = clicks(decode(path))

    assert heard == near([0, 1, 2, 3, 4, 5, 6], heard[0])


@pytest.mark.parametrize("container", ["ts", "mpg"])
def test_a_transport_streams_long_hole_is_no_jump(tmp_path: Path, container: str) -> None:
    """Nor is a late start: FFmpeg by itself closes what is longer than 10 s."""
    codecs = *("-c:v", "mpeg2video", "-c:a", "mp2"), "-shortest"
    holed = make(
        tmp_path / f"hole.{container}",
        *(*picture(20), *sound(20), "-af", "aselect='not(between(t,3.34,15.42))'", *codecs),
    )
    late = make(tmp_path / f"late.{container}", *picture(16), "-itsoffset", "12", *sound(3), *codecs)

    assert clicks(decode(holed)) == pytest.approx([0, 1, 2, 3, 16, 17, 18, 19], abs=0.025)
    assert clicks(decode(late)) == pytest.approx([12, 13, 14], abs=0.025)


def test_a_change_of_channels_and_rate(tmp_path: Path) -> None:
    """When a broadcast goes from stereo to mono and to another rate, everything stays at its time."""
    parts = [
        make(
            tmp_path / f"{number}.ts",
            *(*sound(3, rate_hz=rate), "-ac", channels, "-c:a", "ac3", "-muxdelay", "0"),
            *("-output_ts_offset", str(3 * number)),
        )
        for number, (rate, channels) in enumerate([(48_000, "2"), (48_000, "1"), (44_100, "2")])
    ]
    path = tmp_path / "broadcast.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    heard = clicks(decode(path))

    assert heard == pytest.approx([0, 1, 2, 3, 4, 5, 6, 7, 8], abs=0.012)


def test_the_chosen_stream_is_decoded(tmp_path: Path) -> None:
    """Positions count audio streams, not the streams between them."""
    path = make(
        tmp_path / "two.mkv",
        *(*sound(1, "0"), *picture(1), *sound(1), "-map", "0", "-map", "1", "-map", "2"),
        *("-c:v", "mpeg4", "-c:a", "flac"),
    )

    assert not decode(path, 0).any()
    assert clicks(decode(path, 1)) == near([0])


CUT_OFF = {"a.mp4": "aac", "a.mkv": "aac", "a.ts": "aac", "a.flac": "flac", "a.wav": "pcm_s16le"}


@pytest.mark.parametrize("name", CUT_OFF)
def test_a_file_cut_off_gives_what_it_has(tmp_path: Path, name: str) -> None:
    """An interrupted copy is decoded as far as it goes, at the right times."""
    index_first = ["-movflags", "+faststart"] if name == "a.mp4" else []
    whole = make(tmp_path / f"whole_{name}", *sound(10), "-c:a", CUT_OFF[name], *index_first)
    path = tmp_path / name
    data = whole.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    pcm = decode(path)

    assert clicks(pcm)[:5] == pytest.approx([0, 1, 2, 3, 4], abs=0.025)
    assert len(pcm) / SAMPLE_RATE_HZ == pytest.approx(6, abs=1.5)


def test_damage_is_reported(tmp_path: Path) -> None:
    """Packets that cannot be decoded become one warning, and silence at their place."""
    path = make(tmp_path / "a.mp4", *sound(10), "-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + len(data) // 20] = np.random.default_rng(1).bytes(len(data) // 20)
    path.write_bytes(data)
    with Decoder(path, 0) as decoder:
        pcm = np.concatenate(list(decoder))

    assert len(decoder.warnings) == 1
    assert decoder.warnings[0].startswith("Audio stream 0 is damaged")
    assert str(tmp_path) not in decoder.warnings[0]
    assert clicks(pcm)[-2:] == near([8, 9])


packets = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 4000)), max_size=8)
"""Holes before each packet, in units of 100 ms, and its length in samples."""


@given(packets)
def test_every_sample_is_at_its_time(sizes: list[tuple[int, int]]) -> None:
    """Samples keep their place whatever holes lie before them; the rest is zeros."""
    given_packets, expected, at = [], [], 0
    for hole, length in sizes:
        at += hole * SAMPLE_RATE_HZ // 10
        start_ms = round(at * 1000 / SAMPLE_RATE_HZ)
        given_packets.append((start_ms * SAMPLE_RATE_HZ // 1000, np.ones(length, np.int16)))
        expected.append(at)
        at += length
    heard = np.concatenate([np.zeros(0, np.int16), *OnClock().place(given_packets)])

    assert heard.sum() == sum(length for _, length in sizes)
    starts = np.flatnonzero(np.diff(heard, prepend=0) == 1)
    for start in starts:
        assert min(abs(start - place) for place in expected) <= 8 + SAME_PLACE


def test_what_overlaps_is_heard_once() -> None:
    """Where packets overlap, the later one loses its beginning."""
    first, second = np.full(1600, 1, np.int16), np.full(1600, 2, np.int16)
    clock = OnClock()
    heard = np.concatenate(list(clock.place([(0, first), (800, second), (960, first)])))

    values, counts = np.unique(heard, return_counts=True)
    assert dict(zip(values.tolist(), counts.tolist(), strict=True)) == {1: 1600 + 160, 2: 800}
    assert np.count_nonzero(np.diff(heard)) == 2
    assert clock.dropped == 800 + 1440


def test_a_time_that_cannot_be_true() -> None:
    """A file that claims sound after years does not keep us busy with silence."""
    with pytest.raises(ValueError, match="8760 hours"):
        next(OnClock().place([(365 * 86_400 * SAMPLE_RATE_HZ, np.ones(1, np.int16))]))


@given(st.lists(st.integers(0, 3 * BLOCK_SAMPLES), max_size=5))
def test_joining_keeps_every_sample(lengths: list[int]) -> None:
    """Joined blocks are the same samples, all of them 4 s but the last."""

    def pieces() -> Iterator[Pcm]:
        at = 0
        for length in lengths:
            yield np.arange(at, at + length).astype(np.int16)
            at += length

    blocks = list(join(pieces()))

    assert all(len(block) == BLOCK_SAMPLES for block in blocks[:-1])
    whole = np.concatenate([np.zeros(0, np.int16), *blocks])
    assert np.array_equal(whole, np.arange(sum(lengths)).astype(np.int16))


@pytest.mark.parametrize(("tracks", "voice"), [(2, 1), (3, 2), (4, 3), (6, 3), (8, 7)])
def test_every_track_of_a_recorder_is_heard(tmp_path: Path, tracks: int, voice: int) -> None:
    """Their file does not say what they are, and FFmpeg takes the third or fourth for a subwoofer."""
    gains = "|".join(f"c{track}={float(track == voice)}*c0" for track in range(tracks))
    path = make(
        tmp_path / "tracks.wav", *sound(3), "-af", f"pan={tracks}c|{gains}", "-c:a", "pcm_s16le", "-bitexact"
    )

    assert len(clicks(decode(path) * np.int16(tracks))) == 3


async def test_a_wav_of_more_than_4_gib_is_heard_to_its_end(tmp_path: Path) -> None:
    """Its size fields have 32 bits: where they have overflowed, they promise one second of 700."""
    path, rate, frame = tmp_path / "long.wav", 192_000, 32
    fields = 16, 1, 8, rate, rate * frame, frame, 32, b"data", rate * frame
    with path.open("wb") as file:
        file.write(struct.pack("<4sI8sIHHIIHH4sI", b"RIFF", rate * frame + 36, b"WAVEfmt ", *fields))
        file.truncate(44 + rate * frame + (1 << 32))
        file.seek(44 + rate * frame)
        # By the wrong size chunks follow here, and in zeros they would be sought for 4 GiB.
        file.write(b"\xff" * frame + np.full(1 << 14, 1 << 30, "<i4").tobytes())
    media = await probe(path)
    with Decoder(path, 0) as decoder:
        first = next(iter(decoder))

    assert media.likely_duration == pytest.approx(1 + (1 << 32) / (rate * frame), abs=0.1)
    assert first_sound(first) == pytest.approx(1.0, abs=0.01)
    assert len(first) == BLOCK_SAMPLES


@pytest.mark.parametrize(("name", "codec"), [("a.avi", "aac"), ("a.nut", "aac"), ("a.wav", "g722")])
def test_a_codec_with_a_number_is_decoded(tmp_path: Path, name: str, codec: str) -> None:
    """AVI, WAV and NUT number their codecs; numbers such as 0xFF are no characters."""
    path = make(tmp_path / name, *sound(3, rate_hz=16_000), "-c:a", codec)

    assert len(clicks(decode(path))) == 3
