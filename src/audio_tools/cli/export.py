"""`audio-tools export`: write the transcripts of jobs that have completed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from audio_tools.cli._inputs import Source
from audio_tools.cli._outputs import Destination, Output, output_options, plan_outputs
from audio_tools.cli._server_options import server_options
from audio_tools.cli._write_transcript import Delivery, deliver, say_what_to_do
from audio_tools.cli._written_files import WrittenFiles


@click.command("export")
@click.argument("job_id")
@output_options
@server_options
def command(job_id: str, *, destination: Destination, server: str, token: str | None) -> None:
    """
    Write the transcript of a job.

    JOB_ID is the id or the number that `audio-tools jobs` lists. Writes the same files as `audio-tools
    submit --follow`. The job must be completed.
    """
    delivery = asyncio.run(_export(job_id, destination, server, token))
    if delivery.failure:
        raise SystemExit(delivery.failure.exit_code)


async def _export(job_id: str, destination: Destination, server: str, token: str | None) -> Delivery:
    from audio_tools.client import AsyncClient
    from audio_tools.client.hints import COMMAND_LINE
    from audio_tools.settings import Settings
    from audio_tools.transcript import Transcript

    async with AsyncClient(server, token, hints=COMMAND_LINE) as client:
        job_id = await client.find_job(job_id)
        name = (await client.status(job_id))["data"].get("fileName")
        transcript = Transcript.from_json(await client.result(job_id))
    # Other producers may add jobs to the queue, with anything as the file's name.
    file = Path((Path(name).name if isinstance(name, str) else "") or job_id)
    written = WrittenFiles(Settings.load().data_dir)
    if transcript.dry_run:
        output = Output(file, {})
    else:
        (output,) = plan_outputs([Source(file)], destination, written)
    delivery = await deliver(transcript, output, destination, written)
    say_what_to_do([delivery.output])
    return delivery
