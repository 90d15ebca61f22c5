"""What is known of a media file before it is decoded."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.errors import NoAudioStream
from audio_tools.media.probe import STANDARD_RATES, choose_audio, frame_rate, probe, start_timecode
from audio_tools.transcript import AudioStream, MediaInfo
from tests.media.samples import make, picture, sound


async def test_a_movie(movie: Path) -> None:
    """Streams, times, size and rate of an ordinary file."""
    media = await probe(movie)

    assert media.duration == pytest.approx(6.0, abs=0.05)
    assert media.audio_streams[0].duration == pytest.approx(6.0, abs=0.05)
    stream = AudioStream(0, 1, "aac", 48_000, 1, 0.0, media.audio_streams[0].duration, default=True)
    assert media == MediaInfo(
        container="mov,mp4,m4a,3gp,3g2,mj2",
        duration=media.duration,
        audio_streams=(stream,),
        frame_rate=Fraction(25),
        variable_frame_rate=False,
        drop_frame=False,
        width=64,
        height=48,
        video_start=0.0,
    )


async def test_several_audio_streams(tmp_path: Path) -> None:
    """Positions count audio streams alone; language, title and the default one come from the file."""
    path = make(
        tmp_path / "two.mkv",
        *(*sound(1), *picture(1), *sound(1), "-map", "0", "-map", "1", "-map", "2"),
        *("-c:v", "mpeg4", "-c:a", "flac", "-disposition:a:0", "0", "-disposition:a:1", "default"),
        *("-metadata:s:a:1", "language=deu", "-metadata:s:a:1", "title=Regie"),
    )

    media = await probe(path)

    assert [(a.position, a.index, a.language, a.title) for a in media.audio_streams] == [
        (0, 0, None, None),
        (1, 2, "deu", "Regie"),
    ]
    assert media.default_audio == 1
    assert choose_audio(media, None).index == 2
    assert choose_audio(media, 0).index == 0


async def test_a_cover_is_no_picture(tmp_path: Path) -> None:
    """A song with its cover has neither frame rate nor size."""
    cover = make(tmp_path / "cover.png", *picture(1), "-frames:v", "1")
    path = make(
        tmp_path / "song.m4a",
        *(*sound(1), "-i", str(cover), "-map", "0", "-map", "1"),
        *("-c:a", "aac", "-c:v", "copy", "-disposition:v", "attached_pic"),
    )

    media = await probe(path)

    assert (media.frame_rate, media.width, media.height) == (None, None, None)
    assert len(media.audio_streams) == 1


@pytest.mark.parametrize(
    ("rate", "given_timecode", "timecode", "drop"),
    [
        ("30000/1001", "01:00:00;02", "01:00:00;02", True),
        ("25", "10:20:30:05", "10:20:30:05", False),
    ],
)
async def test_start_timecode(
    tmp_path: Path, rate: str, given_timecode: str, timecode: str, drop: bool
) -> None:
    """The timecode track of a camera's file is read, drop-frame or not, and moves no time."""
    path = make(
        tmp_path / "camera.mov",
        *(*picture(1, rate=rate), *sound(1), "-timecode", given_timecode),
        *("-c:v", "mpeg4", "-c:a", "pcm_s16le"),
    )

    media = await probe(path)

    assert (media.start_timecode, media.drop_frame, media.frame_rate) == (timecode, drop, Fraction(rate))
    assert media.audio_streams[0].start == 0.0


@pytest.mark.parametrize(("container", "codec"), [("mp4", "mpeg4"), ("mkv", "mpeg4"), ("flv", "flv")])
async def test_coarse_times_do_not_bend_the_rate(tmp_path: Path, container: str, codec: str) -> None:
    """59.94 stays exact in containers that count in milliseconds."""
    path = make(tmp_path / f"fast.{container}", *picture(2, rate="60000/1001"), "-c:v", codec)

    media = await probe(path)

    assert (media.frame_rate, media.variable_frame_rate) == (Fraction(60000, 1001), False)


