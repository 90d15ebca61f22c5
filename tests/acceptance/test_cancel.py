"""A job that is cancelled is gone at once, wherever it stands: no process, no request, no file."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.acceptance.commands import still_running
from tests.acceptance.service import FOREVER_S, ServiceProcess
from tests.simulator import Fault, Latency, Record, Simulator, render, talk


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty minutes of talk: decoding is not over before the first chunks are at the engine."""
    return render(talk(1200.0, seed=61), tmp_path_factory.mktemp("cancel") / "talk.flac")


@pytest.fixture
def service(tmp_path: Path, simulator: Simulator) -> Iterator[ServiceProcess]:
    """One worker at an engine that does not answer."""
    simulator.latency = Latency(base_s=FOREVER_S)
    with ServiceProcess(tmp_path, simulator.base_url, WORKERS="1") as running:
        yield running


async def submit(service: ServiceProcess, recording: Path) -> str:
    return await asyncio.to_thread(service.submit, recording)


async def cancel(service: ServiceProcess, job_id: str) -> str:
    """Cancel a job; gives what the service says."""
    response = await asyncio.to_thread(service.http.delete, f"/job/{job_id}")
    assert response.status_code == 200, response.text
    return str(response.json()["message"])


async def assert_gone(service: ServiceProcess, simulator: Simulator, job_id: str) -> None:
    """Cancelled, and nothing left of it; the service takes the next job."""
    assert service.status(job_id)["state"] == "cancelled"
    assert service.files("uploads", "transcripts") == []
    assert still_running(service.child_processes()) == []
    await simulator.wait_for(lambda _: simulator.in_flight == 0)
    assert "Traceback" not in service.log


def an_event_says(**wanted: object) -> Callable[[dict[str, object]], bool]:
    return lambda event: event.items() >= wanted.items()


async def test_a_waiting_job(service: ServiceProcess, simulator: Simulator, recording: Path) -> None:
    """It never starts, and the one before it continues."""
    at_work = await submit(service, recording)
    waiting = await submit(service, recording)
    message = await cancel(service, waiting)

    assert message == "Job cancelled successfully"
    assert service.status(waiting)["state"] == "cancelled"
    assert service.status(waiting)["attempts"] == 0
    assert service.status(at_work)["state"] == "active"
    await cancel(service, at_work)
    await assert_gone(service, simulator, at_work)


async def test_an_upload(service: ServiceProcess, simulator: Simulator) -> None:
    """A client that hangs up in the middle of its form leaves no job and no file."""
    head = (
        f"POST /process-audio HTTP/1.1\r\nHost: 127.0.0.1:{service.port}\r\nContent-Length: 9000000\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="audioFile"; filename="a.wav"\r\n\r\n'
    )
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        connection.sendall(head.encode() + bytes(4_000_000))
        await until(lambda: service.files("uploads") != [])
    await until(lambda: service.files("uploads") == [])

    assert service.jobs() == []
    await until(lambda: "/process-audio" in service.log)
    assert "Traceback" not in service.log


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.01)


async def test_a_job_that_is_probed_or_decoded(
    service: ServiceProcess, simulator: Simulator, recording: Path
) -> None:
    """Its child processes end with it."""
    job_id = await submit(service, recording)
    await until(lambda: service.child_processes() != [])
    children = service.child_processes()
    message = await cancel(service, job_id)

    assert message == "Job cancelled successfully"
    assert still_running(children) == []
    await assert_gone(service, simulator, job_id)


async def test_a_job_whose_ffmpeg_runs(
    service: ServiceProcess, simulator: Simulator, recording: Path
) -> None:
    """From the first sign of decoding on."""
    job_id = await submit(service, recording)
    await service.wait_for(job_id, an_event_says(stage="decode"))
    message = await cancel(service, job_id)

    assert message == "Job cancelled successfully"
    await assert_gone(service, simulator, job_id)


async def test_a_job_that_waits_for_the_engine(
    service: ServiceProcess, simulator: Simulator, recording: Path
) -> None:
    """Its requests are hung up on; FFmpeg, which waits for room, ends too."""
    job_id = await submit(service, recording)
    await simulator.wait_for(lambda log: len(log) == 5 and all(record.heard for record in log))
    children = service.child_processes()
    message = await cancel(service, job_id)

    assert children != []
    assert message == "Job cancelled successfully"
    assert still_running(children) == []
    await simulator.wait_for(lambda log: all(record.aborted for record in log))
    await assert_gone(service, simulator, job_id)


async def test_a_job_that_was_told_to_wait(
    service: ServiceProcess, simulator: Simulator, recording: Path
) -> None:
    """The engine asked for two minutes; a cancel does not take them, and no request follows it."""
    simulator.latency = Latency()
    simulator.faults = lambda _: Fault("429", retry_after_s=120)
    job_id = await submit(service, recording)
    await simulator.wait_for(all_are_refused)
    sent = len(simulator.requests)
    message = await cancel(service, job_id)

    assert message == "Job cancelled successfully"
    await assert_gone(service, simulator, job_id)
    assert len(simulator.requests) == sent


def all_are_refused(log: list[Record]) -> bool:
    return len(log) > 0 and all(record.status == 429 for record in log)


async def test_a_job_at_its_very_end(service: ServiceProcess, simulator: Simulator, tmp_path: Path) -> None:
    """Its last words are there: it is cancelled or, if it was quicker, deleted; no transcript is left."""
    simulator.latency = Latency()
    short = render(talk(25.0, seed=62), tmp_path / "short.flac")
    for _ in range(5):
        job_id = await submit(service, short)
        await service.wait_for(job_id, an_event_says(type="words"))
        message = await cancel(service, job_id)

        assert message in {"Job cancelled successfully", "Job deleted"}
        assert service.files("uploads", "transcripts") == []


async def test_a_cancelled_job_gives_its_worker_to_the_next(
    service: ServiceProcess, simulator: Simulator, recording: Path, tmp_path: Path
) -> None:
    """Which goes through, as if nothing had been."""
    first = await submit(service, recording)
    second = await submit(service, render(talk(25.0, seed=63), tmp_path / "next.flac"))
    await simulator.wait_for(bool)
    simulator.latency = Latency()
    await cancel(service, first)

    assert (await service.wait_until(second, "completed"))["state"] == "completed"
