"""
Five hundred WebSockets at one job: who gets what when, and what the service's event loop makes of it.

The way of an event is timed from its timestamp, which the queue gives it as it stores it, to its arrival at
the client's socket. All clients are one process on the same machine, and take a part of its two cores; one
client alone shows what the service takes. The engine answers after 2 s: there are some events a second.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil
from tests.simulator import WHITE, render, simulator_process, talk

from benchmarks.followers import Crowd, Follower, delays_ms
from benchmarks.measure import quantile
from benchmarks.sender import content_of, send_form
from benchmarks.service import Lag, Running, running
from benchmarks.uploading import cpu_s_of

CLIENTS = 1, 500
TALK_S = 1200.0
ENGINE_S = 2.0
CHUNK_BYTES = 1 << 20
"""Makes chunks of about 24 s, and so some hundred events."""


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
            party = _follow(service, job_id, count or 1)
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


def _follow(service: Running, job_id: str, count: int) -> Party:
    """Have so many clients follow a job to its end."""
    process = psutil.Process(service.pid)
    service.lag()
    crowd = Crowd(service.ws_port, job_id, count)
    connecting, since, cpu, started = service.lag(), time.time(), cpu_s_of(process), time.monotonic()
    crowd.wait_for_the_end()
    share = (cpu_s_of(process) - cpu) / (time.monotonic() - started)
    return Party(crowd.followers, since, connecting, service.lag(), share)


def _row(party: Party) -> str:
    followers = party.followers
    heard = [follower.messages() for follower in followers]
    delays = [delay for messages in heard for delay in delays_ms(messages, party.since)]
    ended = sum(follower.saw_the_end for follower in followers)
    last = max(messages[-1][0] for messages in heard)
    n_later = sum(at > party.since for messages in heard for at, _ in messages)
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
