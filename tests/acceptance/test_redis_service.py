"""The service on Redis: web processes and workers apart, on a real server, and what happens without it."""

from __future__ import annotations

import asyncio
import json
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import bullmq
import pytest

from audio_tools.transcript import Json
from tests.acceptance.cluster import PASSWORD, Cluster, in_thread, running, stop, until
from tests.acceptance.commands import Commands, still_running
from tests.acceptance.service import FOREVER_S, ServiceProcess, WorkerProcess
from tests.acceptance.truth import assert_true
from tests.jobs.redis_server import RedisServer
from tests.simulator import Fault, Latency, Simulator, render, talk

NPM = Path(__file__).parents[1] / "jobs" / "npm"
SCRIPT = talk(45.0, seed=81)
OPTIONS = {"chunkSize": 250_000, "silenceDetection": "level"}
"""About ten chunks."""

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In a folder of its own, which is the media root."""
    return render(SCRIPT, tmp_path_factory.mktemp("media") / "talk.flac")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server with a password."""
    with RedisServer(tmp_path / "redis", "--requirepass", PASSWORD) as server:
        server.start()
        yield server


@pytest.fixture
def cluster(tmp_path: Path, simulator: Simulator, redis: RedisServer, recording: Path) -> Cluster:
    return Cluster(tmp_path, simulator.base_url, redis, recording)


def assert_paid_once(simulator: Simulator) -> None:
    digests = [record.sha256 for record in simulator.requests]
    assert len(digests) == len(set(digests))


async def test_web_and_workers_are_processes_of_their_own(
    cluster: Cluster, simulator: Simulator, recording: Path
) -> None:
    """
    What one process takes in others do; each web process reports progress, to the end; one limit holds for
    all workers together, and any process deletes what another did. No log has the password.
    """
    simulator.latency = Latency(base_s=0.2)
    webs = [cluster.web(name="web0"), cluster.web(name="web1")]
    workers = [cluster.worker(name=f"worker{n}", MAX_CONCURRENT_CHUNKS="2") for n in range(2)]
    async with running(*webs, *workers):
        jobs = [
            await in_thread(web.submit, recording, OPTIONS | {"prompt": f"job {n}"})
            for n, web in enumerate(webs)
        ]
        # Each is asked for the job of the other.
        events = await asyncio.gather(webs[1].events(jobs[0]), webs[0].events(jobs[1]))
        health = await in_thread(webs[0].http.get, "/health")

        assert [log[-1]["type"] for log in events] == ["completed", "completed"]
        for job_id in jobs:
            assert_true(await in_thread(webs[0].transcript, job_id), SCRIPT)
        assert simulator.max_in_flight == 2
        assert health.json()["checks"]["queue"]["message"].startswith("Redis at redis://127.0.0.1:")
        assert set(health.json()["checks"]) == {"queue", "disk"}
        assert webs[0].files("uploads") == []
        kept, deleted, again = [
            (await in_thread(webs[1].http.delete, f"/job/{jobs[0]}?delete={delete}")).status_code
            for delete in ("false", "true", "true")
        ]
        assert (kept, deleted, again) == (409, 200, 404)
        assert not any(jobs[0] in name for name in webs[0].files("transcripts"))
        await stop(*webs, *workers)
        assert not any(PASSWORD in process.log for process in (*webs, *workers))
        assert not any("limiting per process until Redis is back" in worker.log for worker in workers)


async def test_a_cancel_from_another_process_in_every_stage(
    cluster: Cluster, simulator: Simulator, recording: Path
) -> None:
    """
    A job that waits, is at the engine, is decoded, was told to come back in two minutes: whichever web
    process receives the cancel, the job, its requests and its files are gone before that process replies.
    """
    simulator.latency = Latency(base_s=FOREVER_S)
    web, other, worker = cluster.web(name="web"), cluster.web(name="other"), cluster.worker()

    async def submit() -> str:
        job_id: str = await in_thread(web.submit, recording, OPTIONS)
        return job_id

    async def cancel(job_id: str) -> None:
        answer = await in_thread(other.http.delete, f"/job/{job_id}")

        assert answer.json()["message"] == "Job cancelled successfully"
        assert (await in_thread(web.status, job_id))["state"] == "cancelled"

    async def assert_gone() -> None:
        assert web.files("uploads", "transcripts") == []
        assert still_running(worker.child_processes()) == []
        await simulator.wait_for(lambda _: simulator.in_flight == 0)

    async with running(web, other, worker):
        at_engine = await submit()
        await simulator.wait_for(lambda _: simulator.in_flight == 5)
        waiting = await submit()
        await cancel(waiting)
        assert (await in_thread(web.status, waiting))["attempts"] == 0
        assert simulator.in_flight == 5
        await cancel(at_engine)
        await assert_gone()

        decoded = await submit()
        await until(lambda: worker.child_processes() != [])
        await cancel(decoded)
        await assert_gone()

        simulator.latency = Latency()
        simulator.faults = lambda _: Fault("429", retry_after_s=120)
        told_to_wait = await submit()
        await simulator.wait_for(lambda log: log[-1].status == 429 and simulator.in_flight == 0)
        await cancel(told_to_wait)
        await assert_gone()

    assert "Traceback" not in web.log + other.log + worker.log


