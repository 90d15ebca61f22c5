"""The OpenAPI document of a running service says what its answers and messages really are."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from audio_tools.exports.registry import FORMATS
from audio_tools.transcript import Json
from tests.acceptance.service import Engine, ServiceProcess
from tests.server.openapi.described import assert_described
from tests.simulator import render, talk


@pytest.fixture(scope="module")
def service(folder: Path, engine: Engine) -> Iterator[ServiceProcess]:
    with ServiceProcess(folder, engine.base_url, WORKERS="1") as running:
        yield running


@pytest.fixture(scope="module")
def document(service: ServiceProcess) -> Json:
    record: Json = service.http.get("/openapi.json").json()
    return record


@pytest.fixture(scope="module")
def finished(service: ServiceProcess, folder: Path) -> str:
    """The id of a job that went well."""
    job_id = service.submit(render(talk(70.0, seed=61), folder / "talk.flac"), {"silenceThreshold": 1.0})
    asyncio.run(service.wait_until(job_id, "completed"))
    return job_id


@pytest.fixture(scope="module")
def failed(service: ServiceProcess, folder: Path) -> str:
    """The id of a job on what is no media."""
    (folder / "notes.mp4").write_text("This is no film.")
    job_id = service.submit(folder / "notes.mp4")
    asyncio.run(service.wait_until(job_id, "failed"))
    return job_id


@pytest.fixture
async def active(service: ServiceProcess, engine: Engine, tmp_path: Path) -> AsyncIterator[str]:
    """The id of a job whose engine does not answer."""
    unheard = render(talk(25.0, seed=62), tmp_path / "unheard.flac")
    with engine.never_answering():
        job_id = service.submit(unheard)
        await service.wait_for(job_id, lambda event: event.get("stage") == "decode")
        yield job_id


def assert_answers(
    document: Json, service: ServiceProcess, method: str, path: str, status: int, **parameters: str
) -> None:
    """The answer has this status, and a media type and a body that the document names for it."""
    job_id = parameters.pop("job_id", "")
    response = service.http.request(method, path.replace("{job_id}", job_id), params=parameters)
    described = document["paths"][path][method.lower()]["responses"][str(response.status_code)]["content"]
    kind = response.headers["content-type"].partition(";")[0]

    assert response.status_code == status, response.text
    assert kind in described
    if kind == "application/json":
        name = described[kind]["schema"]["$ref"].rpartition("/")[2]
        assert_described(response.json(), name, document["components"]["schemas"])
    else:
        assert described[kind]["schema"] == {"type": "string"}


def test_the_answers_about_a_job_that_went_well(
    document: Json, service: ServiceProcess, finished: str
) -> None:
    """Each field of them is described, and is as described."""
    result = service.http.get(f"/job/{finished}/result").json()["result"]

    assert result["words"]
    assert result["segments"]
    assert result["silenceSegments"]
    for what in ("status", "result"):
        assert_answers(document, service, "GET", f"/job/{{job_id}}/{what}", 200, job_id=finished)
    assert_answers(document, service, "GET", "/job/{job_id}/peaks", 200, job_id=finished)
    peaks = service.http.get(f"/job/{finished}/peaks").json()
    assert peaks["length"] == pytest.approx(62.5 * result["totalDuration"], abs=40)
    assert max(peaks["data"]) > 10
    for name in FORMATS:
        assert_answers(document, service, "GET", "/job/{job_id}/export", 200, job_id=finished, format=name)
    assert_answers(document, service, "GET", "/job/{job_id}/export", 400, job_id=finished, format="docx")
    assert_answers(document, service, "GET", "/job/{job_id}/export", 422, job_id=finished)


def test_the_answers_about_a_job_that_did_not(document: Json, service: ServiceProcess, failed: str) -> None:
    """The status and the error of a failed job match the OpenAPI document."""
    assert_answers(document, service, "GET", "/job/{job_id}/status", 200, job_id=failed)
    assert_answers(document, service, "GET", "/job/{job_id}/result", 422, job_id=failed)


async def test_the_answers_and_messages_about_a_job_that_is_cancelled(
    document: Json, service: ServiceProcess, active: str
) -> None:
    """While it is at work, when it is cancelled, afterwards, and when it is deleted."""
    for what in ("status", "result"):
        status = 200 if what == "status" else 202
        assert_answers(document, service, "GET", f"/job/{{job_id}}/{what}", status, job_id=active)
    assert_answers(document, service, "DELETE", "/job/{job_id}", 200, job_id=active)
    assert_answers(document, service, "GET", "/job/{job_id}/result", 409, job_id=active)
    messages = await service.events(active)
    assert_answers(document, service, "DELETE", "/job/{job_id}", 200, job_id=active)
    assert_answers(document, service, "DELETE", "/job/{job_id}", 404, job_id=active)

    assert messages[-1]["type"] == "cancelled"
    for message in messages:
        assert_described(message, "Event", document["components"]["schemas"])


async def test_the_messages_of_jobs_that_have_ended(
    document: Json, service: ServiceProcess, finished: str, failed: str
) -> None:
    """Each is one kind of event."""
    messages = [*await service.events(finished), *await service.events(failed)]

    kinds = {"snapshot", "waiting", "active", "progress", "words", "completed", "failed"}
    assert {message["type"] for message in messages} == kinds
    for message in messages:
        assert_described(message, "Event", document["components"]["schemas"])


def test_the_answers_about_the_service(
    document: Json, service: ServiceProcess, finished: str, failed: str
) -> None:
    """Its jobs, its health and its figures; and the start of a job, with an unknown option."""
    begun = service.upload(service.folder / "notes.mp4", {"unheardOf": 1}).json()

    assert "warnings" in begun
    assert_described(begun, "Started", document["components"]["schemas"])
    assert_answers(document, service, "GET", "/jobs", 200)
    assert_answers(document, service, "GET", "/jobs", 422, limit="0")
    assert_answers(document, service, "GET", "/health", 200)
    assert_answers(document, service, "GET", "/metrics", 200)


def test_the_heads_of_answers_about_uploads(document: Json, service: ServiceProcess) -> None:
    """Whatever tus has there is described, on each of its routes."""
    tus = {"Tus-Resumable": "1.0.0"}
    bytes_ = tus | {"Content-Type": "application/offset+octet-stream"}
    begun = service.http.post(
        "/files", headers=tus | {"Upload-Length": "3", "Upload-Metadata": "filename YQ=="}
    )
    one = "/files/" + begun.headers["location"].rpartition("/")[2]
    answers = {
        "POST /files": begun,
        "OPTIONS /files": service.http.options("/files"),
        "HEAD /files/{upload_id}": service.http.head(one, headers=tus),
        "PATCH /files/{upload_id}": service.http.patch(
            one, content=b"a", headers=bytes_ | {"Upload-Offset": "0"}
        ),
        "DELETE /files/{upload_id}": service.http.delete(one, headers=tus),
    }

    for route, answer in answers.items():
        method, path = route.split()
        described = document["paths"][path][method.lower()]["responses"][str(answer.status_code)]["headers"]
        told = {name for name in answer.headers if name.startswith(("tus-", "upload-", "location"))}
        assert answer.is_success
        assert told <= {name.lower() for name in described}, route


def test_a_service_that_cannot_work_answers_as_described(
    document: Json, tmp_path: Path, engine: Engine
) -> None:
    """503, with what to do."""
    with ServiceProcess(tmp_path, engine.base_url, MIN_FREE_BYTES=str(1 << 60)) as ill:
        assert_answers(document, ill, "GET", "/health", 503)


def test_with_a_token_health_answers_strangers_as_described(
    document: Json, tmp_path: Path, engine: Engine
) -> None:
    """In few words; the other routes not at all."""
    with ServiceProcess(tmp_path, engine.base_url, API_TOKEN="0123456789abcdef") as closed:
        assert_answers(document, closed, "GET", "/health", 200)
        assert_answers(document, closed, "GET", "/jobs", 401)


def test_nothing_is_left_undescribed(document: Json) -> None:
    """Each parameter and each answer of each route has words, each body a schema."""
    for path, item in document["paths"].items():
        for method, route in item.items():
            parameters = route if method == "parameters" else route.get("parameters", [])
            assert all(parameter["description"] for parameter in parameters), path
            if method == "parameters":
                continue
            for status, answer in route["responses"].items():
                assert answer["description"], (path, status)
                assert all(body["schema"] for body in answer.get("content", {}).values()), (path, status)
