"""Standard output that cannot be written: a sentence, or nothing at all, but never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from audio_tools.cli._service import announce
from audio_tools.cli._stdout import stdout_errors_reported

VERSION = [sys.executable, "-m", "audio_tools", "--version"]
BUFFERED, UNBUFFERED = "", "1"


@pytest.mark.parametrize("unbuffered", [BUFFERED, UNBUFFERED])
@pytest.mark.parametrize(
    ("redirection", "fault"), [("> /dev/full", "No space left on device"), (">&-", "Bad file descriptor")]
)
def test_output_that_cannot_be_written_is_told_in_a_sentence(
    redirection: str, fault: str, unbuffered: str
) -> None:
    """Exit 1; whether Python holds it back or not, it does not try it again at its end."""
    ended = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", *VERSION],
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (1, f"Error: Standard output cannot be written: {fault}.\n")


@pytest.mark.parametrize("text", ["a line", b"a transcript"], ids=["text", "bytes"])
def test_files_are_printed_under_the_same_rule(text: str | bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Transcripts (`-o -`) go to the stream of bytes below, which was not watched."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr("sys.stdout", full)
        with (
            pytest.raises(click.ClickException, match="cannot be written: No space left on device"),
            stdout_errors_reported(),
        ):
            click.echo(text)


@pytest.mark.parametrize("unbuffered", [BUFFERED, UNBUFFERED])
def test_a_pipe_that_nobody_reads_ends_the_command_quietly(unbuffered: str) -> None:
    """As with `| head -1`, which has seen enough."""
    reading, writing = os.pipe()
    os.close(reading)
    ended = subprocess.run(
        VERSION,
        env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
        stdout=writing,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    os.close(writing)

    assert (ended.returncode, ended.stderr) == (1, "")


def test_a_process_of_the_service_works_though_nobody_can_read_that_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A restart on a full disk must not end at a greeting."""
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with stdout_errors_reported():
            announce("HTTP API: here")
