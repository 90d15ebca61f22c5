"""`audio-tools jobs`: what a service has done, does and will do."""

from __future__ import annotations

import asyncio

import click

from audio_tools.cli._server_options import server_options


@click.command("jobs")
@server_options
def command(server: str, token: str | None) -> None:
    """List the jobs of a service."""
    asyncio.run(_list(server, token))


async def _list(server: str, token: str | None) -> None:
    from audio_tools.client import Client

    async with Client(server, token) as client:
        jobs = await client.jobs()
        if not jobs:
            click.echo("There are no jobs.", err=True)
        for job in jobs:
            name = job["data"].get("fileName", "")
            error = f"  {job['error']}" if job["error"] else ""
            click.echo(
                f"{job['id']:>5}  {job['jobId']}  {job['state']:<9} {job['progress']:>5.1f} %  {name}{error}"
            )
