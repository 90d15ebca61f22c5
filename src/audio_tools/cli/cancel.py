"""`audio-tools cancel`: stop a job or, if asked to, delete one that has finished."""

from __future__ import annotations

import asyncio

import click

from audio_tools.cli._messages import say
from audio_tools.cli._server_options import server_options

FINISHED = {"completed", "failed", "cancelled"}


@click.command("cancel")
@click.argument("job_id")
@click.option("--delete", is_flag=True, help="Also delete the job and its data if it has already finished.")
@server_options
def command(job_id: str, *, delete: bool, server: str, token: str | None) -> None:
    """
    Cancel a job.

    JOB_ID is the id or the number that `audio-tools jobs` lists. A job that has finished keeps its
    transcript, unless --delete is given.
    """
    asyncio.run(_cancel(job_id, server, token, delete=delete))


async def _cancel(job_id: str, server: str, token: str | None, *, delete: bool) -> None:
    from audio_tools.client import AsyncClient
    from audio_tools.client.hints import COMMAND_LINE
    from audio_tools.errors import JobError

    async with AsyncClient(server, token, hints=COMMAND_LINE) as client:
        job_id = await client.find_job(job_id)
        # The same request cancels an unfinished job and deletes a finished one.
        if not delete and (state := (await client.status(job_id))["state"]) in FINISHED:
            way_out = f"`audio-tools cancel --delete {job_id}` deletes it with all its data"
            if state == "completed":
                way_out += f", `audio-tools export {job_id}` writes its transcript"
            raise JobError(f"Job {job_id} has already finished ({state}).", hint=f"{way_out}.")
        say(await client.cancel(job_id))
