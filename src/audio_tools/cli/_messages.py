"""What the commands say alike: errors, and numbers of things."""

from __future__ import annotations

import click

from audio_tools.errors import AudioToolsError


def show_error(error: AudioToolsError, about: str = "") -> None:
    """An error and its hint on stderr; `about` is what it happened to, unless the message names that."""
    subject = f"{about}: " if about and about not in error.message else ""
    click.echo(f"Error: {subject}{error.message}", err=True)
    if error.hint:
        click.echo(f"Hint: {error.hint}", err=True)


def counted(number: int, noun: str) -> str:
    """A number of things: `1 silence`, `5 silences`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
