"""
How well the lanes are used: wall time beside the sum of the engine's latencies shared out to five lanes.

The engine is the simulator in a process of its own, reached by the official client over HTTP, so that the
encoding of request bodies and all else that happens in our process counts. It takes as long as the real one
(not scaled down: decoding, which is not scaled, would weigh too much) and answers after that time whatever
its own listening cost, 0.6 ms a second of audio. Beside it what the schedule of `spec.md` would have taken
for the same chunks with the same latencies.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

from tests.simulator import WHITE, render, simulator_process, talk

from benchmarks.measure import python, run
from benchmarks.schedule_once import LANES

BASE_S, PER_SECOND, SIGMA = 1.0, 0.05, 0.3
"""An answer takes (1 s + 0.05 s for each second of audio) times a lognormal factor."""
PAUSE_S = 2.0
"""Between two batches of `spec.md`."""
DELAYS_MS = 0, 2000
LENGTHS_S = 3600.0, 5 * 3600.0


@dataclass(frozen=True, slots=True)
class Job:
    """One job: its wall time, the time to its first request, its chunks' latencies (s), its memory (MB)."""

    wall_s: float
    first_request_s: float
    latencies_s: tuple[float, ...]
    peak_mb: float


def bench(folder: Path, lengths_s: Sequence[float] = LENGTHS_S, speed: float = 1.0) -> list[str]:
    """
    Lines of Markdown with the results.

    Args:
        folder: where media are made.
        lengths_s: of the recordings, in seconds.
        speed: how many times faster than the real engine's the answers come.
    """
    lines = [
        "## Schedule",
        "",
        f"The OpenAI client at the simulator, {LANES} lanes; an answer takes ({BASE_S:g} s and "
        f"{PER_SECOND:g} s a second of audio) times a lognormal factor of spread {SIGMA:g}{_faster(speed)}. "
        "*Ideal*: all latencies over the lanes. *Best in order*: a model without any work of our own, a free "
        "lane takes the next chunk at once; what it lacks of the ideal is the end, when lanes run empty. "
        f"*Batches*: a model of batches of {LANES} with {PAUSE_S:g} s between them, also without any work. "
        "All for the same chunks and latencies. Aims: wall over ideal 1.10 for 1 h, 1.05 for 5 h; first "
        "request after 1 s.",
        "",
        "| audio | rate limit delay, ms | requests | first request, s | ideal, s | wall, s | wall / ideal "
        "| best in order / ideal | batches / ideal | batches / wall | peak MB, client included |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for seconds in lengths_s:
        media = render(talk(seconds), folder / "talk.mp4", bed=WHITE)
        lines += [_row(seconds, delay_ms, _run(media, delay_ms, speed), speed) for delay_ms in DELAYS_MS]
        media.unlink()
    return lines


def _faster(speed: float) -> str:
    return f", all {speed:g} times faster" if speed != 1 else ""


def _run(media: Path, delay_ms: int, speed: float) -> Job:
    latency = ("--latency", str(BASE_S / speed), "--per-second", str(PER_SECOND / speed))
    with simulator_process(*latency, "--sigma", str(SIGMA), "--seed", "1") as base_url:
        measured = run(python("benchmarks.schedule_once", media, base_url, delay_ms), memory=True)
        records = _log(base_url)
    told = json.loads(measured.output)
    if told["success_percent"] != 100:
        raise RuntimeError(f"not every chunk was transcribed: {measured.output}")
    return Job(
        told["seconds"],
        records[0]["started_s"] - told["started_s"],
        tuple(record["latency_s"] for record in records),
        measured.peak_mb,
    )


def _log(base_url: str) -> list[dict[str, Any]]:
    with urlopen(f"http://{urlsplit(base_url).netloc}/__log") as answer:
        records: list[dict[str, Any]] = json.load(answer)["requests"]
        return records


def _row(seconds: float, delay_ms: int, job: Job, speed: float) -> str:
    ideal = sum(job.latencies_s) / LANES
    batches = in_batches(job.latencies_s, LANES, PAUSE_S / speed)
    return (
        f"| {seconds / 3600:g} h | {delay_ms} | {len(job.latencies_s)} | {job.first_request_s:.2f} "
        f"| {ideal:.1f} | {job.wall_s:.1f} | **{job.wall_s / ideal:.3f}** "
        f"| {in_order(job.latencies_s, LANES) / ideal:.3f} | {batches / ideal:.2f} "
        f"| **{batches / job.wall_s:.2f}** | {job.peak_mb:.0f} |"
    )


def in_order(latencies_s: Sequence[float], lanes: int) -> float:
    """Seconds until all are answered when a free lane takes the next one at once."""
    free_at = [0.0] * lanes
    for latency in latencies_s:
        heapq.heappush(free_at, heapq.heappop(free_at) + latency)
    return max(free_at)


def in_batches(latencies_s: Sequence[float], size: int, pause_s: float) -> float:
    """Seconds until all are answered when each batch waits for the slowest of the one before, and a pause."""
    slowest = [max(latencies_s[first : first + size]) for first in range(0, len(latencies_s), size)]
    return sum(slowest) + pause_s * (len(slowest) - 1)


if __name__ == "__main__":
    from benchmarks.report import show

    show("schedule", bench)
