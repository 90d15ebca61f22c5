"""`audio-tools export`: the transcript of a job that has ended, as files."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from audio_tools.cli._outputs import check_outputs, output_options
from audio_tools.cli._server_options import server_options


@click.command("export")
@click.argument("job_id")
@output_options
@server_options
def command(job_id: str, *, output: Path, formats: tuple[str, ...], server: str, token: str | None) -> None:
    """
    Write the transcript of the job JOB_ID of a service.

    The files are those that `audio-tools submit --follow` writes. The job must be completed.
    """
    asyncio.run(_export(job_id, output, formats, server, token))


async def _export(
    job_id: str, output: Path, formats: tuple[str, ...], server: str, token: str | None
) -> None:
    from audio_tools.cli._write_transcript import Destination, deliver
    from audio_tools.client import Client
    from audio_tools.transcript import Transcript

    async with Client(server, token) as client:
        name = (await client.status(job_id))["data"].get("fileName")
        transcript = Transcript.from_json(await client.result(job_id))
    # Others may add jobs to the queue: what they call a file is anything.
    file = Path((Path(name).name if isinstance(name, str) else "") or job_id)
    if not transcript.dry_run:
        check_outputs([file], output, formats)
    await deliver(transcript, file, Destination(output, formats))
