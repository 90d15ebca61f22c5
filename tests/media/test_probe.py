"""What is known of a media file before it is decoded."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.errors import MediaNotFound, NoAudioStream, ProbeFailed
from audio_tools.media.probe import STANDARD_RATES, choose_audio, frame_rate, probe, start_timecode
from audio_tools.transcript import AudioStream, MediaInfo
from tests.media.samples import children, make, open_files, picture, sound

NOBODY = 65534
ODD_NAMES = ["%d [1] *.mp4", "-i.mp4", "http:x.mp4", "concat:a|b.mp4", "fünf ü.mp4", "a\udcff.mp4"]


async def child_started() -> psutil.Process:
    """The child process, as soon as it is there."""
    while not (started := children()):
        await asyncio.sleep(0)
    return started[0]


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
        width=64,
        height=48,
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


@given(st.sampled_from(STANDARD_RATES), st.floats(0.0005, 0.5), st.floats(600, 86_400))
def test_a_rate_off_by_frames_varies(rate: Fraction, share: float, duration: float) -> None:
    """An average that is off by whole frames is what frame numbers must be reckoned with."""
    average = rate * (1 - Fraction(share))

    assert frame_rate(str(average), str(rate), duration) == (average, True)


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


async def test_a_missing_file(tmp_path: Path) -> None:
    """A path that leads nowhere is a 404."""
    (tmp_path / "a.mp4").touch()
    for name in ("no.mp4", "a.mp4/b.mp4", "nul\0.mp4", "x" * 300):
        with pytest.raises(MediaNotFound, match="There is no"):
            await probe(tmp_path / name)


@contextmanager
def nobody() -> Iterator[None]:
    """Without the powers of root, where the tests run with them."""
    if os.geteuid() != 0:
        yield
        return
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


async def test_a_file_that_may_not_be_read() -> None:
    """A file without the right to read it, or in a folder without the right to enter it, is a 404."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "closed").mkdir()
        paths = [folder / "secret.mp4", folder / "closed" / "a.mp4"]
        for path in paths:
            path.write_bytes(b"x")
        paths[0].chmod(0)
        (folder / "closed").chmod(0)
        folder.chmod(0o755)
        with nobody():
            for path in paths:
                with pytest.raises(MediaNotFound, match=r"may not be read\.$"):
                    await probe(path)
        (folder / "closed").chmod(0o700)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def text(path: Path) -> None:
    path.write_text("These are no samples.\n" * 100)


@pytest.mark.parametrize(
    ("create", "name", "sentence"),
    [
        (Path.touch, "empty.mp4", "empty.mp4 is empty."),
        (Path.mkdir, "folder.mp4", "folder.mp4 is a folder, not a media file."),
        (fifo, "pipe.mp4", "pipe.mp4 is not a regular file."),
        (text, "text.mp4", "text.mp4 cannot be read as media: its index is missing"),
        (text, "text.wav", "text.wav cannot be read as media: its contents are no media format"),
    ],
)
async def test_what_is_no_media_file(
    tmp_path: Path, create: Callable[[Path], object], name: str, sentence: str
) -> None:
    """What is no media file is refused with a sentence that says what it is, and leaves no child."""
    create(tmp_path / name)

    with pytest.raises(ProbeFailed) as caught:
        await probe(tmp_path / name)

    assert caught.value.message.startswith(sentence)
    assert children() == []


async def test_a_movie_cut_off_before_its_index(tmp_path: Path) -> None:
    """An MP4 whose copy was interrupted says so."""
    whole = make(tmp_path / "whole.mp4", *sound(2), "-c:a", "aac").read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: len(whole) * 6 // 10])

    with pytest.raises(ProbeFailed, match="cut off"):
        await probe(path)


@pytest.mark.parametrize("name", ODD_NAMES)
async def test_any_file_name_is_just_a_name(tmp_path: Path, movie: Path, name: str) -> None:
    """No name is taken for an option, an address, a pattern or a script."""
    path = tmp_path / name
    path.hardlink_to(movie)

    assert len((await probe(path)).audio_streams) == 1


async def test_a_relative_path(tmp_path: Path, movie: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path is taken from the working folder, where a json.py of a stranger is not imported."""
    (tmp_path / "a.mp4").hardlink_to(movie)
    (tmp_path / "json.py").write_text("raise SystemExit(3)")
    monkeypatch.chdir(tmp_path)

    assert len((await probe(Path("a.mp4"))).audio_streams) == 1


async def test_tags_in_other_encodings(tmp_path: Path) -> None:
    """A title that is no UTF-8 does not keep a file from being read."""
    path = make(tmp_path / "a.mkv", *sound(1), "-metadata:s:a:0", "title=XXXX", "-c:a", "flac")
    path.write_bytes(path.read_bytes().replace(b"XXXX", b"M\xfcll"))

    assert (await probe(path)).audio_streams[0].title == "M\ufffdll"


async def test_it_takes_no_longer_than_allowed(movie: Path) -> None:
    """At the time limit a child that does not move any more is killed, and the file is refused."""
    task = asyncio.create_task(probe(movie, timeout_s=0.2), name="probe")
    (await child_started()).suspend()

    with pytest.raises(ProbeFailed, match=r"within 0\.2 seconds"):
        await task
    assert children() == []


async def test_cancelling_kills_the_child(movie: Path) -> None:
    """A cancelled probe leaves no child behind, not even one that does not move."""
    task = asyncio.create_task(probe(movie), name="probe")
    child = await child_started()
    while child.cpu_times().user < 0.02:
        await asyncio.sleep(0)
    child.suspend()
    task.cancel()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert children() == []


async def test_a_crash_of_the_reader_is_not_ours(movie: Path) -> None:
    """If a file crashes libavformat, the file is refused and we go on."""
    task = asyncio.create_task(probe(movie), name="probe")
    (await child_started()).send_signal(signal.SIGSEGV)

    with pytest.raises(ProbeFailed, match=r"broke the reader of media files \(exit -11\)"):
        await task


async def test_probing_leaks_no_descriptor(movie: Path, tmp_path: Path) -> None:
    """Whether it goes well or not, as many files are open after it as before."""
    (tmp_path / "text.mp4").write_text("text")
    await probe(movie)
    before = open_files()
    for _ in range(3):
        await probe(movie)
        with pytest.raises(ProbeFailed):
            await probe(tmp_path / "text.mp4")
        with pytest.raises(ProbeFailed):
            await probe(movie, timeout_s=0)

    assert open_files() == before
