"""
The two queues side by side, and the service on Redis: what it takes to cancel, take over, tell and scale.

All processes of a service are on this machine, so that what they compute counts too; the engine is the
simulator in a process of its own. Locks run out after 30 s, as in real life.
"""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.cluster import PASSWORD, Cluster, running
from tests.acceptance.service import Engine, ServiceProcess, engine_process
from tests.jobs.redis_server import RedisServer
from tests.simulator import render, talk

from audio_tools.jobs import SqliteQueue
from audio_tools.jobs.bullmq.connection import RedisAddress
from audio_tools.jobs.bullmq.queue import BullQueue
from benchmarks.measure import quantile
from benchmarks.queue_service import (
    LANES_OF_A_JOB,
    STAGES,
    Stand,
    cancel_ms,
    progress_ms,
    restart_s,
    take_over_s,
    throughput_s,
)
from benchmarks.queue_speed import AT_ONCE, Speed
from benchmarks.queue_speed import measure as measure_speed

JOBS = 1000
ROUNDS = 5
REPORTS = 100
LOCK_S = 30.0
VICTIMS = 4
WORKERS = 1, 2, 4
JOBS_OF_A_WORKER = 2
TALK_S = 400.0
"""Makes 8 chunks: two for each lane of a job."""
ENGINE_S = 8.0


def bench(
    folder: Path,
    *,
    jobs: int = JOBS,
    rounds: int = ROUNDS,
    lock_s: float = LOCK_S,
    workers: Sequence[int] = WORKERS,
    talk_s: float = TALK_S,
    engine_s: float = ENGINE_S,
) -> list[str]:
    """
    Lines of Markdown with the results.

    Args:
        folder: where everything lies.
        jobs: how many the bare queues get.
        rounds: how often a job is cancelled in each stage; half as often a worker is killed.
        lock_s: when the locks of workers that hold jobs run out, in seconds.
        workers: how many share the jobs; one row each.
        talk_s: length of the recording, in seconds.
        engine_s: what the engine takes for a request there, in seconds.
    """
    (folder / "media").mkdir()
    media = render(talk(talk_s), folder / "media" / "talk.flac")
    with RedisServer(folder / "redis", "--requirepass", PASSWORD) as redis, engine_process() as engine:
        redis.start()
        cluster = Cluster(folder, engine.base_url, redis, media, lock_s=None if lock_s == LOCK_S else lock_s)
        return [
            "## Queue",
            "",
            *asyncio.run(_speeds(folder, redis, jobs)),
            "",
            *asyncio.run(_times(cluster, engine, media, rounds, lock_s)),
            "",
            *asyncio.run(_scaling(Load(cluster, engine, media, talk_s, engine_s), workers)),
        ]


async def _speeds(folder: Path, redis: RedisServer, jobs: int) -> list[str]:
    address = RedisAddress(redis.address.url, PASSWORD)
    async with SqliteQueue(folder / "bare") as queue:
        sqlite = await measure_speed(queue, queue, jobs)
    async with (
        BullQueue(address, folder / "bare", prefix="bare") as web,
        BullQueue(address, folder / "bare", prefix="bare") as worker,
    ):
        on_redis = await measure_speed(web, worker, jobs)
    return [
        f"Jobs that take no time, {AT_ONCE} added or worked on at once. *Start*: from adding a job to its "
        "being at a worker that waits. With Redis who adds and who works have each their own way to it.",
        "",
        "| queue | jobs added/s | jobs taken and completed/s | start median, ms | p99 |",
        "|---|---|---|---|---|",
        _speed_row("SQLite", sqlite),
        _speed_row("Redis", on_redis),
    ]


def _speed_row(name: str, speed: Speed) -> str:
    return (
        f"| {name} | {speed.added_per_s:,.0f} | **{speed.done_per_s:,.0f}** "
        f"| **{statistics.median(speed.starts_ms):.1f}** | {quantile(speed.starts_ms, 0.99):.1f} |"
    )


