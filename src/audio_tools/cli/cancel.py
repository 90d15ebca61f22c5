"""`audio-tools cancel`: stop a job, or delete one that has ended."""

from __future__ import annotations

import asyncio

import click

from audio_tools.cli.server_options import server_options


@click.command("cancel")
@click.argument("job_id")
@server_options
def command(job_id: str, server: str, token: str | None) -> None:
    """Cancel the job JOB_ID of a service; one that has ended is deleted with all its data."""
    asyncio.run(_cancel(job_id, server, token))


async def _cancel(job_id: str, server: str, token: str | None) -> None:
    from audio_tools.client import Client

    async with Client(server, token) as client:
        click.echo(await client.cancel(job_id))
