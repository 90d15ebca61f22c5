"""Every bad input gets one clear sentence and the right exit code, and leaves nothing behind."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.commands import Commands, Ended
from tests.simulator.media import ffmpeg, render
from tests.simulator.script import talk


@pytest.fixture
def commands(tmp_path: Path) -> Commands:
    return Commands(tmp_path)


def make(path: Path, *arguments: str) -> Path:
    """A file made by FFmpeg."""
    subprocess.run([ffmpeg(), "-v", "error", "-y", *arguments, str(path)], check=True)
    return path


def assert_refused(ended: Ended, commands: Commands, code: int, *words: str) -> None:
    """One sentence, maybe a hint, no traceback; the exit code; nothing written."""
    assert ended.code == code, ended.errors
    lines = [line for line in ended.errors.splitlines() if line.strip()]
    assert lines[0].startswith("Error: ")
    assert len(lines) <= 2
    for word in words:
        assert word in ended.errors
    assert not commands.out.exists() or list(commands.out.iterdir()) == []
    assert not (commands.data_dir / "chunks").exists()


BAD_FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty.mp4": (lambda path: path.write_bytes(b""), "is empty"),
    "text.mp4": (
        lambda path: path.write_text("Dear editor, this is a letter. " * 100),
        "cannot be read as media",
    ),
    "folder.mp4": (lambda path: path.mkdir(), "No media files in this folder"),
    "pipe.mp4": (os.mkfifo, "is not a regular file"),
    "silent.mp4": (
        lambda path: make(path, "-f", "lavfi", "-i", "color=black:s=64x36:r=25:d=1", "-an"),
        "has no audio stream",
    ),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_file_that_is_no_recording_is_named_with_its_fault(name: str, commands: Commands) -> None:
    """Exit code 3: bad media."""
    spoil, fault = BAD_FILES[name]
    path = commands.folder / name
    spoil(path)

    assert_refused(commands.transcribe(path), commands, 3, fault)


def test_a_missing_file_is_named(commands: Commands) -> None:
    """A typing mistake is found at once."""
    assert_refused(commands.transcribe("nowhere.mp4"), commands, 3, "nowhere.mp4")


def test_a_truncated_file_is_refused(commands: Commands) -> None:
    """An MP4 whose end, and with it the index, is missing."""
    whole = render(talk(5), commands.folder / "whole.mp4").read_bytes()
    (commands.folder / "half.mp4").write_bytes(whole[: len(whole) // 2])

    assert_refused(commands.transcribe(commands.folder / "half.mp4"), commands, 3, "half.mp4")


@pytest.fixture
def listener() -> Iterator[tuple[str, list[str]]]:
    """An HTTP server that notes who asks."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_error(404)

        def log_message(self, *_: object) -> None: ...

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_playlist_in_disguise_contacts_nobody(listener: tuple[str, list[str]], commands: Commands) -> None:
    """Whatever its name, a playlist is no recording: nothing is fetched."""
    url, asked = listener
    playlist = commands.folder / "holiday.mp4"
    playlist.write_text(f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}/one.ts\n#EXT-X-ENDLIST\n")

    assert_refused(commands.transcribe(playlist), commands, 3, "holiday.mp4")
    assert asked == []


@pytest.mark.parametrize(
    "script",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:5\n#EXTINF:5,\n{path}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{path}'\n",
    ],
    ids=["playlist", "concat"],
)
def test_a_script_that_names_another_file_does_not_play_it(script: str, commands: Commands) -> None:
    """The sound of a file that was not requested is not returned."""
    other = render(talk(5), commands.folder / "private.wav")
    disguised = commands.folder / "clip.mp4"
    disguised.write_text(script.format(path=other))

    assert_refused(commands.transcribe(disguised), commands, 3, "clip.mp4")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--chunk-size", "1"], "--chunk-size"),
        (["--language", "English"], "--language"),
        (["-f", "docx"], "json, srt, vtt, txt"),
    ],
)
def test_a_wrong_option_is_named_with_its_range(arguments: list[str], word: str, commands: Commands) -> None:
    """Exit code 2: wrong use."""
    assert_refused(commands.transcribe(*arguments, "x.mp4"), commands, 2, word)


def test_two_inputs_of_one_name_do_not_overwrite_each_other(commands: Commands) -> None:
    """Both would be written as the same files: nothing is begun."""
    for folder, name in (("a", "take.mp4"), ("b", "take.mp4")):
        (commands.folder / folder).mkdir()
        render(talk(2), commands.folder / folder / name)

    assert_refused(commands.transcribe("a/take.mp4", "b/take.mp4"), commands, 2, "take")


def test_a_missing_audio_stream_is_named(commands: Commands) -> None:
    """The error says which there are."""
    path = render(talk(3), commands.folder / "talk.mp4")

    assert_refused(commands.transcribe("--audio-stream", "3", path), commands, 3, "audio stream 3", "Hint")


def test_help_needs_no_heavy_library() -> None:
    """`--help` answers at once, since nothing is imported that it does not need."""
    code = "import sys; from audio_tools.cli import main\ntry: main()\nfinally: print(sorted(sys.modules))"
    ended = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    loaded = set(ended.stdout.splitlines()[-1].strip("[]").replace("'", "").split(", "))

    assert "transcribe" in ended.stdout
    assert not loaded & {"numpy", "pydantic", "openai", "rich", "av", "asyncio"}


@pytest.mark.parametrize("folder", ["/proc/x", "/dev/null", "/dev/full/x"])
def test_a_folder_that_cannot_be_written_is_named_before_the_work(folder: str, commands: Commands) -> None:
    """Exit code 2, and nothing was transcribed in vain."""
    path = render(talk(2), commands.folder / "talk.wav")

    assert_refused(commands.run("transcribe", path, "-o", folder), commands, 2, folder, "-o")
