"""`audio-tools jobs`: the jobs on the service, newest first."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from audio_tools.cli._messages import coloured, columns, counted, is_terminal, printable, say, wrapped
from audio_tools.cli._server_options import server_options

if TYPE_CHECKING:
    from audio_tools.client import JobPage
    from audio_tools.transcript import Json

STATES = ("waiting", "active", "delayed", "completed", "failed", "cancelled")
WATCH_S = 2.0
"""How often --watch asks the service, in seconds."""
HEADINGS = ("ID", "STATE", "DONE", "AGE", "TOOK", "FILE")
_ROW = "{:>5}  {:<9}  {:>5}  {:>6}  {:>8}  {}"
_BEFORE_NAME = 5 + 2 + 9 + 2 + 5 + 2 + 6 + 2 + 8 + 2


@click.command("jobs")
@click.option(
    "--state", "states", multiple=True, type=click.Choice(STATES), help="Only jobs in this state; repeatable."
)
@click.option(
    "--limit",
    type=click.IntRange(1, 10_000),
    default=50,
    show_default=True,
    metavar="N",
    help="Maximum number of jobs.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the jobs as one JSON document.")
@click.option("--watch", is_flag=True, help="Print the list again whenever it changes, until Ctrl-C.")
@server_options
def command(
    states: tuple[str, ...], *, limit: int, as_json: bool, watch: bool, server: str, token: str | None
) -> None:
    """
    List the jobs on the service, newest first.

    Pass an ID from this list to `audio-tools export`, `cancel`, `restart` or `cut`.
    """
    asyncio.run(_list(states, limit, server, token, as_json=as_json, watch=watch))


async def _list(
    states: Sequence[str], limit: int, server: str, token: str | None, *, as_json: bool, watch: bool
) -> None:
    from audio_tools.client import AsyncClient
    from audio_tools.client.hints import COMMAND_LINE

    async with AsyncClient(server, token, hints=COMMAND_LINE) as client:
        shown = None
        live = watch and not as_json and is_terminal(sys.stdout)
        while True:
            page = await client.jobs(states, limit)
            if live:
                click.clear()
            # Ages change all the time; outside a terminal only news is worth another list.
            if live or page != shown:
                _show(page, as_json=as_json, indent=None if watch else 2)
            shown = page
            if not watch:
                return
            await asyncio.sleep(WATCH_S)


def _show(page: JobPage, *, as_json: bool, indent: int | None) -> None:
    if as_json:
        click.echo(json.dumps(page.jobs, indent=indent, ensure_ascii=False))
        return
    if not page.jobs:
        say("No jobs.", err=True)
        return
    click.echo(table(page.jobs, datetime.now(UTC), columns()))
    if len(page.jobs) < page.total:
        say(f"{len(page.jobs)} of {counted(page.total, 'job')}; --limit shows more.", err=True)


def table(jobs: Sequence[Json], now: datetime, width: int) -> str:
    """The jobs as lines with headings; an error stands below its job. `width` in columns."""
    lines = [_ROW.format(*HEADINGS)]
    for job in jobs:
        name = job["data"].get("fileName")
        name = printable(name) if isinstance(name, str) else ""
        room = max(width - _BEFORE_NAME, 12)
        name = name if len(name) <= room else name[: room - 1] + "…"
        line = _ROW.format(
            job["id"], job["state"], f"{job['progress']:.0f} %", _age(job, now), _duration(job, now), name
        )
        lines.append(line.replace(job["state"], coloured(job["state"]), 1))
        if job["error"]:
            lines.append(wrapped(printable(f"       {job['error']}"), width))
            if job.get("hint"):
                lines.append(wrapped(printable(f"       Hint: {job['hint']}"), width))
    return "\n".join(lines)


def _age(job: Json, now: datetime) -> str:
    """The time since the job was created, in its largest unit: `3 min`, `2 d`."""
    if not job.get("createdAt"):
        return ""
    seconds = max((now - datetime.fromisoformat(job["createdAt"])).total_seconds(), 0.0)
    for unit, unit_s in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= unit_s:
            return f"{seconds // unit_s:.0f} {unit}"
    return f"{seconds:.0f} s"


def _duration(job: Json, now: datetime) -> str:
    """The time that the job has run, or took: `0:42`, `1:02:03`."""
    from audio_tools.cli._progress import clock

    if not job.get("startedAt"):
        return ""
    finished = job.get("finishedAt")
    end = datetime.fromisoformat(finished) if finished else now
    return clock(max((end - datetime.fromisoformat(job["startedAt"])).total_seconds(), 0.0))
