"""An engine that is away for a while costs a job time and nothing else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.acceptance.service import ServiceProcess
from tests.acceptance.truth import assert_true
from tests.simulator import Simulator, render, talk

SCRIPT = talk(30.0, seed=31)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return render(SCRIPT, tmp_path / "talk.flac")


async def test_a_job_waits_for_an_engine_that_starts_later(
    recording: Path, tmp_path: Path, unused_tcp_port: int
) -> None:
    """Status and events say what it waits for; once the engine is there the job is done, in one attempt."""
    with ServiceProcess(tmp_path, f"http://127.0.0.1:{unused_tcp_port}/v1") as service:
        job_id = await asyncio.to_thread(service.submit, recording)
        event = await service.wait_for(job_id, lambda event: bool(event.get("waiting")))
        status = service.status(job_id)

        assert event["waiting"]["code"] == "engine_unreachable"
        assert (status["state"], status["waiting"]["code"]) == ("active", "engine_unreachable")
        assert "cannot be reached" in status["waiting"]["reason"]
        assert "cannot be reached" in status["message"]
        assert status["waiting"]["nextAttemptAt"] >= status["waiting"]["since"]
        async with Simulator(port=unused_tcp_port):
            status = await service.wait_until(job_id, "completed", "failed")
        assert (status["state"], status["attempts"], status["waiting"]) == ("completed", 1, None)
        assert_true(service.transcript(job_id), SCRIPT)
        assert service.files("uploads") == []


async def test_a_job_that_waited_in_vain_is_restarted_from_its_upload(
    recording: Path, tmp_path: Path, unused_tcp_port: int
) -> None:
    """It fails after OUTAGE_WAIT, keeps its upload for RESULT_TTL, and is done when it is restarted."""
    with ServiceProcess(tmp_path, f"http://127.0.0.1:{unused_tcp_port}/v1", OUTAGE_WAIT="0") as service:
        job_id = await asyncio.to_thread(service.submit, recording)
        status = await service.wait_until(job_id, "failed", "completed")
        assert (status["errorCode"], status["restartable"]) == ("engine_unreachable", True)
        service.kill()
        service.start()
        async with Simulator(port=unused_tcp_port):
            answer = service.http.post(f"/job/{job_id}/restart")
            assert (answer.status_code, answer.json()["jobId"]) == (200, job_id)
            status = await service.wait_until(job_id, "completed", "failed")

        assert (status["state"], status["restartable"]) == ("completed", False)
        assert_true(service.transcript(job_id), SCRIPT)
        assert service.files("uploads") == []
        assert service.http.post(f"/job/{job_id}/restart").json()["error"] == "job_not_restartable"


async def test_a_job_that_would_fail_again_keeps_no_upload(
    recording: Path, tmp_path: Path, simulator: Simulator
) -> None:
    """The key is refused, or the model unknown: no restart is offered, and the disk is free again."""
    with ServiceProcess(tmp_path, simulator.base_url, OPENAI_API_KEY="sk-wrong") as service:
        refused = await asyncio.to_thread(service.submit, recording)
        unknown = await asyncio.to_thread(service.submit, recording, {"engine": "whisper", "model": "nope"})
        statuses = [await service.wait_until(job_id, "failed", "completed") for job_id in (refused, unknown)]

        assert [status["errorCode"] for status in statuses] == ["engine_refused", "engine_not_ready"]
        assert not any(status["restartable"] for status in statuses)
        answer = service.http.post(f"/job/{refused}/restart")
        assert (answer.status_code, answer.json()["error"]) == (409, "job_not_restartable")
        assert service.files("uploads") == []


async def test_a_failed_job_takes_its_upload_along(
    recording: Path, tmp_path: Path, unused_tcp_port: int
) -> None:
    """DELETE removes what was kept for a restart."""
    with ServiceProcess(tmp_path, f"http://127.0.0.1:{unused_tcp_port}/v1", OUTAGE_WAIT="0") as service:
        job_id = await asyncio.to_thread(service.submit, recording)
        assert (await service.wait_until(job_id, "failed", "completed"))["restartable"]
        assert any(name.endswith("media") for name in service.files("uploads"))
        assert service.http.delete(f"/job/{job_id}").status_code == 200
        assert service.files("uploads") == []
