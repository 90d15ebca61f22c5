"""Files whose timestamps, durations and edits do not mean what they say."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.audio.pcm import SAMPLE_RATE_HZ
from audio_tools.errors import DecodeFailed
from audio_tools.media.clock import MediaClock, SoundPlacer
from audio_tools.media.decode import BLOCK_SAMPLES, Decoder
from audio_tools.media.probe import probe
from tests.media.samples import clicks, make, picture, sound

CASES = Path(__file__).parents[2] / ".." / "shared" / "cases" / "media"
FILM = "-c:v", "mpeg4", "-c:a", "aac"


def seconds(decoder: Decoder) -> tuple[list[float], float]:
    """When clicks are heard, and when sound and pictures end."""
    pcm = np.concatenate(list(decoder))
    return clicks(pcm), max(len(pcm) / SAMPLE_RATE_HZ, decoder.media_end or 0.0)


def near(times: Iterable[float], tolerance: float = 0.03) -> object:
    return pytest.approx(list(times), abs=tolerance)


CASE_ENDS = {
    "dur-subtitle-10h.mkv": 10.03,
    "dur-start3600.mkv": 10.03,
    "dur-copyts-cut.mkv": 6.02,
    "drop-joined.flac": 20.0,
    "drop-joined.webm": 20.02,
    "el_gap.mp4": 20.0,
    "el_zero.mp4": 20.02,
    "anti-part.flac": 6.0,
}


@pytest.mark.parametrize("name", CASE_ENDS)
def test_public_cases(name: str) -> None:
    """Each ends where its sound and picture end, and a tone is heard each second."""
    path = CASES / name
    if not path.exists():
        pytest.skip("the shared cases are not on this machine")
    with Decoder(path, 0) as decoder:
        pcm = np.concatenate(list(decoder))
    loud = np.abs(pcm[: len(pcm) // SAMPLE_RATE_HZ * SAMPLE_RATE_HZ].reshape(-1, SAMPLE_RATE_HZ)).max(axis=1)

    assert max(len(pcm) / SAMPLE_RATE_HZ, decoder.media_end or 0.0) == pytest.approx(
        CASE_ENDS[name], abs=0.02
    )
    silent = [second for second, level in enumerate(loud) if level < 1000]
    assert silent == ([4, 5, 6] if name == "el_gap.mp4" else [])


def test_a_gap_of_hours_takes_no_memory(tmp_path: Path) -> None:
    """It comes as blocks of zeros, made as they are taken; the sound behind it is at its time."""
    gap = "asetpts='PTS+gte(T,2)*36000/TB'"
    path = make(tmp_path / "gap.mp4", *sound(4), "-af", gap, "-c:a", "aac")
    before = psutil.Process().memory_info().rss
    blocks, loud, most = 0, [], 0
    with Decoder(path, 0) as decoder:
        for number, block in enumerate(decoder):
            blocks += 1
            if np.abs(block).max() > 6000:
                loud.append(number)
            most = max(most, psutil.Process().memory_info().rss - before)

    assert blocks == pytest.approx(36_004 * SAMPLE_RATE_HZ / BLOCK_SAMPLES, abs=1)
    assert loud == [0, 36_002 // 4]
    assert most < 50 << 20


@pytest.mark.parametrize("container", ["mkv", "webm", "flac", "ts", "mp3"])
def test_recordings_joined_byte_by_byte_are_both_heard(tmp_path: Path, container: str) -> None:
    """The second follows the end of the first, and a warning says that there are two."""
    codec = {"mkv": "flac", "webm": "libopus", "flac": "flac", "ts": "mp2", "mp3": "libmp3lame"}[container]
    part = make(tmp_path / f"part.{container}", *sound(5), "-c:a", codec).read_bytes()
    path = tmp_path / f"joined.{container}"
    path.write_bytes(part + part)
    with Decoder(path, 0) as decoder:
        heard, end = seconds(decoder)

    assert len(heard) == 10
    assert heard[5:] == near([time + end / 2 for time in heard[:5]], 0.06)
    assert end == pytest.approx(10, abs=0.15)
    assert container == "mp3" or any("restart at 5.0 s" in text for text in decoder.warnings)


@pytest.mark.parametrize("codec", ["aac", "ac3", "libmp3lame", "flac"])
def test_joined_recordings_of_different_rates_are_whole(tmp_path: Path, codec: str) -> None:
    """Raw streams have no timestamps, and FLAC counts samples; by the first rate they would be dropped."""
    suffix = codec.removeprefix("lib").removesuffix("lame")
    rates = (44_100, 22_050) if codec == "libmp3lame" else (48_000, 32_000)
    parts = [
        make(
            tmp_path / f"{rate}.{suffix}", *sound(4, rate_hz=rate), "-ac", str(channels), "-c:a", codec
        ).read_bytes()
        for rate, channels in zip(rates, (1, 1 if codec == "flac" else 2), strict=True)
    ]
    path = tmp_path / f"joined.{suffix}"
    path.write_bytes(b"".join(parts))
    with Decoder(path, 0) as decoder:
        heard, _ = seconds(decoder)

    assert heard == near(range(8), 0.2)
    assert not any("dropped" in warning for warning in decoder.warnings)


def test_joined_wav_files_are_both_heard(tmp_path: Path) -> None:
    """The header of the first states its own length only; the other one has the same format."""
    part = make(tmp_path / "part.wav", *sound(3)).read_bytes()
    path = tmp_path / "joined.wav"
    path.write_bytes(part + part)
    with Decoder(path, 0) as decoder:
        heard, end = seconds(decoder)

    assert heard == near(range(6))
    assert end == pytest.approx(6, abs=0.01)


def joined_flv(folder: Path) -> Path:
    part = make(folder / "part.flv", *sound(3, rate_hz=44_100), "-c:a", "libmp3lame").read_bytes()
    (folder / "joined.flv").write_bytes(part + part)
    return folder / "joined.flv"


def wav_with_half_its_length(folder: Path) -> Path:
    """As a recorder leaves it that lost its power after it had written its sizes for a while."""
    path = make(folder / "half.wav", *sound(6), "-bitexact")
    data = bytearray(path.read_bytes())
    half = (len(data) - 44) // 2
    data[4:8], data[40:44] = struct.pack("<I", half + 36), struct.pack("<I", half)
    path.write_bytes(data)
    return path


def joined_wav_of_two_formats(folder: Path) -> Path:
    parts = [make(folder / f"{rate}.wav", *sound(3, rate_hz=rate)).read_bytes() for rate in (48_000, 44_100)]
    (folder / "joined.wav").write_bytes(b"".join(parts))
    return folder / "joined.wav"


@pytest.mark.parametrize("make_file", [joined_flv, wav_with_half_its_length, joined_wav_of_two_formats])
def test_what_a_demuxer_does_not_read_is_reported(tmp_path: Path, make_file: Callable[[Path], Path]) -> None:
    """FFmpeg ends at the stated length without a word."""
    with Decoder(make_file(tmp_path), 0) as decoder:
        heard, _ = seconds(decoder)

    assert len(heard) == 3
    assert any(
        re.match(r"The last (4[5-9]|50)% of the file were not read", each) for each in decoder.warnings
    )


@pytest.mark.parametrize("stated", [0, 36, 0xFFFFFFFF])
def test_a_wav_that_does_not_know_its_length_is_whole(tmp_path: Path, stated: int) -> None:
    """What is behind the stated length is the recording itself."""
    path = make(tmp_path / "open.wav", *sound(3), "-bitexact")
    data = bytearray(path.read_bytes())
    data[4:8], data[40:44] = struct.pack("<I", stated), struct.pack("<I", stated if stated > 36 else 0)
    path.write_bytes(data)
    with Decoder(path, 0) as decoder:
        heard, _ = seconds(decoder)

    assert len(heard) == 3
    assert not decoder.warnings


def test_a_picture_is_joined_in_step_with_its_sound(tmp_path: Path) -> None:
    """In the second of two joined films sound and picture keep their distance."""
    part = make(tmp_path / "part.mkv", *picture(5), *sound(4), *FILM).read_bytes()
    (tmp_path / "joined.mkv").write_bytes(part + part)
    with Decoder(tmp_path / "joined.mkv", 0) as decoder:
        heard, end = seconds(decoder)

    assert heard == near([0, 1, 2, 3, 5, 6, 7, 8], 0.06)
    assert end == pytest.approx(10, abs=0.1)


def subtitle(path: Path, second: int) -> Path:
    path.write_text(
        f"1\n{second // 3600:02}:00:00,000 --> {second // 3600:02}:00:01,000\nx\n", encoding="utf-8"
    )
    return path


def files_that_claim_more(folder: Path) -> Iterator[tuple[str, Path, float]]:
    """Name, file, and when its sound and picture really end."""
    late = subtitle(folder / "late.srt", 36_000)
    film = *picture(5), *sound(5)
    yield "subtitle", make(folder / "subtitle.mkv", *film, "-i", str(late), *FILM, "-c:s", "srt"), 5.02
    yield "text", make(folder / "text.mp4", *film, "-i", str(late), *FILM, "-c:s", "mov_text"), 5.02
    yield "clock", make(folder / "clock.mkv", *film, *FILM, "-output_ts_offset", "3600"), 5.02
    fragments = "-movflags", "frag_keyframe+empty_moov", "-frag_duration", "500000"
    yield "fragments", make(folder / "fragments.mp4", *film, *FILM, *fragments), 5.03
    other = "-itsoffset", "3000", *picture(8), "-itsoffset", "3000", *sound(8)
    maps = "-map", "0", "-map", "1", "-map", "2", "-map", "3", "-c:v", "mpeg2video", "-c:a", "mp2"
    programs = "-program", "title=a:st=0:st=1", "-program", "title=b:st=2:st=3"
    yield "programmes", make(folder / "programmes.ts", *film, *other, *maps, *programs), 5.02


@pytest.fixture(scope="module")
def claims(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, float]]:
    found = files_that_claim_more(tmp_path_factory.mktemp("claims"))
    return {name: (path, end) for name, path, end in found}


@pytest.mark.parametrize("name", ["subtitle", "text", "clock", "fragments", "programmes"])
def test_the_end_is_where_sound_and_picture_end(claims: dict[str, tuple[Path, float]], name: str) -> None:
    """Not where a subtitle, another clock or another programme ends; nor is that taken for a file cut off."""
    path, true_end = claims[name]
    with Decoder(path, 0) as decoder:
        heard, end = seconds(decoder)

    assert heard == near(range(5), 0.06)
    assert end == pytest.approx(true_end, abs=0.04)
    assert (decoder.warnings, decoder.cut_off) == ((), False)


async def test_a_later_programme_has_its_own_clock(claims: dict[str, tuple[Path, float]]) -> None:
    """The second programme of a broadcast starts at 0 as well, for the probe and for the decoder."""
    path, _ = claims["programmes"]
    media = await probe(path)
    with Decoder(path, 1) as decoder:
        heard, end = seconds(decoder)

    assert media.audio_streams[1].start == pytest.approx(0, abs=0.05)
    assert heard == near(range(8), 0.06)
    assert end == pytest.approx(8, abs=0.05)


def test_a_truncated_flv_is_cut_off(tmp_path: Path) -> None:
    """Its head promises the whole film; what is missing is neither there nor silent."""
    whole = make(
        tmp_path / "a.flv", *picture(10), *sound(10), "-c:v", "flv", "-c:a", "libmp3lame"
    ).read_bytes()
    (tmp_path / "b.flv").write_bytes(whole[: len(whole) // 2])
    with Decoder(tmp_path / "b.flv", 0) as decoder:
        _, end = seconds(decoder)

    assert end == pytest.approx(5, abs=0.5)
    assert decoder.duration_explained is False


def with_edits(path: Path, edits: Sequence[tuple[int, int]]) -> Path:
    """Replace the edit list of a track whose index comes last; durations in ms, places in it in samples."""
    data = path.read_bytes()
    at = data.index(b"elst") - 4
    size = int.from_bytes(data[at : at + 4])
    rows = b"".join(struct.pack(">IiI", duration, media, 0x10000) for duration, media in edits)
    table = struct.pack(">I4sII", 16 + len(rows), b"elst", 0, len(edits)) + rows
    grown = bytearray(data[:at] + table + data[at + size :])
    for box in (b"moov", b"trak", b"edts"):
        start = grown.index(box) - 4
        old = int.from_bytes(grown[start : start + 4])
        grown[start : start + 4] = struct.pack(">I", old + len(table) - size)
    path.write_bytes(grown)
    return path


EDITS = {
    "an empty edit inside": ([(2000, 1024), (3000, -1), (3000, 97_024)], [0, 1, 5, 6, 7]),
    "two empty edits": ([(1000, -1), (2000, 1024), (1000, -1), (2000, 97_024)], [1, 2, 4, 5]),
    "length 0": ([(0, 1024)], [0, 1, 2, 3, 4, 5]),
    "length 0 beside others": ([(0, 1024), (0, -1), (4000, 1024)], [0, 1, 2, 3]),
    "back again": ([(2000, 97_024), (1000, -1), (2000, 1024)], [0, 1, 3, 4]),
    "a late start": ([(1500, -1), (4000, 1024)], [0, 1, 2, 3]),
}


@pytest.mark.parametrize("name", EDITS)
def test_edit_lists(tmp_path: Path, name: str) -> None:
    """An empty edit is silence wherever it is; an edit of length 0 plays all; edits may go back."""
    edits, expected = EDITS[name]
    path = with_edits(make(tmp_path / "a.mp4", *sound(6), "-c:a", "aac", "-movie_timescale", "1000"), edits)
    with Decoder(path, 0) as decoder:
        heard, _ = seconds(decoder)

    # The start of the only stream is the start of the media.
    assert heard == near(expected, 0.003)


def test_an_encrypted_stream_is_refused(tmp_path: Path) -> None:
    """Before anything of it is taken for sound, with what to do."""
    keys = "-encryption_key", "76a6c65c5ea762046bd749a2e632ccbb"
    kid = "-encryption_kid", "a7e61c373e219033c21091fa607bf3b8"
    path = make(
        tmp_path / "a.mp4", *sound(2), "-c:a", "aac", "-encryption_scheme", "cenc-aes-ctr", *keys, *kid
    )

    with pytest.raises(DecodeFailed, match="it is encrypted") as caught, Decoder(path, 0) as decoder:
        list(decoder)
    assert "unprotected" in caught.value.hint


def test_bought_music_is_refused(tmp_path: Path) -> None:
    """Its tag says that it is encrypted."""
    path = make(tmp_path / "a.mp4", *sound(2), "-c:a", "aac")
    path.write_bytes(path.read_bytes().replace(b"mp4a\0", b"drms\0", 1))

    with pytest.raises(DecodeFailed, match="it is encrypted"), Decoder(path, 0) as decoder:
        list(decoder)


def test_scrambled_television_is_refused(tmp_path: Path) -> None:
    """A recording of a channel whose packets are encrypted says so, not that it is damaged."""
    film = *picture(3), *sound(3), "-c:v", "mpeg2video", "-c:a", "mp2"
    data = bytearray(make(tmp_path / "a.ts", *film).read_bytes())
    noise = np.random.default_rng(1)
    for at in range(0, len(data), 188):
        if (data[at + 1] & 0x1F) << 8 | data[at + 2] in (0x100, 0x101):
            head = 4 + (1 + data[at + 4] if data[at + 3] & 0x20 else 0)
            data[at + 3] |= 0x80
            data[at + head : at + 188] = noise.bytes(188 - head)
    (tmp_path / "b.ts").write_bytes(data)

    with pytest.raises(DecodeFailed, match="it is encrypted"), Decoder(tmp_path / "b.ts", 0) as decoder:
        list(decoder)


frames = st.lists(st.tuples(st.floats(-0.5, 0.5), st.floats(0.005, 0.1)), min_size=1, max_size=40)


@given(frames)
def test_sound_is_placed_in_order(pieces: list[tuple[float, float]]) -> None:
    """However timestamps jitter, the end never goes back; a piece is where it is due or follows at once."""
    placer, due, end = SoundPlacer(), 1.0, 0.0
    for jitter, length in pieces:
        at = placer.place(due + jitter, length)
        assert placer.end is not None
        assert at == due + jitter or at == pytest.approx(end)
        assert placer.end >= end
        due, end = due + length, placer.end


@given(st.floats(0.01, 0.5), st.integers(500, 3000))
def test_timestamps_slower_than_the_sound_lose_little(share: float, count: int) -> None:
    """Where they advance by a share of each frame, all but the first seconds follow one another."""
    placer, length, lost, end = SoundPlacer(), 0.024, 0.0, 0.0
    for number in range(count):
        at = placer.place(number * length * share, length)
        lost += max(end - at, 0.0) if number else 0.0
        assert placer.end is not None
        end = placer.end

    assert placer.clock_ignored
    assert lost < 20 * 1.0
    assert end > count * length - 20


@given(st.lists(st.floats(2.1, 100), min_size=1, max_size=6), st.floats(0, 50_000))
def test_joined_recordings_follow_one_another(lengths: list[float], first: float) -> None:
    """Each recording starts where the one before ends, whatever its timestamps start with."""
    clock, expected = MediaClock(first, may_jump=False), 0.0
    for length in lengths:
        assert clock.place(0, first, length / 2) == pytest.approx(expected, abs=1e-6)
        clock.place(0, first + length / 2, length / 2)
        expected += length

    assert clock.end == pytest.approx(expected, abs=1e-6)
    assert len(clock.joined_at) == len(lengths) - 1