async def test_work_goes_on_while_redis_is_away(
    cluster: Cluster, simulator: Simulator, redis: RedisServer, recording: Path
) -> None:
    """
    Requests and the health check are refused with a reason and a time; running jobs continue in the same
    attempt and report when the server is back; nothing is paid twice.
    """
    simulator.latency = Latency(base_s=1.0)
    web, worker = cluster.web(), cluster.worker(MAX_CONCURRENT_CHUNKS="2")
    async with running(web, worker):
        job_id = await in_thread(web.submit, recording, OPTIONS)
        await simulator.wait_for(lambda _: simulator.in_flight > 0)
        redis.kill()
        health = await in_thread(web.http.get, "/health")
        status = await in_thread(web.http.get, f"/job/{job_id}/status")
        refused = await in_thread(web.upload, recording)
        before = len(simulator.requests)
        simulator.latency = Latency()
        await until(lambda: len(stored_chunks(web)) > before)
        await in_thread(redis.start)
        record = await web.wait_until(job_id, "completed")

        assert health.status_code == 503
        assert "cannot be reached" in health.json()["checks"]["queue"]["message"]
        for response in (status, refused):
            assert (response.status_code, response.json()["error"]) == (503, "queue_unavailable")
            assert int(response.headers["Retry-After"]) > 0
        assert record["attempts"] == 1
        assert_true(await in_thread(web.transcript, job_id), SCRIPT)
        assert_paid_once(simulator)
        assert web.files("uploads") == []
        assert "Traceback" not in web.log + worker.log
        assert worker.log.count("queue unavailable") == 1


async def test_a_worker_tells_prometheus_what_it_did(
    cluster: Cluster, recording: Path, unused_tcp_port: int
) -> None:
    """At a port of its own on this machine: its web processes know nothing of calls and cost."""
    web, worker = cluster.web(), cluster.worker(METRICS_PORT=str(unused_tcp_port))
    async with running(web, worker):
        await web.wait_until(await in_thread(web.submit, recording, OPTIONS), "completed")
        worker.http.base_url = f"http://127.0.0.1:{unused_tcp_port}"

        assert await in_thread(worker.metric, 'audio_tools_jobs_ended_total{state="completed"}') == 1
        assert await in_thread(worker.metric, 'audio_tools_engine_calls_total{engine="openai"}') > 1
        assert await in_thread(worker.metric, 'audio_tools_engine_seconds_total{engine="openai"}') > 1
        assert await in_thread(worker.metric, 'audio_tools_cost_usd_total{engine="openai"}') > 0


async def test_a_metrics_port_that_is_taken_is_named(cluster: Cluster) -> None:
    """The worker does not start."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        worker = cluster.worker(METRICS_PORT=str(taken.getsockname()[1]))
        with pytest.raises(RuntimeError, match="METRICS_PORT is"):
            await in_thread(worker.start)


def stored_chunks(service: ServiceProcess) -> list[str]:
    return [name for name in service.files("chunks") if name.endswith(".json")]


async def test_jobs_of_another_producer(
    cluster: Cluster, simulator: Simulator, redis: RedisServer, recording: Path
) -> None:
    """A job in BullMQ's own form is done like ours; one that means nothing fails with the reason, alone."""
    web, worker = cluster.web(), cluster.worker()
    client = {"host": "127.0.0.1", "port": redis.port, "password": PASSWORD}
    producer = bullmq.Queue("audio-tools", {"connection": client})
    async with running(web, worker):
        bad = [(await producer.add("x", data)).id for data in ({}, ["talk"], {"path": "/etc/passwd"})]
        good = (await producer.add("x", {"path": str(recording), "options": OPTIONS})).id
        for job_id, code in zip(bad, ("malformed_request", "malformed_request", "path_refused"), strict=True):
            await until(lambda job_id=job_id: known(web, job_id).get("state") == "failed")  # type: ignore[misc]
            assert known(web, job_id)["errorCode"] == code
        await until(lambda: known(web, good).get("state") == "completed")
        assert_true(await in_thread(web.transcript, good), SCRIPT)
        assert "Traceback" not in worker.log
    await producer.close()


