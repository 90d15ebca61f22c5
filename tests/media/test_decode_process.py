"""How the decoding child ends: by itself, killed, hanging, crashed; nothing of it stays behind."""

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

from audio_tools.errors import DecodeFailed
from audio_tools.media import decode as decode_module
from audio_tools.media.decode import Decoder
from audio_tools.media.libav import Log
from audio_tools.media.records import HEADER
from tests.media.samples import children, decode, make, open_files, sound

Fake = Callable[[str], None]


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Puts a program in the place of the decoding child."""

    def replace(code: str) -> None:
        (tmp_path / "fake_decoder.py").write_text(code)

    monkeypatch.setattr(decode_module, "CHILD", "fake_decoder")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return replace


def test_not_one_sample_is_a_failure(tmp_path: Path) -> None:
    """A file that holds no sample at all is not an empty transcript."""
    path = make(tmp_path / "a.wav", *sound(1))
    path.write_bytes(path.read_bytes()[:78])

    with pytest.raises(DecodeFailed, match=r"Audio stream 0 of a\.wav cannot be decoded: "):
        decode(path)
    assert children() == []


@pytest.mark.parametrize(
    "create", [Path.touch, Path.mkdir, lambda path: path.write_text("text"), lambda _: None]
)
def test_a_bad_file_fails_here_too(tmp_path: Path, create: Callable[[Path], None]) -> None:
    """What becomes unreadable after the probe is an error of audio-tools, not a traceback."""
    create(tmp_path / "a.mp4")

    with pytest.raises(DecodeFailed):
        decode(tmp_path / "a.mp4")
    assert children() == []


def test_a_stream_that_is_not_there(movie: Path) -> None:
    """If the child sees fewer streams than the probe did, the message says so."""
    with pytest.raises(DecodeFailed, match="it has no such audio stream"):
        decode(movie, 5)


def test_killing_from_another_thread(recording: Path) -> None:
    """A thread that decodes is freed at once, with an error, and the child is gone."""
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
    with Decoder(recording, 0) as decoder:
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


def test_killing_frees_a_reader_that_waits(fake: Fake, tmp_path: Path) -> None:
    """A thread that waits for a child that gives nothing is freed; what the child started ends too."""
    fake("import subprocess; subprocess.run(['sleep', '600'])")
    failures: list[DecodeFailed] = []

    def read() -> None:
        with pytest.raises(DecodeFailed) as caught:
            list(decoder)
        failures.append(caught.value)

    with Decoder(tmp_path / "a.mp4", 0) as decoder:
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


def test_killed_before_it_starts(recording: Path) -> None:
    """A job that is cancelled before its decoder has started decodes nothing."""
    decoder = Decoder(recording, 0)
    decoder.kill()

    with decoder, pytest.raises(DecodeFailed, match="stopped"):
        list(decoder)


def test_leaving_early(recording: Path) -> None:
    """Who has heard enough just leaves: the child is ended and reaped."""
    with Decoder(recording, 0) as decoder:
        next(iter(decoder))

    assert children() == []


def test_no_descriptor_is_leaked(movie: Path, tmp_path: Path) -> None:
    """Whether it goes well or not, as many files are open after it as before."""
    before = open_files()
    for _ in range(3):
        decode(movie)
        with Decoder(movie, 0):
            pass
        with pytest.raises(DecodeFailed):
            decode(tmp_path / "no.mp4")

    assert open_files() == before


def test_a_killed_service_leaves_no_child(recording: Path) -> None:
    """After `kill -9` of the process that decodes, its child, which waits for a reader, is gone as well."""
    code = (
        "import sys, psutil; from pathlib import Path; from audio_tools.media.decode import Decoder; "
        "decoder = Decoder(Path(sys.argv[1]), 0).__enter__(); "
        "next(iter(decoder)); print(psutil.Process().children()[0].pid, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(recording)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as service:
        assert service.stdout is not None
        running = psutil.Process(int(service.stdout.readline()))
        service.send_signal(signal.SIGKILL)

    _, alive = psutil.wait_procs([running], timeout=30)
    assert alive == []


def test_a_child_that_hangs(fake: Fake, tmp_path: Path) -> None:
    """A child that gives nothing for too long is ended."""
    fake("import time; time.sleep(600)")

    with (
        Decoder(tmp_path / "a.mp4", 0, stall_s=0.1) as decoder,
        pytest.raises(DecodeFailed, match=r"returned no data for 0\.1 seconds"),
    ):
        list(decoder)
    assert children() == []


def send(*records: bytes) -> str:
    """The code of a child that writes so many bytes to its standard output."""
    return f"import sys; sys.stdout.buffer.write({b''.join(records)!r}); sys.stdout.flush()\n"


SECOND = HEADER.pack(b"S", 1, 0, 32_000) + bytes(32_000)


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import os; os.kill(os.getpid(), 11)", "the decoder was killed by signal 11"),
        ("raise SystemExit(1)", r"the decoder ended early \(exit 1\)"),
        ("", r"the decoder ended early \(exit 0\)"),
        (send(SECOND), r"the decoder ended early \(exit 0\)"),
        (send(SECOND[:-1]), r"the decoder ended early \(exit 0\)"),
        (send(HEADER.pack(b"F", 0, 0, 2), b"no"), "FFmpeg says: no"),
        (send(HEADER.pack(b"R", 0, 0, 2), b"{}"), "invalid output from the decoder"),
        (send(HEADER.pack(b"S", 3, 0, 4), bytes(4)), "invalid output from the decoder"),
        (send(HEADER.pack(b"S", 1, 0, 1 << 30)), "invalid output from the decoder"),
        (send(HEADER.pack(b"S", 1, 1 << 60, 2), bytes(2)), r"sound after \d+ hours"),
        (send(bytes(100)), "invalid output from the decoder"),
    ],
)
def test_how_a_child_ends(fake: Fake, tmp_path: Path, code: str, why: str) -> None:
    """A crash, an exit code, a missing report and nonsense are failures that say what happened."""
    fake(code)

    with pytest.raises(DecodeFailed, match=why):
        decode(tmp_path / "a.mp4")
    assert children() == []


def test_a_late_failure_is_a_failure(fake: Fake, tmp_path: Path) -> None:
    """If the child fails at the end, what came before is not taken for the whole."""
    fake(send(SECOND, HEADER.pack(b"F", 0, 0, 2), b"no"))

    with Decoder(tmp_path / "a.mp4", 0) as decoder, pytest.raises(DecodeFailed, match="FFmpeg says: no"):
        list(decoder)


def test_a_flood_of_complaints_fills_no_memory() -> None:
    """Of a million complaints the last different ones are kept, and of a long one its beginning."""
    captured = [(16, "aac", f"broken {number}\n") for number in range(100_000)]
    log = Log([*captured, (16, "aac", "x" * 1_000_000), (24, "aac", "warning")])

    assert len(log.complaints()) < 3000
    assert log.complaints().splitlines()[-2] == "broken 99999"
    assert log.warned_of("warn")


def test_it_must_be_entered(movie: Path) -> None:
    """Without a context FFmpeg would never be ended."""
    with pytest.raises(ValueError, match="context"):
        list(Decoder(movie, 0))


def test_many_open_files(movie: Path) -> None:
    """A server with more than a thousand clients can decode."""
    pipes = [os.pipe() for _ in range(600)]
    try:
        assert len(decode(movie)) > 0
    finally:
        for pipe in pipes:
            os.close(pipe[0])
            os.close(pipe[1])
