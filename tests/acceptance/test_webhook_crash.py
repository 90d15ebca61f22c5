"""A service that is killed around the end of jobs delivers every webhook all the same."""

from __future__ import annotations

import asyncio
import os
import random
from collections import defaultdict
from pathlib import Path

from tests.acceptance.service import ServiceProcess
from tests.simulator import Simulator, render, talk
from tests.webhooks.receiver import SECRET, receiving

KILLS = int(os.environ.get("AUDIO_TOOLS_WEBHOOK_KILLS", "5"))
WITHIN_S = 1.5
"""A job of this test ends, and its message is sent, within this time after its start."""


async def test_no_webhook_is_lost_forged_or_renamed(tmp_path: Path, simulator: Simulator) -> None:
    """`kill -9` at random moments from the start of jobs until after the delivery of their messages."""
    recording = render(talk(4.0, seed=5), tmp_path / "talk.flac")
    moments = random.Random(7)
    jobs: set[str] = set()
    with (
        receiving() as receiver,
        ServiceProcess(
            tmp_path, simulator.base_url, WEBHOOK_SECRET=SECRET, WEBHOOK_ALLOW_PRIVATE="true"
        ) as service,
    ):
        for _ in range(KILLS):
            jobs.add(service.submit(recording, {"webhookUrl": receiver.url, "silenceDetection": "level"}))
            await asyncio.sleep(moments.uniform(0, WITHIN_S))
            service.kill()
            service.start()
        for job_id in jobs:
            await service.wait_until(job_id, "completed")
            async with asyncio.timeout(60):
                while not _is_delivered(service, job_id):
                    await asyncio.sleep(0.05)

    ids: dict[str, set[str]] = defaultdict(set)
    for message in receiver.received:
        assert message.type == "job.completed"
        ids[message.body["data"]["jobId"]].add(message.id)
    assert set(ids) == jobs
    assert all(len(names) == 1 for names in ids.values())
    assert not receiver.forged


def _is_delivered(service: ServiceProcess, job_id: str) -> bool:
    deliveries = service.http.get(f"/job/{job_id}/webhooks").json()["deliveries"]
    return [entry["state"] for entry in deliveries] == ["delivered"]
