"""Samples on the media's clock, from real files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.errors import DecodeFailed
from audio_tools.media.decode import BLOCK_SAMPLES, SAME_PLACE, Decoder, join, on_clock
from audio_tools.media.probe import probe
from tests.media.samples import children, clicks, first_sound, make, open_files, picture, sound

LATE = {
    "mp4": ["-c:v", "mpeg4", "-c:a", "aac"],
    "mov": ["-c:v", "mpeg4", "-c:a", "pcm_s16le"],
    "mkv": ["-c:v", "mpeg4", "-c:a", "libopus"],
    "ts": ["-c:v", "mpeg2video", "-c:a", "aac"],
    "mpg": ["-c:v", "mpeg2video", "-c:a", "mp2"],
    "ogv": ["-c:v", "libtheora", "-c:a", "libvorbis"],
    "flv": ["-c:v", "flv", "-c:a", "aac"],
}


def decode(ffmpeg: Path, path: Path, position: int = 0) -> Pcm:
    with Decoder(ffmpeg, path, position) as decoder:
        return np.concatenate(list(decoder))


def fake(path: Path, text: str) -> Path:
    """A program in FFmpeg's place."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def near(times: list[float], offset: float = 0.0) -> object:
    """Those times, to within 2 ms: a millisecond of the container's, and the resampler's edge."""
    return pytest.approx([time + offset for time in times], abs=0.002)


def test_blocks(ffmpeg: Path, movie: Path) -> None:
    """Blocks are int16, 4 s long but for the last, and the caller's own."""
    with Decoder(ffmpeg, movie, 0) as decoder:
        blocks = list(decoder)

    assert [len(block) for block in blocks[:-1]] == [BLOCK_SAMPLES]
    assert sum(map(len, blocks)) / SAMPLE_RATE_HZ == pytest.approx(6.0, abs=0.05)
    assert all(block.dtype == np.int16 and block.flags.writeable for block in blocks)
    assert not np.shares_memory(blocks[0], blocks[1])
    assert clicks(np.concatenate(blocks)) == near([0, 1, 2, 3, 4, 5])
    assert decoder.warnings == ()


@pytest.mark.parametrize("container", LATE)
async def test_late_audio_stays_late(ffmpeg: Path, tmp_path: Path, container: str) -> None:
    """
    Where a stream starts after the picture, the probe, the first sample and the words agree on when.

    FFmpeg's plain extraction puts it at 0: 24 frames early here.
    """
    path = make(
        tmp_path / f"late.{container}", *picture(4), "-itsoffset", "0.95", *sound(3), *LATE[container]
    )
    media = await probe(path)
    pcm = decode(ffmpeg, path)

    start = media.audio_streams[0].start
    assert start == pytest.approx(0.95, abs=0.03)
    # MP2's filter bank rings for 6 ms before the first sound, too softly for 16 bits.
    assert first_sound(pcm) == pytest.approx(start, abs=0.008)
    assert clicks(pcm)[-2:] == pytest.approx([1.95, 2.95], abs=0.01)


@pytest.mark.parametrize(("container", "tolerance"), [("mp4", 0.002), ("mkv", 0.025), ("ts", 0.025)])
async def test_priming_is_not_heard(ffmpeg: Path, tmp_path: Path, container: str, tolerance: float) -> None:
    """The silence that an AAC encoder puts first is cut or accounted for: sound and picture stay together."""
    path = make(tmp_path / f"a.{container}", *picture(3), *sound(3), "-c:v", "mpeg2video", "-c:a", "aac")
    media = await probe(path)

    assert media.audio_streams[0].start == 0.0
    # Where the container does not tell of it, the picture starts after the priming on the media's clock.
    assert clicks(decode(ffmpeg, path)) == pytest.approx([0, 1, 2], abs=tolerance)


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
def test_a_hole_stays_a_hole(ffmpeg: Path, tmp_path: Path, container: str) -> None:
    """Where 3.2 s are missing in the middle, what follows is heard at its time, and no sooner."""
    path = make(
        tmp_path / f"hole.{container}",
        *(*sound(12), "-af", "aselect='not(between(t,4.34,7.54))'"),
        *("-c:a", "flac" if container == "mkv" else "aac"),
    )
    pcm = decode(ffmpeg, path)
    heard = clicks(pcm)

    assert heard[0] < 0.025
    assert heard == near([0, 1, 2, 3, 4, 8, 9, 10, 11], heard[0])
    silence = np.flatnonzero(np.diff(np.flatnonzero(pcm)) > SAMPLE_RATE_HZ)
    start, end = (np.flatnonzero(pcm)[silence[0] + edge] / SAMPLE_RATE_HZ for edge in (0, 1))
    assert len(silence) == 1
    assert (start - heard[0], end - heard[0]) == pytest.approx((4.34, 7.54), abs=0.03)


