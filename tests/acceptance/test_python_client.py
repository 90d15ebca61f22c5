"""The public Python clients against the real service, and the examples of docs/python-client.md."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from audio_tools import AsyncClient, Client
from audio_tools.client import ServerRefused
from audio_tools.errors import JobNotFinished, ServerUnreachable
from tests.acceptance.service import Engine, ServiceProcess, end_all_jobs
from tests.simulator import render, talk
from tests.webhooks.receiver import SECRET, receiving

SCRIPT = talk(25.0, seed=71)
TEXT = " ".join(word.text for word in SCRIPT.words)
PAGE = Path(__file__).parents[2] / "docs" / "python-client.md"
TOKEN = "a-token-of-the-service"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[ServiceProcess]:
    folder = tmp_path_factory.mktemp("client")
    webhooks = {"WEBHOOK_SECRET": SECRET, "WEBHOOK_ALLOW_PRIVATE": "true"}
    with ServiceProcess(folder, engine.base_url, MEDIA_ROOTS=str(folder), **webhooks) as started:
        yield started


@pytest.fixture(scope="module")
def recording(service: ServiceProcess) -> Path:
    return render(SCRIPT, service.folder / "talk.flac")


@pytest.fixture
def client(service: ServiceProcess) -> Iterator[Client]:
    with Client(service.url) as opened:
        yield opened


def test_a_file_is_transcribed(client: Client, recording: Path) -> None:
    """In one call, which reports the events on the way."""
    seen: list[str] = []
    transcript = client.transcribe(
        str(recording), {"language": "en"}, on_event=lambda event: seen.append(event["type"])
    )

    assert (transcript.text, transcript.language) == (TEXT, "en")
    assert transcript.words[0].start == pytest.approx(SCRIPT.words[0].start, abs=0.05)
    assert (seen[0], seen[-1]) == ("snapshot", "completed")


def test_a_job_is_followed_and_exported(client: Client, recording: Path) -> None:
    """By the reply of `submit` or by its id; a repeated key starts nothing."""
    job = client.submit_path(recording)
    again = (
        client.submit(recording, idempotency_key="twice"),
        client.submit(recording, idempotency_key="twice"),
    )
    events = list(client.follow(job["jobId"]))
    plan = client.cut_plan(job["jobId"], {"preset": "tight"})
    captions = client.export(job["jobId"], "srt", {"captions": "bbc"})
    cut = client.export(job["jobId"], "edl", cut_plan=plan)

    assert again[0]["jobId"] == again[1]["jobId"]
    assert events[-1]["type"] == "completed"
    assert client.transcript(job["jobId"]).text == TEXT == client.result(job["jobId"])["text"]
    assert (captions.name, captions.media_type) == ("talk.srt", "application/x-subrip")
    assert captions.data.startswith(b"1\n")
    assert b"FCM: NON-DROP FRAME" in cut.data
    assert job["jobId"] in {entry["jobId"] for entry in client.jobs(["completed"]).jobs}


def test_errors(client: Client, engine: Engine, service: ServiceProcess, recording: Path) -> None:
    """Those of the service have its code; a job without a result has none yet."""
    unheard = render(talk(20.0, seed=72), service.folder / "unheard.flac")
    (service.folder / "notes.mp4").write_text("This is no film.")
    with engine.never_answering():
        job_id = client.submit(unheard)["jobId"]
        with pytest.raises(JobNotFinished):
            client.transcript(job_id)
        with pytest.raises(JobNotFinished):
            client.export(job_id, "srt")
        assert client.cancel(job_id) in {"Job cancelled successfully", "Job is being cancelled"}
        end_all_jobs(service)
    with pytest.raises(ServerRefused) as missing:
        client.status("no-such-job")
    with pytest.raises(ServerRefused) as failed:
        client.transcribe(service.folder / "notes.mp4")
    with pytest.raises(ServerRefused) as wrong:
        client.export(client.submit(recording)["jobId"], "docx")

    assert missing.value.server_code == "job_not_found"
    assert failed.value.server_code == "probe_failed"
    assert wrong.value.server_code == "invalid_option"


def test_webhook_deliveries(client: Client, recording: Path) -> None:
    """The message about the end of a job, once its receiver has it."""
    with receiving() as receiver:
        job_id = client.submit(recording, {"webhookUrl": receiver.url, "webhookEvents": ["completed"]})[
            "jobId"
        ]
        client.wait(job_id)
        (message,) = receiver.wait_for(1)
        deliveries = client.webhook_deliveries(job_id)
        while deliveries[0]["state"] == "pending":
            deliveries = client.webhook_deliveries(job_id)

    assert [(entry["id"], entry["state"]) for entry in deliveries] == [(message.id, "delivered")]
    assert [attempt["status"] for attempt in deliveries[0]["attempts"]] == [204]


def test_a_closed_client_leaves_no_thread(service: ServiceProcess, recording: Path) -> None:
    """Nor does one whose events were not read to the end."""
    before = threading.active_count()
    with Client(service.url) as client:
        next(client.follow(client.submit(recording)["jobId"]))

    assert threading.active_count() == before


def test_nothing_listens(tmp_path: Path) -> None:
    """The error names the address, and its hint is for a program: it names no command."""
    with (
        Client("http://127.0.0.1:9") as client,
        pytest.raises(ServerUnreachable, match=re.escape("127.0.0.1:9")) as caught,
    ):
        client.jobs()

    assert "address" in caught.value.hint
    assert "--" not in caught.value.hint


async def test_the_asynchronous_client(engine: Engine, tmp_path: Path) -> None:
    """The same methods, with a token."""
    recording = render(SCRIPT, tmp_path / "talk.flac")
    with ServiceProcess(tmp_path, engine.base_url, API_TOKEN=TOKEN) as service:
        async with AsyncClient(service.url, TOKEN) as client:
            transcript = await client.transcribe(recording)
            job_id = (await client.jobs()).jobs[0]["jobId"]
            events = [event["type"] async for event in client.follow(job_id)]
        async with AsyncClient(service.url) as stranger:
            with pytest.raises(ServerRefused) as refused:
                await stranger.jobs()

    assert transcript.text == TEXT
    assert events[-1] == "completed"
    assert refused.value.server_code == "unauthorized"
    assert refused.value.hint == "Pass the API_TOKEN of the service as `token`."


@pytest.mark.slow
def test_the_examples_of_the_page(service: ServiceProcess, recording: Path, tmp_path: Path) -> None:
    """Each runs as it stands, but for the port."""
    shutil.copy(recording, tmp_path / "interview.mp4")
    page = PAGE.read_text().replace("http://127.0.0.1:3001", service.url)
    printed = [
        subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
        ).stdout
        for code in re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    ]

    assert TEXT in printed[0]
    assert printed[1].endswith("interview.srt\n")
    assert printed[2] in {"", "job.completed pending\n"}  # there is no receiver, and it may not be tried yet
    assert "interview.xml" in printed[3]
    assert printed[4] == "job_not_found\n"


def test_the_package_has_the_clients_and_nothing_else() -> None:
    """They are loaded when they are named; another name is an error."""
    import audio_tools

    assert audio_tools.Client is Client
    with pytest.raises(AttributeError, match="no attribute 'client_of_another_name'"):
        _ = audio_tools.client_of_another_name
    code = "import audio_tools, sys; sys.exit('httpx2' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
