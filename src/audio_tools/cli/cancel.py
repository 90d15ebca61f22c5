"""`audio-tools cancel`: stop a job or, if that is wished, delete one that has ended."""

from __future__ import annotations

import asyncio

import click

from audio_tools.cli._server_options import server_options

ENDED = {"completed", "failed", "cancelled"}


@click.command("cancel")
@click.argument("job_id")
@click.option("--delete", is_flag=True, help="A job that has ended is deleted with all its data.")
@server_options
def command(job_id: str, *, delete: bool, server: str, token: str | None) -> None:
    """
    Cancel the job JOB_ID of a service.

    One that has ended meanwhile keeps its transcript, unless --delete is given.
    """
    asyncio.run(_cancel(job_id, server, token, delete=delete))


async def _cancel(job_id: str, server: str, token: str | None, *, delete: bool) -> None:
    from audio_tools.client import Client
    from audio_tools.errors import JobError

    async with Client(server, token) as client:
        # For the service both are one: it deletes what has ended.
        if not delete and (state := (await client.status(job_id))["state"]) in ENDED:
            way_out = f"`audio-tools cancel --delete {job_id}` deletes it with all its data"
            if state == "completed":
                way_out += f", `audio-tools export {job_id}` writes its transcript"
            raise JobError(
                f"Job {job_id} has ended ({state}), so there is nothing to cancel.", hint=f"{way_out}."
            )
        click.echo(await client.cancel(job_id))
