"""How commands print: wrapped at 80 columns on a terminal, coloured where that is wanted."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap

import click

from audio_tools.errors import AudioToolsError

MAX_COLUMNS = 80
_CONTROL = dict.fromkeys((*range(32), *range(127, 160)), "�") | {ord(blank): " " for blank in "\t\n\r"}
_COLOURS = {
    "Error:": "red",
    "Hint:": "cyan",
    "Note:": "yellow",
    "Missing:": "red",
    "completed": "green",
    "active": "cyan",
    "failed": "red",
    "ok   ": "green",
    "FAULT": "red",
    "cancelled": "yellow",
}


def show_error(error: AudioToolsError, about: str = "") -> None:
    """Print an error and its hint to stderr, with `about` first unless the message names it."""
    subject = f"{about}: " if about and about not in error.message else ""
    say(f"Error: {subject}{error.message}", err=True)
    if error.hint:
        say(f"Hint: {error.hint}", err=True)


def printable(text: str) -> str:
    """The text on one line, without control characters: a file name may hold escape sequences."""
    return text.translate(_CONTROL)


def say(text: str, *, err: bool = False) -> None:
    """Print one line; on a terminal it is wrapped and its label (`Error:`, `Note:` …) coloured."""
    text = printable(text)
    stream = sys.stderr if err else sys.stdout
    on_terminal = is_terminal(stream)
    if on_terminal:
        text = wrapped(text, columns())
    label = text.lstrip().partition(" ")[0]
    click.echo(
        text.replace(label, coloured(label), 1) if on_terminal and label in _COLOURS else text, err=err
    )


def wrapped(text: str, width: int) -> str:
    """The text in lines of at most `width` columns, later ones indented; words are never broken."""
    indent = text[: len(text) - len(text.lstrip())]
    return textwrap.fill(
        text.strip(),
        width,
        initial_indent=indent,
        subsequent_indent=indent + "  ",
        break_long_words=False,
        break_on_hyphens=False,
    )


def coloured(word: str, text: str | None = None) -> str:
    """`text` (default: the word itself) in the colour of a label or a job state; NO_COLOR turns it off."""
    shown = word if text is None else text
    colour = _COLOURS.get(word)
    return shown if colour is None or os.environ.get("NO_COLOR") else click.style(shown, fg=colour, bold=True)


def columns() -> int:
    """The width of the terminal, at most `MAX_COLUMNS`."""
    return min(shutil.get_terminal_size().columns, MAX_COLUMNS)


def is_terminal(stream: object) -> bool:
    """Whether a stream is a terminal; a closed or missing one is not."""
    try:
        return bool(stream.isatty())  # type: ignore[attr-defined]
    except (AttributeError, ValueError):
        return False


def counted(number: int, noun: str) -> str:
    """A number of things: `1 silence`, `5 silences`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
