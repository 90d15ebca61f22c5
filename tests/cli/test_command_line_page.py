"""`docs/command-line.md` lists the commands and the exit codes that there are."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from audio_tools.cli import COMMANDS
from audio_tools.errors import AudioToolsError
from tests.cli.conftest import Run

HEAVY = {"numpy", "av", "openai", "faster_whisper", "fastapi", "rich", "audio_tools.exports.registry"}
PAGE = (Path(__file__).parents[2] / "docs" / "command-line.md").read_text()


def errors_of(kind: type[AudioToolsError]) -> list[type[AudioToolsError]]:
    return [kind, *(error for below in kind.__subclasses__() for error in errors_of(below))]


def test_every_error_has_the_exit_code_of_the_page() -> None:
    """Those with 2, 3 and 4 are listed; all others end with 1."""
    listed = {
        code: int(exit_code)
        for exit_code, codes in re.findall(r"^\| (\d+) \|[^|]+\| (`.+`) \|$", PAGE, re.MULTILINE)
        for code in re.findall(r"`(\w+)`", codes)
    }
    # Those of the server's own protocol never end a command.
    everything = errors_of(AudioToolsError)
    kinds = [error for error in everything if not error.__module__.startswith("audio_tools.server")]

    assert {error.code: error.exit_code for error in kinds if error.exit_code != 1} == listed


def test_every_command_is_on_the_page() -> None:
    """In the table of commands."""
    table = PAGE[: PAGE.index("## Input")]

    assert [name for name in COMMANDS if f"`{name}" not in table] == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_help_fits_80_columns(command: str, audio_tools: Run) -> None:
    """As the terminals of most users are at least that wide."""
    ended = audio_tools(command, "--help")

    assert ended.code == 0
    assert max(map(len, ended.output.splitlines())) <= 80


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_loads_nothing_heavy(command: str) -> None:
    """It answers at once: neither engines nor numbers nor formats are imported for it."""
    code = (
        "import sys; from audio_tools.cli import app;"
        f"app.main([*{[command] if command else []}, '--help'], standalone_mode=False);"
        f"print(sorted({HEAVY} & set(sys.modules)), file=sys.stderr)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert ended.stderr == "[]\n"
