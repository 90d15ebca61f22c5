"""`audio-tools cancel`: stop a job or, if asked to, delete it."""

from __future__ import annotations

import asyncio

import click

from audio_tools.cli._messages import say
from audio_tools.cli._server_options import server_options


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
    from audio_tools.client import AsyncClient, ServerRefused
    from audio_tools.client.hints import COMMAND_LINE
    from audio_tools.errors import JobError, JobFinished

    async with AsyncClient(server, token, hints=COMMAND_LINE) as client:
        job_id = await client.find_job(job_id)
        try:
            say(await client.cancel(job_id, delete=delete))
        except ServerRefused as error:
            if error.server_code != JobFinished.code:
                raise
            way_out = f"`audio-tools cancel --delete {job_id}` deletes it with all its data"
            if (await client.status(job_id))["state"] == "completed":
                way_out += f", `audio-tools export {job_id}` writes its transcript"
            raise JobError(error.message, hint=f"{way_out}.") from None
