"""What the probe refuses, and what becomes of its child process."""

from __future__ import annotations

import asyncio
import concurrent.futures.thread  # noqa: F401  # which asyncio imports later, as a user who may not read it
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from audio_tools.errors import MediaNotFound, ProbeFailed
from audio_tools.media.probe import probe
from tests.media.samples import children, make, open_files, sound

NOBODY = 65534
ODD_NAMES = ["%d [1] *.mp4", "-i.mp4", "http:x.mp4", "concat:a|b.mp4", "fünf ü.mp4", "a\udcff.mp4"]


async def child_started() -> psutil.Process:
    """The child process, as soon as it is there."""
    while not (started := children()):
        await asyncio.sleep(0)
    return started[0]


async def test_a_missing_file(tmp_path: Path) -> None:
    """A path that leads nowhere is a 404."""
    (tmp_path / "a.mp4").touch()
    for name in ("no.mp4", "a.mp4/b.mp4", "nul\0.mp4", "x" * 300):
        with pytest.raises(MediaNotFound, match="File not found"):
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
                with pytest.raises(MediaNotFound, match="Permission denied"):
                    await probe(path)
        (folder / "closed").chmod(0o700)


def fifo(path: Path) -> None:
    os.mkfifo(path)


def text(path: Path) -> None:
    path.write_text("These are no samples.\n" * 100, encoding="utf-8")


@pytest.mark.parametrize(
    ("create", "name", "sentence"),
    [
        (Path.touch, "empty.mp4", "empty.mp4 is empty."),
        (Path.mkdir, "folder.mp4", "folder.mp4 is a folder, not a media file."),
        (fifo, "pipe.mp4", "pipe.mp4 is not a regular file."),
        (text, "text.mp4", "text.mp4 cannot be read as media: its index (moov atom) is missing"),
        (text, "text.wav", "text.wav cannot be read as media: unsupported or unrecognised media format"),
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

    with pytest.raises(ProbeFailed, match="is truncated"):
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

    with pytest.raises(ProbeFailed, match=r"crashed the media reader \(exit -11\)"):
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


@pytest.mark.parametrize("kind", ["flac", "mp3", "aac", "wav", "ac3", "amr", "ogg"])
async def test_a_text_is_refused_whatever_its_name(tmp_path: Path, kind: str) -> None:
    """One kind of fault has one error: some demuxers take anything that has their extension."""
    path = tmp_path / f"notes.{kind}"
    path.write_text("This is a note, not media.\n" * 200)

    with pytest.raises(ProbeFailed, match="unsupported or unrecognised media format"):
        await probe(path)
