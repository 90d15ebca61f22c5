"""What a command does with a transcript: its files, and what is said of it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from audio_tools.transcript import Transcript


@dataclass(frozen=True, slots=True)
class Destination:
    """Into which folder the files go, and which there are."""

    folder: Path
    formats: tuple[str, ...]


async def deliver(
    transcript: Transcript, file: Path, destination: Destination, taken_s: float | None = None
) -> None:
    """
    Write the transcript of a file under the file's name, and say what it holds and what it lacks.

    That of a dry run is only told. `taken_s` is the wall time in seconds, None if nobody measured it.
    """
    from audio_tools.cli._progress import prospect, summary
    from audio_tools.exports.files import write

    if transcript.dry_run:
        click.echo(prospect(file.name, transcript))
        return
    paths = await asyncio.to_thread(write, transcript, destination.formats, destination.folder, file.stem)
    click.echo(summary(file.name, transcript, taken_s))
    for warning in transcript.warnings:
        click.echo(f"  Note: {warning}", err=True)
    for failed in transcript.failed_chunks:
        click.echo(f"  Missing: {failed.start:.1f}-{failed.end:.1f} s: {failed.message}", err=True)
    for gap in transcript.gaps:
        click.echo(f"  No words were found for the sound at {gap.start:.1f}-{gap.end:.1f} s.", err=True)
    click.echo("  " + "  ".join(str(path) for path in paths))
