"""`audio-tools submit`: send a file to a service and, if wished, wait for what comes out."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from audio_tools.cli.outputs import check_outputs, output_options
from audio_tools.cli.server_options import server_options
from audio_tools.cli.transcribe import parse_options, processing_options

if TYPE_CHECKING:
    from audio_tools.client import Client
    from audio_tools.transcript import Json


@click.command("submit")
@click.argument("file", type=click.Path(path_type=Path))
@server_options
@click.option("--follow", is_flag=True, help="Show the progress, wait for the end, write the transcript.")
@output_options
@processing_options
def command(
    file: Path,
    *,
    server: str,
    token: str | None,
    follow: bool,
    output: Path,
    formats: tuple[str, ...],
    **given: Any,
) -> None:
    """
    Send FILE to a service as an upload.

    With --follow the exit code is that of `audio-tools transcribe`.
    """
    options = parse_options(given)
    _check_readable(file)
    if follow and not options.dry_run:
        check_outputs([file], output, formats)
    sent = options.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)
    asyncio.run(_submit(file, sent, server, token, (output, formats) if follow else None))


def _check_readable(file: Path) -> None:
    from audio_tools.errors import MediaNotFound

    if not file.is_file():
        raise MediaNotFound(f"There is no file {file}.")
    if not os.access(file, os.R_OK):
        raise MediaNotFound(f"{file} may not be read.")


async def _submit(
    file: Path,
    options: dict[str, Any],
    server: str,
    token: str | None,
    write_to: tuple[Path, tuple[str, ...]] | None,
) -> None:
    from audio_tools.client import Client

    async with Client(server, token) as client:
        started = time.monotonic()
        answer = await client.submit(file, options)
        click.echo(f"Job {answer['jobId']}", err=write_to is not None)
        for warning in answer.get("warnings", ()):
            click.echo(f"  Note: {warning}", err=True)
        if write_to is not None:
            output, formats = write_to
            await _follow(client, answer, file, started=started, output=output, formats=formats)


async def _follow(
    client: Client, answer: Json, file: Path, *, started: float, output: Path, formats: tuple[str, ...]
) -> None:
    from audio_tools.cli.progress import ProgressLine, progress_of, prospect, summary
    from audio_tools.exports.files import write
    from audio_tools.transcript import Transcript

    try:
        with ProgressLine(file.name) as line:
            async for event in client.follow(answer):
                if (progress := progress_of(event)) is not None:
                    line.show(progress)
    except asyncio.CancelledError:
        click.echo(f"Job {answer['jobId']} goes on. `audio-tools cancel` would stop it.", err=True)
        raise
    # A job that failed or was cancelled answers with its own error.
    transcript = Transcript.from_json(await client.result(answer["jobId"]))
    if transcript.dry_run:
        click.echo(prospect(file.name, transcript))
        return
    paths = await asyncio.to_thread(write, transcript, formats, output, file.stem)
    click.echo(summary(file.name, transcript, time.monotonic() - started))
    click.echo("  " + "  ".join(str(path) for path in paths))