def test_a_change_of_channels_and_rate(ffmpeg: Path, tmp_path: Path) -> None:
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
    heard = clicks(decode(ffmpeg, path))

    assert heard == pytest.approx([0, 1, 2, 3, 4, 5, 6, 7, 8], abs=0.012)


def test_the_chosen_stream_is_decoded(ffmpeg: Path, tmp_path: Path) -> None:
    """Positions count audio streams, not the streams between them."""
    path = make(
        tmp_path / "two.mkv",
        *(*sound(1, "0"), *picture(1), *sound(1), "-map", "0", "-map", "1", "-map", "2"),
        *("-c:v", "mpeg4", "-c:a", "flac"),
    )

    assert not decode(ffmpeg, path, 0).any()
    assert clicks(decode(ffmpeg, path, 1)) == near([0])


CUT_OFF = {"a.mp4": "aac", "a.mkv": "aac", "a.ts": "aac", "a.flac": "flac", "a.wav": "pcm_s16le"}


@pytest.mark.parametrize("name", CUT_OFF)
def test_a_file_cut_off_gives_what_it_has(ffmpeg: Path, tmp_path: Path, name: str) -> None:
    """An interrupted copy is decoded as far as it goes, at the right times."""
    index_first = ["-movflags", "+faststart"] if name == "a.mp4" else []
    whole = make(tmp_path / f"whole_{name}", *sound(10), "-c:a", CUT_OFF[name], *index_first)
    path = tmp_path / name
    data = whole.read_bytes()
    path.write_bytes(data[: len(data) * 6 // 10])
    pcm = decode(ffmpeg, path)

    assert clicks(pcm)[:5] == pytest.approx([0, 1, 2, 3, 4], abs=0.025)
    assert len(pcm) / SAMPLE_RATE_HZ == pytest.approx(6, abs=1.5)


def test_damage_is_reported(ffmpeg: Path, tmp_path: Path) -> None:
    """Packets that cannot be decoded become one warning, and silence at their place."""
    path = make(tmp_path / "a.mp4", *sound(10), "-c:a", "aac", "-b:a", "128k", "-movflags", "+faststart")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + len(data) // 20] = np.random.default_rng(1).bytes(len(data) // 20)
    path.write_bytes(data)
    with Decoder(ffmpeg, path, 0) as decoder:
        pcm = np.concatenate(list(decoder))

    assert len(decoder.warnings) == 1
    assert decoder.warnings[0].startswith("Audio stream 0 is damaged")
    assert str(tmp_path) not in decoder.warnings[0]
    assert clicks(pcm)[-2:] == near([8, 9])


def test_not_one_sample_is_a_failure(ffmpeg: Path, tmp_path: Path) -> None:
    """A file that holds no sample at all is not an empty transcript."""
    path = make(tmp_path / "a.wav", *sound(1))
    path.write_bytes(path.read_bytes()[:78])

    with pytest.raises(DecodeFailed, match=r"Audio stream 0 of a\.wav cannot be decoded: "):
        decode(ffmpeg, path)
    assert children() == []


@pytest.mark.parametrize(
    "create", [Path.touch, Path.mkdir, lambda path: path.write_text("text"), lambda _: None]
)
def test_a_bad_file_fails_here_too(ffmpeg: Path, tmp_path: Path, create: Callable[[Path], None]) -> None:
    """What becomes unreadable after the probe is an error of ours, not a traceback."""
    create(tmp_path / "a.mp4")

    with pytest.raises(DecodeFailed):
        decode(ffmpeg, tmp_path / "a.mp4")
    assert children() == []


def test_a_stream_that_is_not_there(ffmpeg: Path, movie: Path) -> None:
    """If FFmpeg sees fewer streams than the probe did, the message says so."""
    with pytest.raises(DecodeFailed, match="it has no such audio stream"):
        decode(ffmpeg, movie, 5)


def test_killing_from_another_thread(ffmpeg: Path, recording: Path) -> None:
    """A thread that decodes is freed at once, with an error, and FFmpeg is gone."""
    failures: list[DecodeFailed] = []
    halfway = threading.Event()

    def read(decoder: Decoder) -> None:
        try:
            for _ in decoder:
                halfway.set()
                killed.wait()
        except DecodeFailed as error:
            failures.append(error)

    killed = threading.Event()
    with Decoder(ffmpeg, recording, 0) as decoder:
        reader = threading.Thread(target=read, args=(decoder,))
        reader.start()
        halfway.wait()
        decoder.kill()
        decoder.kill()
        killed.set()
        reader.join()

    assert [error.message for error in failures] == [
        "Audio stream 0 of recording.flac cannot be decoded: decoding was stopped."
    ]
    assert children() == []
    decoder.kill()


def test_killing_frees_a_reader_that_waits(tmp_path: Path) -> None:
    """A thread that waits for a program that gives nothing is freed; what the program started ends too."""
    program = fake(tmp_path / "ffmpeg", "sleep 600 & wait")
    failures: list[DecodeFailed] = []

    def read() -> None:
        with pytest.raises(DecodeFailed) as caught:
            list(decoder)
        failures.append(caught.value)

    with Decoder(program, tmp_path / "a.mp4", 0) as decoder:
        reader = threading.Thread(target=read)
        reader.start()
        while len(children()) < 2:
            pass
        decoder.kill()
        reader.join()

    assert len(failures) == 1
    # The grandchild is not ours to reap: it is gone once its new parent has noticed.
    while children():
        pass


def test_killed_before_it_starts(ffmpeg: Path, recording: Path) -> None:
    """A job that is cancelled before its decoder has started decodes nothing."""
    decoder = Decoder(ffmpeg, recording, 0)
    decoder.kill()

    with decoder, pytest.raises(DecodeFailed, match="stopped"):
        list(decoder)


def test_leaving_early(ffmpeg: Path, recording: Path) -> None:
    """Who has heard enough just leaves: FFmpeg is ended and reaped."""
    with Decoder(ffmpeg, recording, 0) as decoder:
        next(iter(decoder))

    assert children() == []


def test_no_descriptor_is_leaked(ffmpeg: Path, movie: Path, tmp_path: Path) -> None:
    """Whether it goes well or not, as many files are open after it as before."""
    before = open_files()
    for _ in range(3):
        decode(ffmpeg, movie)
        with Decoder(ffmpeg, movie, 0):
            pass
        with pytest.raises(DecodeFailed):
            decode(ffmpeg, tmp_path / "no.mp4")

    assert open_files() == before


def test_a_killed_service_leaves_no_ffmpeg(ffmpeg: Path, recording: Path) -> None:
    """After `kill -9` of the process that decodes, its FFmpeg, which waits for a reader, is gone as well."""
    code = (
        "import sys, psutil; from pathlib import Path; from audio_tools.media.decode import Decoder; "
        "from audio_tools.transcript import AudioStream, MediaInfo; "
        "media = MediaInfo('flac', 1.0, (AudioStream(0, 0, 'flac', 16000, 1),)); "
        "decoder = Decoder(Path(sys.argv[1]), Path(sys.argv[2]), 0).__enter__(); "
        "next(iter(decoder)); print(psutil.Process().children()[0].pid, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(ffmpeg), str(recording)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as service:
        assert service.stdout is not None
        running = psutil.Process(int(service.stdout.readline()))
        service.send_signal(signal.SIGKILL)

    _, alive = psutil.wait_procs([running], timeout=30)
    assert alive == []


def test_a_program_that_hangs(tmp_path: Path) -> None:
    """FFmpeg that gives nothing for too long is ended."""
    program = fake(tmp_path / "ffmpeg", "sleep 600")

    with (
        Decoder(program, tmp_path / "a.mp4", 0, stall_s=0.1) as decoder,
        pytest.raises(DecodeFailed, match=r"gave nothing for 0\.1 seconds"),
    ):
        list(decoder)
    assert children() == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("kill -SEGV $$", "FFmpeg was killed by signal 11"),
        ("echo 'it is broken' >&2; exit 1", "FFmpeg says: it is broken"),
        ("echo 'Failed to compensate for timestamp delta of 9' >&2", "its sound has a hole of many hours"),
        ("exit 0", "FFmpeg gives no reason"),
        ("echo; head -c 100 /dev/zero", "FFmpeg's output makes no sense"),
    ],
)
def test_how_a_program_ends(tmp_path: Path, text: str, why: str) -> None:
    """A crash, an exit code, and an end without samples are failures that say what happened."""
    program = fake(tmp_path / "ffmpeg", text)

    with pytest.raises(DecodeFailed, match=why):
        decode(program, tmp_path / "a.mp4")
    assert children() == []


def test_a_late_failure_is_a_failure(ffmpeg: Path, movie: Path, tmp_path: Path) -> None:
    """If FFmpeg fails at the end, nobody takes what came before for the whole."""
    program = fake(tmp_path / "ffmpeg", f'"{ffmpeg}" "$@"; exit 3')

    with Decoder(program, movie, 0) as decoder, pytest.raises(DecodeFailed, match="gives no reason"):
        for block in decoder:
            assert len(block)


def test_a_flood_of_complaints_blocks_nothing(ffmpeg: Path, movie: Path, tmp_path: Path) -> None:
    """Megabytes on stderr neither stop FFmpeg nor fill our memory."""
    program = fake(tmp_path / "ffmpeg", f'yes broken | head -c 3000000 >&2; exec "{ffmpeg}" "$@"')
    with Decoder(program, movie, 0) as decoder:
        blocks = list(decoder)

    assert sum(map(len, blocks)) / SAMPLE_RATE_HZ == pytest.approx(6, abs=0.05)
    assert len(decoder.warnings[0]) < 500


def test_a_program_that_is_gone(tmp_path: Path) -> None:
    """An FFmpeg that was removed is named."""
    with pytest.raises(DecodeFailed, match="ffmpeg cannot be run: No such file"):
        decode(tmp_path / "ffmpeg", tmp_path / "a.mp4")


def test_it_must_be_entered(ffmpeg: Path, movie: Path) -> None:
    """Without a context nobody would end FFmpeg."""
    with pytest.raises(ValueError, match="context"):
        list(Decoder(ffmpeg, movie, 0))


def test_many_open_files(ffmpeg: Path, movie: Path) -> None:
    """A server with more than a thousand clients can decode."""
    pipes = [os.pipe() for _ in range(600)]
    try:
        assert len(decode(ffmpeg, movie)) > 0
    finally:
        for pipe in pipes:
            os.close(pipe[0])
            os.close(pipe[1])


packets = st.lists(st.tuples(st.integers(0, 40), st.integers(1, 4000)), max_size=8)
"""Holes before each packet, in units of 100 ms, and its length in samples."""


@given(packets)
def test_every_sample_is_at_its_time(sizes: list[tuple[int, int]]) -> None:
    """Samples keep their place whatever holes lie before them; the rest is zeros."""
    given_packets, expected, at = [], [], 0
    for hole, length in sizes:
        at += hole * SAMPLE_RATE_HZ // 10
        start_ms = round(at * 1000 / SAMPLE_RATE_HZ)
        given_packets.append((start_ms / 1000, np.ones(length, np.int16)))
        expected.append(at)
        at += length
    heard = np.concatenate([np.zeros(0, np.int16), *on_clock(given_packets)])

    assert heard.sum() == sum(length for _, length in sizes)
    starts = np.flatnonzero(np.diff(heard, prepend=0) == 1)
    for start in starts:
        assert min(abs(start - place) for place in expected) <= 8 + SAME_PLACE


def test_what_overlaps_is_heard_once() -> None:
    """Where packets overlap, time goes on: the later one loses its beginning."""
    first, second = np.full(1600, 1, np.int16), np.full(1600, 2, np.int16)
    heard = np.concatenate(list(on_clock([(0.0, first), (0.05, second), (0.06, first)])))

    values, counts = np.unique(heard, return_counts=True)
    assert dict(zip(values.tolist(), counts.tolist(), strict=True)) == {1: 1600 + 160, 2: 800}
    assert np.count_nonzero(np.diff(heard)) == 2


def test_a_time_that_cannot_be_true() -> None:
    """A file that claims sound after years does not keep us busy with silence."""
    with pytest.raises(ValueError, match="8760 hours"):
        next(on_clock([(365 * 86_400.0, np.ones(1, np.int16))]))


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
