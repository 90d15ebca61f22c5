"""
Five hundred WebSockets at one job: who gets what when, and what the service's event loop makes of it.

The way of an event is timed from its timestamp, which the queue gives it as it stores it, to its arrival in
the client. All clients are one process on the same machine, so their own work is part of it; one client
alone shows what the service takes. The engine answers after 2 s, so that there are some events a second.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import aiohttp
import psutil
from tests.simulator import WHITE, render, simulator_process, talk

from benchmarks.measure import quantile
from benchmarks.sender import content_of, send_form
from benchmarks.service import Lag, Running, running
from benchmarks.uploading import cpu_s_of

CLIENTS = 1, 500
TALK_S = 1200.0
ENGINE_S = 2.0
CHUNK_BYTES = 1 << 20
"""Makes chunks of about 24 s, and so some hundred events."""
AT_ONCE = 50
"""Clients that connect at the same time."""


@dataclass(slots=True)
class Follower:
    """What one client got: messages with the time of their arrival (epoch, s), and how it was closed."""

    messages: list[tuple[float, str]] = field(default_factory=list)
    code: int | None = None

    @property
    def saw_the_end(self) -> bool:
        """Whether the last message was that of the job's completion, and a normal close followed."""
        return self.code == aiohttp.WSCloseCode.OK and json.loads(self.messages[-1][1])["type"] == "completed"

    def delays_ms(self, since: float) -> Iterator[float]:
        """How long the reports took that were made after `since` (epoch, s)."""
        for at, text in self.messages:
            event = json.loads(text)
            made = datetime.fromisoformat(event["timestamp"]).timestamp()
            if event["type"] in {"progress", "words"} and made > since:
                yield 1000 * (at - made)


@dataclass(frozen=True, slots=True)
class Party:
    """All clients of one job, once they were all connected (`since`, epoch, s)."""

    followers: Sequence[Follower]
    since: float
    connecting: Lag
    following: Lag
    cpu_share: float


def bench(folder: Path, clients: Sequence[int] = CLIENTS, talk_s: float = TALK_S) -> list[str]:
    """
    Lines of Markdown with the results.

    Args:
        folder: where media are made and the service keeps its data.
        clients: how many follow a job; one row each.
        talk_s: length of the recordings, in seconds.
    """
    rows = []
    with simulator_process("--latency", str(ENGINE_S)) as base_url, running(folder, base_url) as service:
        for seed, count in enumerate((0, *clients)):
            # Each time another recording, for the chunks of the same one are not sent again; the first
            # job only warms up.
            media = render(talk(talk_s if count else 30.0, seed), folder / "talk.mp4", bed=WHITE)
            with content_of(media) as content:
                options = json.dumps({"chunkSize": CHUNK_BYTES, "silenceDetection": "level"})
                job_id = send_form(service.port, content, options).json["jobId"]
            party = asyncio.run(_follow(service, job_id, count or 1))
            rows += [_row(party)] if count else []
    return [
        "## Clients on WebSockets",
        "",
        "All at one job. *Delay*: from the queue to the client, of all reports made after the last client "
        "had connected; aim p99 50 ms. *Late*: how late the service's event loop comes back to who waits for "
        "a moment.",
        "",
        "| clients | got the end | messages/s | delay median, ms | p99 | max | late median, ms | p99 | max "
        "| max while they connect | service's CPU |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
        *rows,
    ]


async def _follow(service: Running, job_id: str, count: int) -> Party:
    """Have so many clients follow a job to its end."""
    url = f"http://127.0.0.1:{service.ws_port}/?jobId={job_id}"
    followers = [Follower() for _ in range(count)]
    gate, connected = asyncio.Semaphore(AT_ONCE), asyncio.Barrier(count + 1)
    process = psutil.Process(service.pid)
    service.lag()
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session,
        asyncio.TaskGroup() as tasks,
    ):
        for follower in followers:
            tasks.create_task(_listen(session, url, follower, gate, connected))
        await connected.wait()
        connecting, since, cpu, started = service.lag(), time.time(), cpu_s_of(process), time.monotonic()
    share = (cpu_s_of(process) - cpu) / (time.monotonic() - started)
    return Party(followers, since, connecting, service.lag(), share)


async def _listen(
    session: aiohttp.ClientSession,
    url: str,
    follower: Follower,
    gate: asyncio.Semaphore,
    connected: asyncio.Barrier,
) -> None:
    async with gate:
        socket = await session.ws_connect(url)
        follower.messages.append((time.time(), await socket.receive_str()))
    # Not waited for: messages are to be taken as they come.
    arriving = asyncio.create_task(connected.wait())
    async for message in socket:
        follower.messages.append((time.time(), message.data))
    follower.code = socket.close_code
    await arriving


def _row(party: Party) -> str:
    followers = party.followers
    delays = [delay for follower in followers for delay in follower.delays_ms(party.since)]
    ended = sum(follower.saw_the_end for follower in followers)
    last = max(follower.messages[-1][0] for follower in followers)
    n_later = sum(at > party.since for follower in followers for at, _ in follower.messages)
    late = party.following
    return (
        f"| {len(followers)} | **{ended}** | {n_later / (last - party.since):,.0f} "
        f"| {statistics.median(delays):.1f} | **{quantile(delays, 0.99):.1f}** | {max(delays):.1f} "
        f"| {late.median_ms:.1f} | **{late.p99_ms:.1f}** | {late.max_ms:.1f} | {party.connecting.max_ms:.1f} "
        f"| {party.cpu_share:.0%} |"
    )


if __name__ == "__main__":
    from benchmarks.report import show

    show("sockets", bench)
