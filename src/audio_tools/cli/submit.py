"""`audio-tools submit`: send a file to a service and, if wished, wait for what comes out."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from audio_tools.cli._inputs import check_file
from audio_tools.cli._outputs import check_outputs, output_options
from audio_tools.cli._server_options import server_options
from audio_tools.cli._write_transcript import Destination, deliver
from audio_tools.cli.transcribe import parse_options, processing_options

if TYPE_CHECKING:
    from audio_tools.client import Client
    from audio_tools.transcript import Json, Transcript


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
    check_file(file)
    if follow and not options.dry_run:
        check_outputs([file], output, formats)
    sent = options.model_dump(by_alias=True, exclude_unset=True, exclude_none=True)
    destination = Destination(output, formats) if follow else None
    asyncio.run(_submit(file, sent, server, token, destination))


async def _submit(
    file: Path, options: dict[str, Any], server: str, token: str | None, destination: Destination | None
) -> None:
    from audio_tools.client import Client

    async with Client(server, token) as client:
        started = time.monotonic()
        answer = await client.submit(file, options)
        click.echo(f"Job {answer['jobId']}", err=destination is not None)
        for warning in answer.get("warnings", ()):
            click.echo(f"  Note: {warning}", err=True)
        if destination is None:
            click.echo(_ways_on(answer["jobId"]), err=True)
        else:
            transcript = await _follow(client, answer, file.name)
            await deliver(transcript, file, destination, time.monotonic() - started)


async def _follow(client: Client, answer: Json, name: str) -> Transcript:
    from audio_tools.cli._progress import ProgressLine, progress_of
    from audio_tools.transcript import Transcript

    try:
        with ProgressLine(name) as line:
            async for event in client.follow(answer):
                if (progress := progress_of(event)) is not None:
                    line.show(progress)
    except asyncio.CancelledError:
        click.echo(f"Job {answer['jobId']} goes on. {_ways_on(answer['jobId'])}", err=True)
        raise
    # A job that failed or was cancelled answers with its own error.
    return Transcript.from_json(await client.result(answer["jobId"]))


def _ways_on(job_id: str) -> str:
    """What to do with a job that goes on; says which service where the user had to say it."""
    context = click.get_current_context()
    by_flag = context.get_parameter_source("server") is click.core.ParameterSource.COMMANDLINE
    where = f"{job_id} --server {context.params['server']}" if by_flag else job_id
    return (
        f"Once it is done, `audio-tools export {where}` writes its transcript; "
        f"`audio-tools cancel {where}` stops it."
    )
