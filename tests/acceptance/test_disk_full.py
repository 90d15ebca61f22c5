"""A disk that is full: the one who asked is told, nothing is left, and the service stays up."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.service import ServiceProcess
from tests.acceptance.truth import assert_true
from tests.simulator import Latency, Simulator, render, talk

DISK_BYTES = 16 << 20
SCRIPT = talk(60.0, seed=71)
ANSWER_S = 1.0
"""How long the engine takes: enough to fill the disk meanwhile."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, 16 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_BYTES}", "tmpfs", str(folder)]
    try:
        mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command here")
    if mounted.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    return render(SCRIPT, tmp_path / "talk.flac")


@pytest.fixture
def service(disk: Path, tmp_path: Path, simulator: Simulator) -> Iterator[ServiceProcess]:
    """Its data are on the small disk, its log is not."""
    simulator.latency = Latency(base_s=ANSWER_S)
    settings = {"DATA_DIR": str(disk / "data"), "MEDIA_ROOTS": str(tmp_path), "SHUTDOWN_GRACE": "1"}
    with ServiceProcess(tmp_path, simulator.base_url, **settings) as running:
        yield running


def fill(disk: Path) -> Path:
    """Leave not one byte; gives the file to remove."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
    return filler


@pytest.mark.parametrize("announced", [True, False])
async def test_an_upload_without_room_is_refused(
    announced: bool, service: ServiceProcess, tmp_path: Path
) -> None:
    """507, before it is read where its size is announced, else when the room runs out; nothing is left."""
    boundary = b'--b\r\nContent-Disposition: form-data; name="audioFile"; filename="a.wav"\r\n\r\n'
    blocks = [boundary, *([bytes(1 << 20)] * (2 * DISK_BYTES >> 20)), b"\r\n--b--\r\n"]
    response = await asyncio.to_thread(
        lambda: service.http.post(
            "/process-audio",
            content=b"".join(blocks) if announced else iter(blocks),
            headers={"Content-Type": "multipart/form-data; boundary=b"},
        )
    )
    body = response.json()

    assert (response.status_code, body["error"]) == (507, "disk_full")
    assert "DATA_DIR" in body["hint"]
    assert service.files("uploads") == []
    assert service.jobs() == []


async def test_answers_that_find_no_room_wait_for_it(
    service: ServiceProcess, simulator: Simulator, disk: Path, recording: Path
) -> None:
    """No answer that was paid for is dropped, and the job is done once there is room, in one attempt."""
    job_id = await asyncio.to_thread(service.submit, recording)
    await simulator.wait_for(bool)
    filler = await asyncio.to_thread(fill, disk)
    await simulator.wait_for(lambda log: any(record.status == 200 for record in log))
    await service.wait_for_log("disk full, waiting for free space")
    assert service.status(job_id)["state"] == "active"
    assert any(name.endswith("media") for name in service.files("uploads"))
    filler.unlink()
    status = await service.wait_until(job_id, "failed", "completed")

    assert (status["state"], status["attempts"]) == ("completed", 1)
    transcript = service.transcript(job_id)
    assert_true(transcript, SCRIPT)
    assert len(simulator.requests) == transcript.total_chunks


@pytest.mark.parametrize("upload", [True, False])
async def test_a_full_disk_does_not_block_a_delete(
    upload: bool, service: ServiceProcess, simulator: Simulator, disk: Path, recording: Path
) -> None:
    """A job that waits for room is cancelled, and one that has ended is deleted, without a byte free."""
    ended = await asyncio.to_thread(service.submit, recording)
    await service.wait_until(ended, "completed")
    running = (
        await asyncio.to_thread(service.submit, recording, {"language": "en"})
        if upload
        else service.http.post(
            "/process-audio", json={"path": str(recording), "options": {"language": "en"}}
        ).json()["jobId"]
    )
    await simulator.wait_for(lambda log: log[-1].status is None)
    await asyncio.to_thread(fill, disk)
    await service.wait_for_log("disk full, waiting for free space")
    answers = [await asyncio.to_thread(service.http.delete, f"/job/{job}") for job in (running, ended)]

    assert [answer.status_code for answer in answers] == [200, 200]
    await service.wait_until(running, "cancelled")
    assert service.http.get(f"/job/{ended}/status").status_code == 404
    assert service.files("uploads", "transcripts") == []


async def test_a_full_disk_that_nothing_of_ours_can_clear(
    service: ServiceProcess, simulator: Simulator, disk: Path, recording: Path
) -> None:
    """The service stays up and says what is wrong; once there is room it resumes by itself."""
    first, second = [
        service.http.post("/process-audio", json={"path": str(recording)}).json()["jobId"] for _ in range(2)
    ]
    await simulator.wait_for(bool)
    filler = await asyncio.to_thread(fill, disk)
    await simulator.wait_for(lambda log: any(record.status == 200 for record in log))
    refused = await asyncio.to_thread(service.http.post, "/process-audio", json={"path": str(recording)})
    health = await asyncio.to_thread(service.http.get, "/health")
    listed = await asyncio.to_thread(service.http.get, "/jobs")
    filler.unlink()
    statuses = [await service.wait_until(job_id, "failed", "completed") for job_id in (first, second)]

    assert service.running
    assert (refused.status_code, refused.json()["error"]) == (507, "disk_full")
    assert (health.status_code, health.json()["checks"]["queue"]["ok"]) == (503, False)
    assert listed.status_code == 200
    assert {status["errorCode"] for status in statuses} <= {"disk_full", None}
    third = service.http.post("/process-audio", json={"path": str(recording)}).json()["jobId"]
    await service.wait_until(third, "completed")
    assert_true(service.transcript(third), SCRIPT)


async def test_a_service_starts_on_a_full_disk(
    service: ServiceProcess, simulator: Simulator, disk: Path, recording: Path
) -> None:
    """Even to open the queue takes room; its jobs can be cancelled, and go on once there is more."""
    first, second = [
        service.http.post("/process-audio", json={"path": str(recording)}).json()["jobId"] for _ in range(2)
    ]
    await simulator.wait_for(bool)
    await asyncio.to_thread(service.terminate)
    filler = await asyncio.to_thread(fill, disk)
    await asyncio.to_thread(service.start)

    assert (await asyncio.to_thread(service.http.delete, f"/job/{second}")).status_code == 200
    filler.unlink()
    await service.wait_until(first, "completed")
    assert service.status(second)["state"] == "cancelled"


async def test_a_disk_that_fills_up_twice_does_not_block_a_delete(
    service: ServiceProcess, disk: Path, recording: Path
) -> None:
    """The first time uses up the reserved room; the next sweep, which would reserve it again, is not near."""
    ended = []
    for language in ("en", "de", "fr"):
        body = {"path": str(recording), "options": {"language": language}}
        ended.append(service.http.post("/process-audio", json=body).json()["jobId"])
        await service.wait_until(ended[-1], "completed")
    answers = []
    for job_id in ended[:2]:
        filler = await asyncio.to_thread(fill, disk)
        answers.append(await asyncio.to_thread(service.http.delete, f"/job/{job_id}"))
        filler.unlink()
        assert service.http.get("/health").status_code == 200
    await asyncio.to_thread(service.kill)
    await asyncio.to_thread(fill, disk)
    await asyncio.to_thread(service.start)
    answers.append(await asyncio.to_thread(service.http.delete, f"/job/{ended[2]}"))

    assert [answer.status_code for answer in answers] == [200, 200, 200]


async def test_a_service_on_a_full_disk_can_be_stopped(
    service: ServiceProcess, simulator: Simulator, disk: Path, recording: Path
) -> None:
    """What it cannot store does not keep it from ending: exit code 0, and the job resumes afterwards."""
    job_id = service.http.post("/process-audio", json={"path": str(recording)}).json()["jobId"]
    await simulator.wait_for(bool)
    filler = await asyncio.to_thread(fill, disk)
    await simulator.wait_for(lambda log: any(record.status == 200 for record in log))
    code = await asyncio.to_thread(service.terminate)
    filler.unlink()
    await asyncio.to_thread(service.start)

    assert code == 0
    assert "Traceback" not in service.log
    status = await service.wait_until(job_id, "failed", "completed")
    assert status["errorCode"] in {"disk_full", None}
