"""`audio-tools cancel`: stop a job or, if asked to, delete it."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import click

from audio_tools.cli._messages import say
from audio_tools.cli._server_options import server_options

FINISHED = {"completed", "failed", "cancelled"}


@click.command("cancel")
@click.argument("job_id")
@click.option("--delete", is_flag=True, help="Also delete the job with all its data.")
@server_options
def command(job_id: str, *, delete: bool, server: str, token: str | None) -> None:
    """
    Cancel a job.

    JOB_ID is the id or the number that `audio-tools jobs` lists. Without --delete, a cancelled job remains in
    the list, and a finished one is left as it is.
    """
    asyncio.run(_cancel(job_id, server, token, delete=delete))


async def _cancel(job_id: str, server: str, token: str | None, *, delete: bool) -> None:
    from audio_tools.client import AsyncClient
    from audio_tools.client.hints import COMMAND_LINE
    from audio_tools.errors import JobError

    async with AsyncClient(server, token, hints=COMMAND_LINE) as client:
        job_id = await client.find_job(job_id)
        state = (await client.status(job_id))["state"]
        finished = state in FINISHED
        if finished and not delete:
            way_out = f"`audio-tools cancel --delete {job_id}` deletes it with all its data"
            if state == "completed":
                way_out += f", `audio-tools export {job_id}` writes its transcript"
            raise JobError(f"Job {job_id} has already finished ({state}).", hint=f"{way_out}.")
        # The same request cancels an unfinished job and deletes a finished one.
        say(await client.cancel(job_id))
        if delete and not finished:
            async with aclosing(client.follow(job_id)) as events:
                async for _ in events:
                    pass
            say(await client.cancel(job_id))