def known(service: ServiceProcess, job_id: str) -> Json:
    """What the service says of a job."""
    record: Json = service.http.get(f"/job/{job_id}/status").json()
    return record


async def test_a_node_program_gets_its_transcript(
    cluster: Cluster, tmp_path: Path, simulator: Simulator, recording: Path
) -> None:
    """Added with npm's bullmq, followed with its QueueEvents; the transcript is at the HTTP interface."""
    if shutil.which("node") is None or not (NPM / "node_modules" / "bullmq").is_dir():
        pytest.skip("node, or bullmq for it, is not installed: npm ci --prefix tests/jobs/npm")
    with RedisServer(tmp_path / "open") as redis:
        redis.start()
        cluster.environment |= {"REDIS_URL": redis.address.url, "REDIS_PREFIX": "studio"}
        web, worker = cluster.web(), cluster.worker()
        async with running(web, worker):
            data = json.dumps({"path": str(recording), "options": OPTIONS})
            command = ["node", "producer.js", str(redis.port), "studio", data]
            ended = await asyncio.to_thread(
                subprocess.run, command, cwd=NPM, capture_output=True, text=True, timeout=60, check=True
            )
            said = [json.loads(line) for line in ended.stdout.splitlines()]
            (job_id,) = [line["added"] for line in said if "added" in line]

            assert any("progress" in line for line in said)
            (finished,) = [line["finished"] for line in said if "finished" in line]
            assert finished["words"] == len(SCRIPT.words)
            assert_true(await in_thread(web.transcript, job_id), SCRIPT)


async def test_a_machine_that_does_not_see_the_uploads_leaves_them_to_others(
    cluster: Cluster, simulator: Simulator, recording: Path
) -> None:
    """With another folder it does not start; if it loses the folder later it says so and takes nothing."""
    (cluster.folder / "data").mkdir()
    mount = cluster.folder / "mount"
    mount.symlink_to("data")
    web, worker = cluster.web(), cluster.worker(DATA_DIR=str(mount))
    elsewhere = cluster.environment | {"DATA_DIR": str(cluster.folder / "elsewhere")}
    stranger = Commands(cluster.folder, environment=elsewhere)
    async with running(web, worker):
        refused = await in_thread(stranger.run, "work")
        mount.unlink()
        await until(lambda: "was replaced or unmounted" in worker.log)
        job_id = await in_thread(web.submit, recording, OPTIONS)
        mount.symlink_to("data")
        record = await web.wait_until(job_id, "completed")

    assert (refused.code, refused.output) == (2, "")
    assert "DATA_DIR differs from the folder" in refused.errors
    assert record["attempts"] == 1


async def test_a_start_without_redis_waits_if_it_is_told_to(
    cluster: Cluster, tmp_path: Path, simulator: Simulator
) -> None:
    """With `--wait` it comes up when the server does; meanwhile the log says what it waits for."""
    with RedisServer(tmp_path / "late") as late:
        cluster.environment["REDIS_URL"] = late.address.url
        worker = cluster.worker("--wait")
        starting = asyncio.create_task(in_thread(worker.start))
        try:
            await until(lambda: "waiting for Redis" in log_of(worker))
            late.start()
            await starting
            assert worker.running
        finally:
            worker.kill()


def log_of(worker: WorkerProcess) -> str:
    """Its log, which is not there before it has begun."""
    return worker.log if (worker.folder / "service.log").exists() else ""


def test_what_is_wrong_with_redis_is_said_at_the_start(tmp_path: Path, redis: RedisServer) -> None:
    """A wrong password, and no Redis where one is needed: at once, exit code 2, and no secret."""
    given = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(redis.port), "REDIS_PASSWORD": "wrong-sesame"}
    wrong = Commands(tmp_path, environment=given).run("serve", "--port", "0", "--ws-port", "0")
    alone = Commands(tmp_path).run("serve", "--no-workers")

    assert (wrong.code, alone.code) == (2, 2)
    assert "rejected the password" in wrong.errors
    assert "REDIS_PASSWORD" in wrong.errors
    assert "sesame" not in wrong.errors
    assert "REDIS_URL" in alone.errors
