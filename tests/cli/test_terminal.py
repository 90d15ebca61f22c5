"""On a terminal lines are wrapped and coloured; elsewhere they are plain."""

from __future__ import annotations

import io
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from audio_tools.cli._messages import wrapped
from audio_tools.cli._progress import ProgressLine
from audio_tools.events import Progress

LONG_NAME = "an interview with a very long name that nobody would like to see cut in the middle " * 2
CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(folder: Path, *arguments: str, **environment: str) -> str:
    """What `audio-tools` shows on a terminal of 100 columns."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "audio_tools", *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env={**os.environ, "COLUMNS": "100", "TERM": "xterm", "DATA_DIR": str(folder), **environment},
    ) as process:
        os.close(theirs)
        shown = b""
        while block := _read(ours):
            shown += block
        process.wait()
    os.close(ours)
    return shown.decode().replace("\r\n", "\n")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65_536)
    except OSError:  # the other end is closed
        return b""


@pytest.mark.slow
def test_errors_are_wrapped_and_red(tmp_path: Path) -> None:
    """At 80 columns also on a wider terminal; a word is never broken."""
    (tmp_path / f"{LONG_NAME}.wav").touch()
    shown = on_terminal(tmp_path, "transcribe", f"{LONG_NAME}.wav", "--engine", "whisper")
    lines = CODES.sub("", shown).splitlines()

    assert "\x1b[31m" in shown
    assert lines[0].startswith("Error: an interview")
    assert max(map(len, lines)) <= 80
    assert " ".join(" ".join(lines).split()).startswith(f"Error: {LONG_NAME}.wav is empty.")


@pytest.mark.slow
def test_no_color_is_obeyed(tmp_path: Path) -> None:
    """Nothing is coloured, whatever it is set to."""
    assert "\x1b[3" not in on_terminal(tmp_path, "transcribe", "a.wav", NO_COLOR="1")


@pytest.mark.slow
def test_elsewhere_a_message_is_one_line(tmp_path: Path) -> None:
    """Ready for grep: neither wrapped nor coloured."""
    ended = subprocess.run(
        [sys.executable, "-m", "audio_tools", "transcribe", f"{LONG_NAME}.wav"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "DATA_DIR": str(tmp_path), "OPENAI_API_KEY": "sk-test"},
        check=False,
    )

    assert ended.stderr.splitlines()[0] == f"Error: File not found: {LONG_NAME}.wav"


def test_the_bar_keeps_its_width() -> None:
    """Whatever stands beside it: two lines of at most 80 columns, with elapsed time, speed and time left."""
    shown = []
    line = ProgressLine("2 of 7  clip.mp4")
    for progress in (
        Progress("load", 0.0, "Downloading the model: 45 of 145 MB"),
        Progress("transcribe", 43.2, "Transcribed 12 of 345 chunks", 12, 0, 345, 7.4, 12.3),
        Progress("transcribe", 99.0, "Transcribed 345 of 345 chunks", 345, 0, 345, 36_000.0, 0.4),
    ):
        line._console = Console(force_terminal=True, width=80, stderr=True)
        line.show(progress)
        console = Console(width=80, record=True, file=io.StringIO())
        for part in line._bars.get_renderables():
            console.print(part)
        shown.append(console.export_text().splitlines())

    assert all(len(lines) == 2 for lines in shown)
    assert max(len(text) for lines in shown for text in lines) <= 80
    assert shown[1][0] == "2 of 7  clip.mp4: Transcribed 12 of 345 chunks"
    assert len({text.index("%") for _, text in shown}) == 1
    assert shown[1][1].split()[-3:] == ["12x", "0:07", "left"]
    assert shown[2][1].split()[-3:] == ["0.4x", "10:00:00", "left"]


@pytest.mark.parametrize("width", [20, 80])
def test_wrapped_lines_are_indented_below_the_first(width: int) -> None:
    """By two columns more than the first, whose own indent stays."""
    lines = wrapped("  Note: some words that are many more than fit a line " * 2, width).splitlines()

    assert lines[0].startswith("  Note:")
    assert all(line.startswith("    ") and len(line) <= width for line in lines[1:])