async def test_the_clock_of_an_avi_is_no_frame_rate(tmp_path: Path) -> None:
    """H.264 with B-frames that was copied there has a clock that ticks several times a frame."""
    film = make(tmp_path / "film.mp4", *picture(3, rate="30000/1001"), "-c:v", "libx264", "-bf", "2")

    media = await probe(make(tmp_path / "film.avi", "-i", str(film), "-c", "copy"))

    assert (media.frame_rate, media.variable_frame_rate) == (Fraction(30000, 1001), False)


@pytest.mark.parametrize(("target", "rate"), [("pal-dv", "25"), ("ntsc-dv", "30000/1001")])
async def test_the_clock_of_raw_dv_is_no_frame_rate(tmp_path: Path, target: str, rate: str) -> None:
    """A tape's stream has a clock of 60,000 ticks a second, which libavformat calls its average rate."""
    film = *picture(2, rate=rate), *sound(2)

    media = await probe(make(tmp_path / "tape.dv", *film, "-target", target))

    assert (media.frame_rate, media.variable_frame_rate) == (Fraction(rate), False)


async def test_the_time_of_a_broadcast_wav_is_its_timecode(tmp_path: Path) -> None:
    """A recorder notes the samples since midnight; whole seconds are a label at any frame rate."""
    tags = "-write_bext", "1", "-metadata"
    whole = make(tmp_path / "a.wav", *sound(1), *tags, "time_reference=172800000")
    part = make(tmp_path / "b.wav", *sound(1), *tags, "time_reference=172824000")
    plain = make(tmp_path / "c.wav", *sound(1))
    media = [await probe(path) for path in (whole, part, plain)]

    assert [file.start_timecode for file in media] == ["01:00:00:00", None, None]
    assert [file.time_reference for file in media] == [3600.0, 3600.5, None]


async def test_a_varying_rate_is_flagged(tmp_path: Path) -> None:
    """A phone's picture, whose frames come when they please, has an average rate only."""
    path = make(
        tmp_path / "phone.mp4",
        *(*picture(8, rate="30"), "-vf", "select='not(eq(mod(n,7),3))'"),
        *("-c:v", "mpeg4", "-video_track_timescale", "90000", "-fps_mode", "vfr"),
    )

    media = await probe(path)

    assert media.variable_frame_rate
    assert media.frame_rate is not None
    assert float(media.frame_rate) == pytest.approx(30 * 6 / 7, rel=0.01)


@given(st.sampled_from(STANDARD_RATES), st.integers(-9, 9), st.floats(0.1, 86_400))
def test_a_constant_rate_is_recognised(rate: Fraction, error: int, duration: float) -> None:
    """An average that is off by a hundred-thousandth, as from milliseconds, is no other rate."""
    average = (rate * (1 + Fraction(error, 1_000_000))).limit_denominator(10**7)

    assert frame_rate(str(average), str(rate), duration) == (rate, False)
    assert frame_rate(str(average), str(average), duration) == (rate, False)


@given(st.sampled_from(STANDARD_RATES), st.floats(0.0005, 0.45), st.floats(600, 86_400))
def test_a_rate_off_by_frames_varies(rate: Fraction, share: float, duration: float) -> None:
    """An average that is off by whole frames is what frame numbers must be reckoned with."""
    average = rate * (1 - Fraction(share))

    assert frame_rate(str(average), str(rate), duration) == (average, True)


@pytest.mark.parametrize(
    ("average", "nominal", "coded", "expected"),
    [
        ("60000", "25", None, Fraction(25)),
        ("25", "90000", None, Fraction(25)),
        ("30000/1001", "1000", "30000/1001", Fraction(30000, 1001)),
        ("25", "50", None, Fraction(25)),
        ("60000/1001", "30000/1001", None, Fraction(30000, 1001)),
        ("90000", "90000", "24000/1001", Fraction(24000, 1001)),
        ("90000", None, None, None),
        (None, "1000", "45000", None),
    ],
)
def test_clocks_and_fields_are_no_frame_rates(
    average: str | None, nominal: str | None, coded: str | None, expected: Fraction | None
) -> None:
    """A rate that no camera has, or that counts fields, is left aside, and nothing varies."""
    assert frame_rate(average, nominal, 60.0, coded) == (expected, False)


