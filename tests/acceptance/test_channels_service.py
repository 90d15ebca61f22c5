"""Separate channels through the service, on either queue, with a model that distinguishes speakers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.acceptance.cluster import PASSWORD, Cluster, in_thread, running
from tests.acceptance.service import ServiceProcess
from tests.acceptance.test_channels import record, talks
from tests.jobs.redis_server import RedisServer
from tests.simulator import Script, Simulator

DIARIZING = "gpt-4o-transcribe-diarize"
OPTIONS = {"channelMode": "separate", "silenceDetection": "level", "model": DIARIZING}

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def scripts() -> list[Script]:
    return talks(1, 2, seconds=24.0)


@pytest.fixture(scope="module")
def recording(scripts: list[Script], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record(tmp_path_factory.mktemp("media") / "table.wav", scripts)


@pytest.fixture(params=["embedded", "redis"])
async def service(
    request: pytest.FixtureRequest, tmp_path: Path, simulator: Simulator, recording: Path
) -> AsyncIterator[ServiceProcess]:
    """The service with the queue in its own process, or with a worker on Redis."""
    if request.param == "embedded":
        web = ServiceProcess(tmp_path, simulator.base_url)
        async with running(web):
            yield web
        return
    with RedisServer(tmp_path / "redis", "--requirepass", PASSWORD) as redis:
        redis.start()
        cluster = Cluster(tmp_path, simulator.base_url, redis, recording)
        web = cluster.web()
        async with running(web, cluster.worker()):
            yield web


async def test_a_service_transcribes_each_channel(
    service: ServiceProcess, recording: Path, scripts: list[Script]
) -> None:
    """Events, transcript and captions name the channel; speakers are those of a channel."""
    job_id = await in_thread(service.submit, recording, OPTIONS)
    events = await service.events(job_id)
    transcript = await in_thread(service.transcript, job_id)
    captions = await in_thread(service.http.get, f"/job/{job_id}/export?format=vtt")

    assert events[-1]["type"] == "completed"
    sent = [event for event in events if event["type"] == "words"]
    for channel, script in enumerate(scripts):
        words = [word for word in transcript.words if word.channel == channel]
        assert [word.word for word in words] == [word.text for word in script.words]
        assert {word.speaker for word in words} == {f"{name}, channel {channel}" for name in "AB"}
        assert {s.channel for s in transcript.segments} == {event["channel"] for event in sent} == {0, 1}
        assert f"<v A, channel {channel}>" in captions.text
    assert [channel.channel for channel in transcript.channels] == [0, 1]