async def _times(cluster: Cluster, engine: Engine, media: Path, rounds: int, lock_s: float) -> list[str]:
    alone_in = cluster.folder / "alone"
    alone_in.mkdir()
    with ServiceProcess(alone_in, engine.base_url, WORKERS="1") as alone:
        on_sqlite = await _times_of(Stand(alone, alone, alone, engine, media), rounds)
    webs, worker = [cluster.web(name=f"web{n}") for n in range(2)], cluster.worker()
    async with running(*webs, worker):
        stand = Stand(webs[0], webs[1], worker, engine, media)
        on_redis = await _times_of(stand, rounds)
        worker.kill()
        heir = cluster.worker("--jobs", str(VICTIMS), name="heir")
        victims = [cluster.worker(name=f"victim{n}") for n in range(min(VICTIMS, rounds))]
        taken_ms = [1000 * took_s for took_s in await take_over_s(stand, victims, heir, lock_s / 4)]
        told_ms = await progress_ms(cluster, webs[0], REPORTS * rounds)
    return [
        "*Cancel*: a DELETE, to its answer, which says that nothing of the job is left; with Redis asked of "
        "another process than took the job in. *kill -9*: from the kill of a worker to the next start of its "
        f"job; locks run out after {lock_s:g} s. *Progress*: from the worker's report to the client's "
        "WebSocket. Aim for a cancel: 1000 ms.",
        "",
        "| what | times | SQLite median, ms | max | Redis min, ms | median | p99 | max |",
        "|---|---|---|---|---|---|---|---|",
        *(_times_row(what, on_sqlite[what], on_redis[what]) for what in on_redis),
        _times_row("kill -9, another worker takes over", [], taken_ms),
        _times_row("progress", [], told_ms),
    ]


async def _times_of(stand: Stand, rounds: int) -> dict[str, list[float]]:
    """What can be timed with both queues, in ms."""
    times = {f"cancel, {stage}": [await cancel_ms(stand, stage) for _ in range(rounds)] for stage in STAGES}
    restarts = [1000 * await restart_s(stand) for _ in range(-(-rounds // 2))]
    return times | {"kill -9, and started again at once": restarts}


def _times_row(what: str, sqlite_ms: Sequence[float], redis_ms: Sequence[float]) -> str:
    sqlite = f"{statistics.median(sqlite_ms):,.0f} | {max(sqlite_ms):,.0f}" if sqlite_ms else "- | -"
    return (
        f"| {what} | {len(redis_ms)} | {sqlite} "
        f"| {min(redis_ms):,.1f} | **{statistics.median(redis_ms):,.1f}** "
        f"| {quantile(redis_ms, 0.99):,.1f} | {max(redis_ms):,.1f} |"
    )


@dataclass(frozen=True, slots=True)
class Load:
    """A service yet to be started, a recording and an engine; times are in seconds."""

    cluster: Cluster
    engine: Engine
    media: Path
    talk_s: float
    engine_s: float


async def _scaling(load: Load, counts: Sequence[int]) -> list[str]:
    load.cluster.environment["MAX_CONCURRENT_CHUNKS"] = str(LANES_OF_A_JOB * max(counts))
    times_s = [await _time_of(load, count) for count in counts]
    return [
        f"Workers with one job at a time, {JOBS_OF_A_WORKER} jobs of {load.talk_s:g} s for each; the engine "
        f"takes {load.engine_s:g} s for any request, {LANES_OF_A_JOB} of a job at once. *Efficiency*: what "
        "each worker does beside what one alone does; aim 0.90.",
        "",
        "| workers | jobs | wall, s | hours of audio an hour | efficiency |",
        "|---|---|---|---|---|",
        *(
            f"| {count} | {count * JOBS_OF_A_WORKER} | {time_s:.1f} "
            f"| {count * JOBS_OF_A_WORKER * load.talk_s / time_s:.0f} | **{times_s[0] / time_s:.2f}** |"
            for count, time_s in zip(counts, times_s, strict=True)
        ),
    ]


async def _time_of(load: Load, count: int) -> float:
    """All jobs, with that many workers."""
    web = load.cluster.web(name=f"web of {count}")
    workers = [load.cluster.worker(name=f"worker {n} of {count}") for n in range(count)]
    async with running(web, *workers):
        # The first job of a process takes longer: it loads what it works with.
        load.engine.set(latency={"base_s": load.engine_s / 8}, faults=None)
        await throughput_s(web, load.media, f"warming up {count}", count)
        load.engine.set(latency={"base_s": load.engine_s})
        return await throughput_s(web, load.media, f"{count} workers", JOBS_OF_A_WORKER * count)


if __name__ == "__main__":
    from benchmarks.report import show

    show("queue", bench)