@pytest.mark.parametrize(
    ("average", "nominal", "expected"),
    [
        (None, None, (None, False)),
        (None, "25", (Fraction(25), False)),
        ("25", None, (Fraction(25), False)),
        ("47/2", "47/2", (Fraction(47, 2), False)),
        ("30000/1001", "30", (Fraction(30000, 1001), True)),
    ],
)
def test_rates_that_are_missing_or_odd(
    average: str | None, nominal: str | None, expected: tuple[Fraction | None, bool]
) -> None:
    """One rate is enough, an odd one is kept, and without a duration 29.97 still is not 30."""
    assert frame_rate(average, nominal, None) == expected


@pytest.mark.parametrize(
    ("candidates", "expected"),
    [
        ([None, "", "01:02:03:04"], "01:02:03:04"),
        (["01:02:03;04"], "01:02:03;04"),
        (["01:02:03.04"], "01:02:03;04"),
        (["rubbish", "1:2:3:4", "01:02:03:04\n"], None),
        ([], None),
    ],
)
def test_timecodes(candidates: list[str | None], expected: str | None) -> None:
    """The first well-formed timecode counts, in one notation."""
    assert start_timecode(candidates) == expected


def test_there_must_be_sound() -> None:
    """A file without audio, or without that stream, is refused with what it has."""
    silent = MediaInfo("mp4", 1.0)
    stream = AudioStream(0, 0, "aac", 48_000, 1)

    with pytest.raises(NoAudioStream, match="no audio stream"):
        choose_audio(silent, None)
    with pytest.raises(NoAudioStream, match="no audio stream 1") as one:
        choose_audio(MediaInfo("mp4", 1.0, (stream,)), 1)
    with pytest.raises(NoAudioStream) as two:
        choose_audio(MediaInfo("mp4", 1.0, (stream, stream)), -1)
    assert "only audio stream 0" in one.value.hint
    assert "audio streams 0 to 1" in two.value.hint


async def test_video_without_audio(tmp_path: Path) -> None:
    """A silent film can be probed, but has nothing to choose."""
    media = await probe(make(tmp_path / "film.mp4", *picture(1), "-c:v", "mpeg4"))

    assert media.audio_streams == ()
    with pytest.raises(NoAudioStream):
        choose_audio(media, None)


async def test_tags_in_other_encodings(tmp_path: Path) -> None:
    """A title that is no UTF-8 does not keep a file from being read."""
    path = make(tmp_path / "a.mkv", *sound(1), "-metadata:s:a:0", "title=XXXX", "-c:a", "flac")
    path.write_bytes(path.read_bytes().replace(b"XXXX", b"M\xfcll"))

    assert (await probe(path)).audio_streams[0].title == "M\ufffdll"


@pytest.mark.parametrize(
    ("name", "coding"),
    [("talk.aac", ["-c:a", "aac"]), ("talk.mp3", ["-c:a", "libmp3lame", "-q:a", "4", "-write_xing", "0"])],
)
async def test_a_guessed_duration_is_called_so(tmp_path: Path, name: str, coding: list[str]) -> None:
    """Where loud follows quiet, libavformat's guess from the first bit rate may be five times too long."""
    media = await probe(make(tmp_path / name, *sound(8, "0.5*gt(t,6)*sin(3000*t*t)"), *coding))

    assert (media.duration, media.audio_streams[0].duration) == (None, None)
    assert media.likely_duration == media.guessed_duration
    assert media.guessed_duration is not None


async def test_an_mp3_that_says_how_long_it_is_is_believed(tmp_path: Path) -> None:
    """Its encoder wrote the number of frames into the first."""
    media = await probe(make(tmp_path / "talk.mp3", *sound(8), "-c:a", "libmp3lame", "-q:a", "4"))

    assert media.duration == pytest.approx(8.0, abs=0.1)
    assert media.guessed_duration is None
