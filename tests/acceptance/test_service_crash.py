"""A service that is killed at any moment loses no job, pays for no chunk twice and leaves nothing behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.commands import still_running
from tests.acceptance.paid_once import assert_nothing_is_paid_twice, stored_chunks
from tests.acceptance.service import FOREVER_S, ServiceProcess, transcript_files
from tests.acceptance.truth import assert_true
from tests.simulator import Latency, Script, Simulator, render, talk

KILLS = 8
LANES = 3
OPTIONS = {"chunkSize": 250_000, "silenceDetection": "level"}
"""Chunks so short that eight lives with three lanes cannot finish them; none loads a model of the voice."""
SCRIPTS = tuple(talk(150.0, seed=51 + n, first_number=1000 * n) for n in range(3))
"""Three talks that share no word: the words of a request identify its chunk."""


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("crash")
    return [render(script, folder / f"talk{n}.flac") for n, script in enumerate(SCRIPTS)]


@pytest.fixture
def service(tmp_path: Path, simulator: Simulator) -> Iterator[ServiceProcess]:
    """Three workers; what has not ended when the grace is over is put back at once."""
    simulator.latency = Latency(base_s=0.5, sigma=0.3)
    settings = {"WORKERS": "3", "MAX_CONCURRENT_CHUNKS": str(LANES), "SHUTDOWN_GRACE": "0.2"}
    with ServiceProcess(tmp_path, simulator.base_url, **settings) as running:
        yield running


async def submit(service: ServiceProcess, recordings: list[Path]) -> list[str]:
    return [await asyncio.to_thread(service.submit, recording, OPTIONS) for recording in recordings]


async def assert_all_true(service: ServiceProcess, jobs: list[str], scripts: tuple[Script, ...]) -> None:
    for job_id, script in zip(jobs, scripts, strict=True):
        await service.wait_until(job_id, "completed")
        assert_true(service.transcript(job_id), script)


async def progress_of_all(service: ServiceProcess) -> None:
    """Wait until every job has come further than it is now."""

    async def wait(job_id: str, before: float) -> None:
        await service.wait_for(job_id, lambda e: e["type"] == "completed" or e.get("progress", 0) > before)

    unfinished = [(job["jobId"], job["progress"]) for job in service.jobs("waiting", "active")]
    await asyncio.gather(*(wait(*job) for job in unfinished))


async def test_kills_cost_nothing_but_time(
    service: ServiceProcess, simulator: Simulator, recordings: list[Path]
) -> None:
    """
    All jobs finish with every word in its place; no answer that was stored is ever asked for again; at most
    what was in flight is lost with each kill; no upload, no half-written transcript, no process is left.
    """
    moments = random.Random(7)
    jobs = await submit(service, recordings)
    for kill in range(KILLS):
        if kill == KILLS // 2:
            # So that chunks of every job are stored by the later kills.
            await progress_of_all(service)
        await asyncio.sleep(moments.uniform(0.3, 1.2))
        children = service.child_processes()
        service.kill()
        assert still_running(children) == []
        stored, sent = stored_chunks(service.data_dir), len(simulator.requests)
        await asyncio.to_thread(service.start)
        assert_nothing_is_paid_twice(simulator, stored, sent)
    unfinished = service.jobs("waiting", "active")
    simulator.latency = Latency()
    await assert_all_true(service, jobs, SCRIPTS)

    assert unfinished, "they were done before the last kill"
    assert_nothing_is_paid_twice(simulator, stored, sent)
    last = [record.sha256 for record in simulator.requests[sent:]]
    assert len(last) == len(set(last))
    chunks = len(list(service.data_dir.glob("chunks/*/*.json")))
    assert len(simulator.requests) <= chunks + KILLS * LANES
    assert service.files("uploads") == []
    assert service.files("transcripts") == transcript_files(jobs)
    assert still_running(service.child_processes()) == []
    assert service.terminate() == 0


async def test_a_stop_leaves_jobs_that_go_on_at_the_next_start(
    service: ServiceProcess, simulator: Simulator, recordings: list[Path]
) -> None:
    """SIGTERM: exit code 0, no child, no open request; the job is put back, its second attempt ends well."""
    simulator.latency = Latency(base_s=FOREVER_S)
    (job_id,) = await submit(service, recordings[:1])
    await simulator.wait_for(lambda log: len(log) == LANES and all(record.heard for record in log))
    children = service.child_processes()
    code = await asyncio.to_thread(service.terminate)
    await simulator.wait_for(lambda log: all(record.aborted for record in log))
    simulator.latency = Latency()
    await asyncio.to_thread(service.start)

    assert code == 0
    assert still_running(children) == []
    assert "Traceback" not in service.log
    await assert_all_true(service, [job_id], SCRIPTS[:1])
    assert service.status(job_id)["attempts"] == 2
    assert service.files("uploads") == []


async def test_a_stop_lets_a_job_that_is_nearly_done_finish(
    tmp_path: Path, simulator: Simulator, recordings: list[Path]
) -> None:
    """Within SHUTDOWN_GRACE; at the next start it is there."""
    simulator.latency = Latency(base_s=1.0)
    with ServiceProcess(tmp_path, simulator.base_url, MAX_CONCURRENT_CHUNKS="9") as service:
        (job_id,) = await submit(service, recordings[:1])
        await simulator.wait_for(bool)
        assert await asyncio.to_thread(service.terminate) == 0
        sent = len(simulator.requests)
        await asyncio.to_thread(service.start)

        assert service.status(job_id)["state"] == "completed"
        assert service.status(job_id)["attempts"] == 1
        assert len(simulator.requests) == sent
