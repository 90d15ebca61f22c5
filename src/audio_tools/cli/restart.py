"""`audio-tools restart`: put a failed job back into the queue."""

from __future__ import annotations

import asyncio

import click

from audio_tools.cli._server_options import server_options


@click.command("restart")
@click.argument("job_id")
@server_options
def command(job_id: str, *, server: str, token: str | None) -> None:
    """
    Restart a failed job with the same file and options.

    JOB_ID is the id or the number that `audio-tools jobs` lists. Chunks that were transcribed before are
    not sent again. The service keeps the upload of a failed job for RESULT_TTL seconds.
    """
    asyncio.run(_restart(job_id, server, token))


async def _restart(job_id: str, server: str, token: str | None) -> None:
    from audio_tools.client import AsyncClient
    from audio_tools.client.hints import COMMAND_LINE

    async with AsyncClient(server, token, hints=COMMAND_LINE) as client:
        restarted = await client.restart(await client.find_job(job_id))
        click.echo(f"Job {restarted['jobId']} requeued.")
