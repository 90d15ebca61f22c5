"""Many processes and many jobs: all true, nothing paid twice, whatever dies."""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest

from audio_tools.transcript import Transcript
from tests.acceptance.cluster import PASSWORD, Cluster, in_thread, running, stop, until
from tests.acceptance.paid_once import assert_nothing_is_paid_twice, stored_chunks
from tests.acceptance.service import ServiceProcess, WorkerProcess, transcript_files
from tests.acceptance.truth import assert_true
from tests.jobs.redis_server import RedisServer
from tests.simulator import Latency, Simulator, render, talk

JOBS = 30
LANES = 6
MINUTE_S = 10.0
LOCK_S = 3.0
OPTIONS = {"chunkSize": 250_000, "silenceDetection": "level"}
SCRIPTS = [talk(20.0, seed=90 + n, first_number=100 * n) for n in range(JOBS)]
"""Talks that share no word, so that a word shows where a request came from."""

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("media")
    return [render(script, folder / f"talk{n}.flac") for n, script in enumerate(SCRIPTS)]


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with RedisServer(tmp_path / "redis", "--requirepass", PASSWORD) as server:
        server.start()
        yield server


async def submit_all(webs: list[ServiceProcess], recordings: list[Path]) -> list[str]:
    """A job for each recording, in turn to each web process."""
    return [
        await in_thread(web.submit, path, OPTIONS) for web, path in zip(cycle(webs), recordings, strict=False)
    ]


async def assert_all_true(web: ServiceProcess, jobs: list[str]) -> None:
    """Every job ends well, with every word in its place."""
    await asyncio.gather(*(web.wait_until(job_id, "completed", timeout_s=90) for job_id in jobs))
    for job_id, script in zip(jobs, SCRIPTS[: len(jobs)], strict=True):
        transcript: Transcript = await in_thread(web.transcript, job_id)
        assert_true(transcript, script)
    assert web.files("uploads") == []
    assert web.files("transcripts") == transcript_files(jobs)


async def test_many_jobs_in_many_processes(
    tmp_path: Path, simulator: Simulator, redis: RedisServer, recordings: list[Path]
) -> None:
    """
    Two web processes, three workers: all jobs done, all workers at work, each chunk paid once. The engine
    takes 60 requests in what it calls a minute: they are more, and not one is refused.
    """
    simulator.latency = Latency(base_s=0.1)
    simulator.requests_per_minute, simulator.minute_s = 60, MINUTE_S
    cluster = Cluster(tmp_path, simulator.base_url, redis, recordings[0])
    webs = [cluster.web(name=f"web{n}") for n in range(2)]
    workers = [cluster.worker(name=f"worker{n}") for n in range(3)]
    async with running(*webs, *workers):
        jobs = await submit_all(webs, recordings)
        await assert_all_true(webs[0], jobs)
        await stop(*webs, *workers)

    assert len(simulator.requests) > 60 + 30
    assert {record.status for record in simulator.requests} == {200}
    assert len({record.sha256 for record in simulator.requests}) == len(simulator.requests)
    assert not any("limiting per process until Redis is back" in worker.log for worker in workers)
    done = [worker.log.count("job completed") for worker in workers]
    assert sum(done) == JOBS
    assert min(done) > 0


async def test_whatever_dies_nothing_is_lost_or_paid_twice(
    tmp_path: Path, simulator: Simulator, redis: RedisServer, recordings: list[Path]
) -> None:
    """
    A worker sleeps until another one has its job, and wakes; workers, Redis and a web process are killed in
    the middle of it and started again: all jobs end once and true; what was in flight is lost, what was
    stored is never asked for again.
    """
    simulator.latency = Latency(base_s=0.6, sigma=0.3)
    cluster = Cluster(tmp_path, simulator.base_url, redis, recordings[0], lock_s=LOCK_S)
    cluster.environment |= {"MAX_CONCURRENT_CHUNKS": str(LANES)}
    webs = [cluster.web(name=f"web{n}") for n in range(2)]
    sleeper, *workers = [cluster.worker("--wait", name=f"worker{n}") for n in range(4)]
    chance = random.Random(11)
    async with running(*webs, sleeper, *workers):
        jobs = await submit_all(webs, recordings)
        asleep = await put_to_sleep(sleeper, jobs, simulator)
        # Others come to it when they have done theirs, with the lanes that the sleeper does not hold.
        await until(lambda: webs[0].status(asleep)["attempts"] > 1, timeout_s=60)
        stored, sent = stored_chunks(webs[0].data_dir), len(simulator.requests)
        os.kill(sleeper.pid, signal.SIGCONT)
        await until(lambda: "lease lost, discarding this attempt" in sleeper.log)
        assert_nothing_is_paid_twice(simulator, stored, sent)
        simulator.latency = Latency(base_s=2.0, sigma=0.3)  # so that there is work until the last kill
        for victim in (workers[0], redis, workers[1], webs[1], workers[2], redis):
            await more_requests(simulator, 4)
            await asyncio.sleep(chance.uniform(0, 0.5))
            victim.kill()
            stored, sent = stored_chunks(webs[0].data_dir), len(simulator.requests)
            await in_thread(victim.start)
            assert_nothing_is_paid_twice(simulator, stored, sent)
        await until(lambda: webs[0].http.get("/health").status_code == 200)
        unfinished = await in_thread(webs[0].jobs, "waiting", "active")
        simulator.latency = Latency()
        await assert_all_true(webs[1], jobs)

    assert unfinished, "they were done before the last kill"
    assert_nothing_is_paid_twice(simulator, stored, sent)
    assert sum(worker.log.count("job completed") for worker in (sleeper, *workers)) == len(jobs)


async def put_to_sleep(worker: WorkerProcess, jobs: list[str], simulator: Simulator) -> str:
    """Stop a worker whose first job is at the engine; gives the id of the job."""
    await until(lambda: "job started" in worker.log)
    job_id = re.findall(r"job started.*job_id=([\w-]+)", worker.log)[0]
    words = {word.number for word in SCRIPTS[jobs.index(job_id)].words}
    await simulator.wait_for(lambda log: any(words & set(record.heard) for record in log))
    os.kill(worker.pid, signal.SIGSTOP)
    return str(job_id)


async def more_requests(simulator: Simulator, count: int) -> None:
    """Wait until so many more have come."""
    wanted = len(simulator.requests) + count
    await simulator.wait_for(lambda log: len(log) >= wanted)
