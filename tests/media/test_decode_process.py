"""How FFmpeg ends: by itself, killed, hanging, crashed; nothing of it stays behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from audio_tools.audio.pcm import SAMPLE_RATE_HZ
from audio_tools.errors import DecodeFailed
from audio_tools.media.decode import Decoder
from tests.media.samples import children, decode, make, open_files, sound


def fake(path: Path, text: str) -> Path:
    """A program in FFmpeg's place."""
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


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
