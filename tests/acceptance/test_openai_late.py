"""Calls that take long: blank space in front of JSON keeps their connections, and late errors break them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx2
import openai
import pytest

from tests.acceptance.service import Engine, ServiceProcess
from tests.simulator import render, talk

PATIENCE = Path(__file__).with_name("short_silence.py")
SCRIPT = talk(25.0, seed=111)
TEXT = " ".join(word.text for word in SCRIPT.words)


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(SCRIPT, tmp_path_factory.mktemp("late") / "talk.flac")


@pytest.fixture(scope="module")
def service(recording: Path, engine: Engine) -> Iterator[ServiceProcess]:
    """A service that begins to send blanks at once."""
    service = ServiceProcess(recording.parent, engine.base_url)
    service.program = ["-P", str(PATIENCE)]
    with service:
        yield service


def form(recording: Path, **fields: str) -> list[tuple[str, tuple[str | None, bytes]]]:
    """A form with a file."""
    texts = {"model": "whisper-1"} | fields
    return [
        *((name, (None, text.encode())) for name, text in texts.items()),
        ("file", (recording.name, recording.read_bytes())),
    ]


@pytest.mark.slow
def test_json_begins_with_blank_space(service: ServiceProcess, engine: Engine, recording: Path) -> None:
    """More than one blank, and then the same body as without; a text has none."""

    def call(response_format: str, prompt: str) -> httpx2.Response:
        fields = form(recording, response_format=response_format, prompt=prompt)
        return service.http.post("/v1/audio/transcriptions", files=fields)

    engine.set(latency={"base_s": 0.5})
    late, text = call("json", "late"), call("text", "text")
    engine.set(latency={})
    prompt = call("json", "late")

    assert late.status_code == 200
    assert late.headers["content-type"] == "application/json"
    assert service.status(late.headers["x-job-id"])["state"] == "completed"
    assert late.content.startswith(b"\n\n")
    assert late.json() == prompt.json()
    assert late.json()["text"] == TEXT
    assert text.text == f"{TEXT}\n"


async def test_the_sdk_reads_a_late_reply(service: ServiceProcess, engine: Engine, recording: Path) -> None:
    """As any other."""
    engine.set(latency={"base_s": 0.5})
    async with openai.AsyncOpenAI(base_url=f"{service.url}/v1", api_key="any", max_retries=0) as client:
        answer = await client.audio.transcriptions.create(
            file=recording,
            model="whisper-1",
            prompt="sdk",
            response_format="verbose_json",
            timestamp_granularities=["word"],
        )
    engine.set(latency={})

    assert answer.text == TEXT
    assert answer.words is not None
    assert len(answer.words) == len(SCRIPT.words)


@asynccontextmanager
async def late_reply(service: ServiceProcess, recording: Path, prompt: str) -> AsyncIterator[httpx2.Response]:
    """The reply to a call, as far as its head."""
    files = form(recording, prompt=prompt)
    async with (
        httpx2.AsyncClient(base_url=service.url, timeout=30) as client,
        client.stream("POST", "/v1/audio/transcriptions", files=files) as response,
    ):
        yield response


async def begun(service: ServiceProcess) -> str:
    """The id of the job at work, once its engine was asked."""
    async with asyncio.timeout(20):
        while not (jobs := await asyncio.to_thread(service.jobs, "waiting", "active")):
            pass
    job_id: str = jobs[0]["jobId"]
    await service.wait_for(job_id, lambda event: event.get("stage") == "transcribe")
    return job_id


async def test_a_late_error_breaks_the_connection(
    service: ServiceProcess, engine: Engine, recording: Path
) -> None:
    """The body has the error, and is not complete: the SDK raises, and would try again."""
    received = b""
    with engine.never_answering():
        async with late_reply(service, recording, "broken") as response:
            job_id = response.headers["x-job-id"]
            await asyncio.to_thread(service.http.delete, f"/job/{job_id}")
            with pytest.raises(httpx2.RemoteProtocolError):
                async for block in response.aiter_bytes():
                    received += block
        async with openai.AsyncOpenAI(base_url=f"{service.url}/v1", api_key="any", max_retries=0) as client:
            call = asyncio.create_task(
                client.audio.transcriptions.create(file=recording, model="whisper-1", prompt="broken sdk")
            )
            job_id = await begun(service)
            await asyncio.to_thread(service.http.delete, f"/job/{job_id}")
            with pytest.raises(openai.APIConnectionError):
                await call

    assert b'"code": "job_cancelled"' in received
    assert f"reply broken off, its status was sent before: Job {job_id} was cancelled" in service.log
    assert "Traceback" not in service.log


async def test_a_client_that_leaves_a_late_reply_cancels_its_job(
    service: ServiceProcess, engine: Engine, recording: Path
) -> None:
    """As it does before."""
    with engine.never_answering():
        async with late_reply(service, recording, "left") as response:
            job_id = response.headers["x-job-id"]
            await anext(response.aiter_bytes())
        await service.wait_until(job_id, "cancelled")

    assert service.status(job_id)["state"] == "cancelled"
    assert "Traceback" not in service.log
