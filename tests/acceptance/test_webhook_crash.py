"""Processes that are killed around the end of jobs deliver every webhook all the same."""

from __future__ import annotations

import asyncio
import os
import random
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pytest

from tests.acceptance.cluster import PASSWORD, Cluster, in_thread, running
from tests.acceptance.service import ServiceProcess
from tests.jobs.redis_server import RedisServer
from tests.simulator import Simulator, render, talk
from tests.webhooks.receiver import SECRET, Receiver, receiving

KILLS = int(os.environ.get("AUDIO_TOOLS_WEBHOOK_KILLS", "3"))
MOMENTS = random.Random(os.environ.get("AUDIO_TOOLS_WEBHOOK_SEED", "7"))
WITHIN_S = 1.5
"""A job of these tests ends, and its message is sent, within about this time after its start."""
AFTER_END_S = 0.3
"""A message is sent within about this time after the end of its job."""
WEBHOOKS = {"WEBHOOK_SECRET": SECRET, "WEBHOOK_ALLOW_PRIVATE": "true"}

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(talk(4.0, seed=5), tmp_path_factory.mktemp("media") / "talk.flac")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    """A server with a password."""
    with RedisServer(tmp_path / "redis", "--requirepass", PASSWORD) as server:
        server.start()
        yield server


async def test_no_webhook_is_lost_forged_or_renamed(
    tmp_path: Path, simulator: Simulator, recording: Path
) -> None:
    """`kill -9` at random moments from the start of jobs until after the delivery of their messages."""
    with receiving() as receiver, ServiceProcess(tmp_path, simulator.base_url, **WEBHOOKS) as service:
        jobs = await jobs_over_kills(service, [service] * KILLS, recording, receiver)

    assert_each_has_one_id(receiver, jobs)


async def test_nor_on_redis(
    tmp_path: Path, simulator: Simulator, redis: RedisServer, recording: Path
) -> None:
    """The worker and the web process, which delivers, are killed in turn."""
    cluster = Cluster(tmp_path, simulator.base_url, redis, recording, lock_s=1.0)
    cluster.environment |= WEBHOOKS
    web, worker = cluster.web(), cluster.worker()
    async with running(web, worker):
        with receiving() as receiver:
            victims = [(worker, web)[number % 2] for number in range(KILLS)]
            jobs = await jobs_over_kills(web, victims, recording, receiver)

    assert_each_has_one_id(receiver, jobs)


async def jobs_over_kills(
    web: ServiceProcess, victims: Sequence[ServiceProcess], recording: Path, receiver: Receiver
) -> list[str]:
    """The ids of jobs whose messages were all delivered; after the start of each a process is killed."""
    jobs: list[str] = []
    for victim in victims:
        jobs.append(await start(web, recording, receiver))
        await moment(web, jobs)
        victim.kill()
        await in_thread(victim.start)
    await all_delivered(web, jobs)
    return jobs


async def start(service: ServiceProcess, recording: Path, receiver: Receiver) -> str:
    """The id of a new job whose end is sent to the receiver."""
    options = {"webhookUrl": receiver.url, "silenceDetection": "level"}
    job_id: str = await in_thread(service.submit, recording, options)
    return job_id


async def moment(service: ServiceProcess, jobs: Sequence[str]) -> None:
    """A random moment after the start of the latest job; of every second one, after its end."""
    if len(jobs) % 2:
        await service.wait_until(jobs[-1], "completed")
        await asyncio.sleep(MOMENTS.uniform(0, AFTER_END_S))
    else:
        await asyncio.sleep(MOMENTS.uniform(0, WITHIN_S))


async def all_delivered(service: ServiceProcess, jobs: Collection[str]) -> None:
    """Wait until each job is completed, and its message is delivered."""
    async with asyncio.timeout(120):
        for job_id in jobs:
            await service.wait_until(job_id, "completed")
            while not await in_thread(_is_delivered, service, job_id):
                await asyncio.sleep(0.05)


def _is_delivered(service: ServiceProcess, job_id: str) -> bool:
    deliveries = service.http.get(f"/job/{job_id}/webhooks").json()["deliveries"]
    return [entry["state"] for entry in deliveries] == ["delivered"]


def assert_each_has_one_id(receiver: Receiver, jobs: Collection[str]) -> None:
    """Each job was reported at least once, always as completed and with the same id, and nothing else was."""
    ids: dict[str, set[str]] = defaultdict(set)
    for message in receiver.received:
        assert message.type == "job.completed"
        ids[message.body["data"]["jobId"]].add(message.id)
    assert set(ids) == set(jobs)
    assert all(len(names) == 1 for names in ids.values())
    assert not receiver.forged
