"""The queue on Redis seen from Node: BullMQ's own producer and events, and bull-board."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from audio_tools.jobs import JobRequest, JobState
from audio_tools.jobs.bullmq.queue import BullQueue
from audio_tools.server.views import JobStatus
from tests.jobs.redis_server import RedisServer
from tests.jobs.steps import ERROR, RESULT

NPM = Path(__file__).parents[1] / "npm"
ROOT = Path(__file__).parents[3]
DATA = {"path": "/media/Größe.mp4", "options": {"language": "de", "chunkSize": 65536}}

pytestmark = pytest.mark.timeout(60)


@pytest.fixture(autouse=True)
def node() -> None:
    """The interpreter and the packages."""
    if shutil.which("node") is None:
        pytest.skip("node is not installed")
    if not (NPM / "node_modules" / "bullmq").is_dir():
        pytest.skip("bullmq for Node is not installed: npm ci --prefix tests/jobs/npm")


@pytest.fixture
async def queue(redis_server: RedisServer, tmp_path: Path, prefix: str) -> AsyncIterator[BullQueue]:
    """Our queue."""
    async with BullQueue(redis_server.address, tmp_path, prefix=prefix) as queue:
        yield queue


@asynccontextmanager
async def script(server: RedisServer, queue: BullQueue, *args: str) -> AsyncIterator[AsyncIterator[Any]]:
    """A Node script on the queue: gives what it prints, each line as JSON."""
    process = await asyncio.create_subprocess_exec(
        *("node", args[0], str(server.port), queue._prefix, *args[1:]),
        cwd=NPM,
        stdout=asyncio.subprocess.PIPE,
    )

    async def lines() -> AsyncIterator[Any]:
        assert process.stdout is not None
        async for line in process.stdout:
            yield json.loads(line)

    try:
        yield lines()
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.slow
async def test_a_job_from_node_is_processed(redis_server: RedisServer, queue: BullQueue) -> None:
    """It is a job like ours; its producer sees progress, the end and the result."""
    async with script(redis_server, queue, "producer.js", json.dumps(DATA)) as said:
        lease = await queue.take()
        await lease.report("progress", {"progress": 12.34})
        await lease.report("words", {"words": []})
        await lease.complete(RESULT)

        assert (lease.job.request.stored, lease.job.number, lease.attempt) == (DATA, 1, 1)
        lines = [line async for line in said]

    assert lines[0] == {"added": lease.job.id}
    assert {"progress": 12.3} in lines
    assert {"completed": RESULT} in lines
    assert {"finished": RESULT} in lines
    assert lines[-1] == {"state": "completed", "progress": 12.3, "returnvalue": RESULT}
    job = await queue.get(lease.job.id)
    assert (job.state, job.result) == (JobState.COMPLETED, RESULT)


@pytest.mark.slow
async def test_a_failure_reaches_node(redis_server: RedisServer, queue: BullQueue) -> None:
    """The producer gets our sentence; its own attempts do not run a job again that has ended for good."""
    options = json.dumps({"jobId": "mine_1", "attempts": 3, "backoff": 10})
    async with script(redis_server, queue, "producer.js", json.dumps(DATA), options) as said:
        lease = await queue.take()
        await lease.fail(ERROR)
        lines = [line async for line in said]

    assert lease.job.id == "mine_1"
    assert {"failed": ERROR.message} in lines
    assert {"finished": ERROR.message} in lines
    assert lines[-1]["state"] == "failed"


@pytest.mark.slow
async def test_a_cancel_reaches_node(redis_server: RedisServer, queue: BullQueue) -> None:
    """To BullMQ a cancelled job is one that has failed."""
    async with script(redis_server, queue, "producer.js", json.dumps(DATA)) as said:
        lease = await queue.take()
        await queue.cancel(lease.job.id)
        await lease.acknowledge_cancel()
        lines = [line async for line in said]

    assert {"failed": "cancelled"} in lines


@pytest.mark.slow
async def test_bull_board_shows_our_jobs(redis_server: RedisServer, queue: BullQueue) -> None:
    """Its page is served, and it counts and lists our jobs in their states with data, progress and result."""
    job = (await queue.add(JobRequest(DATA))).job
    lease = await queue.take()
    await lease.report("progress", {"progress": 50})
    ended = (await queue.add(JobRequest(DATA))).job
    await (await queue.take()).complete(RESULT)
    waiting = (await queue.add(JobRequest(DATA))).job

    async with script(redis_server, queue, "board.js") as said, httpx2.AsyncClient(trust_env=False) as client:
        base = f"http://127.0.0.1:{await anext(said)}"
        page = await client.get(f"{base}/")
        shown: dict[tuple[str, str], Any] = {}
        for state in ("active", "completed", "waiting"):
            answer = await client.get(f"{base}/api/queues?activeQueue=audio-tools&status={state}")
            (board,) = answer.json()["queues"]
            shown |= {(state, entry["id"]): entry for entry in board["jobs"]}

    assert (page.status_code, "<html" in page.text) == (200, True)
    assert {key: board["counts"][key] for key in ("active", "completed", "waiting")} == {
        "active": 1,
        "completed": 1,
        "waiting": 1,
    }
    assert set(shown) == {("active", job.id), ("completed", ended.id), ("waiting", waiting.id)}
    assert shown["active", job.id]["progress"] == 50
    assert shown["completed", ended.id]["returnValue"] == RESULT
    assert shown["waiting", waiting.id]["data"] == DATA


SNIPPETS = re.findall(r"```javascript\n(.*?)```", (ROOT / "docs" / "scaling.md").read_text(), re.DOTALL)


@asynccontextmanager
async def snippet(
    number: int, server: RedisServer, port: int = 0
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A snippet of docs/scaling.md as it is, but for the addresses."""
    address = f"host: '127.0.0.1', port: {server.port}"
    text = re.sub(r"host: 'redis\.example', port: 6379", address, SNIPPETS[number]).replace("3010", str(port))
    process = await asyncio.create_subprocess_exec(
        *("node", "--input-type=module", "--eval", text), cwd=NPM, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.mark.slow
async def test_the_producer_of_the_docs_ends(redis_server: RedisServer, tmp_path: Path) -> None:
    """The job has the documented shape, the result is printed, and the program ends by itself."""
    async with BullQueue(redis_server.address, tmp_path) as queue, snippet(0, redis_server) as process:
        lease = await queue.take()
        status = JobStatus.of(lease.job).to_json()
        await lease.complete(RESULT)
        output, _ = await process.communicate()

        assert UUID(status["jobId"])
        assert status["data"]["fileName"] == "talk.mp4"
        assert process.returncode == 0
        assert str(RESULT["words"]) in output.decode()
        await queue.delete(lease.job.id)


@pytest.mark.slow
async def test_the_board_of_the_docs_is_served(redis_server: RedisServer, unused_tcp_port: int) -> None:
    """At the address that the snippet names."""
    async with snippet(1, redis_server, unused_tcp_port), httpx2.AsyncClient(trust_env=False) as client:
        while True:
            with suppress(httpx2.ConnectError):
                answer = await client.get(f"http://127.0.0.1:{unused_tcp_port}/api/queues")
                break
            await asyncio.sleep(0.05)

    assert [queue["name"] for queue in answer.json()["queues"]] == ["audio-tools"]
