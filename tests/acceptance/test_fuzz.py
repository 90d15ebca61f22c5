"""Whatever is sent to the routes of the OpenAPI document: no answer is a 5xx, each error has one shape."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.core.result import Ok

from audio_tools.server.routes._tus_headers import BODY_TYPE
from tests.acceptance.service import ServiceProcess, engine_process
from tests.simulator import render, talk

schemathesis.serializer.alias(BODY_TYPE, "application/octet-stream")

OPERATIONS = [
    "POST /process-audio",
    "POST /jobs",
    "GET /job/{job_id}/status",
    "GET /job/{job_id}/result",
    "GET /job/{job_id}/events",
    "GET /job/{job_id}/export",
    "POST /job/{job_id}/export",
    "POST /job/{job_id}/cut-plan",
    "GET /job/{job_id}/peaks",
    "GET /job/{job_id}/media",
    "GET /job/{job_id}/media-address",
    "GET /job/{job_id}/preview",
    "GET /job/{job_id}/webhooks",
    "POST /job/{job_id}/restart",
    "DELETE /job/{job_id}",
    "GET /jobs",
    "GET /health",
    "GET /metrics",
    "POST /files",
    "OPTIONS /files",
    "HEAD /files/{upload_id}",
    "PATCH /files/{upload_id}",
    "DELETE /files/{upload_id}",
    "POST /v1/audio/transcriptions",
    "POST /v1/audio/translations",
    "GET /v1/models",
    "GET /v1/models/{model}",
]

OPTION_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(["chunkSize", "language", "prompt", "silenceThreshold", "model", "audioStream", "x"])


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    folder = tmp_path_factory.mktemp("fuzz")
    with (
        engine_process() as engine,
        ServiceProcess(folder, engine.base_url, MEDIA_ROOTS=str(folder)) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def job_ids(service: ServiceProcess) -> list[str]:
    """A job that went well and one that did not."""
    recording = render(talk(12.0, seed=81), service.folder / "talk.flac")
    broken = service.folder / "broken.flac"
    broken.write_bytes(b"fLaC")
    ids = [service.submit(recording), service.submit(broken)]
    for job_id in ids:
        asyncio.run(service.wait_until(job_id, "completed", "failed"))
    return ids


@pytest.fixture(scope="module")
def upload_ids(service: ServiceProcess) -> list[str]:
    """A resumable upload that has begun, and one that is whole."""
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": "3", "Content-Type": BODY_TYPE}
    answers = [service.http.post("/files", content=body, headers=headers) for body in (b"x", b"xyz")]
    return [answer.headers["Location"].rpartition("/")[2] for answer in answers]


@pytest.fixture(scope="module")
def operations(service: ServiceProcess) -> dict[str, Any]:
    schema = schemathesis.openapi.from_url(f"{service.url}/openapi.json")
    results = list(schema.get_all_operations())
    return {result.ok().label: result.ok() for result in results if isinstance(result, Ok)}


# The same examples in every run; each is a request, so how fast they come says nothing.
bounded = settings(
    max_examples=60,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

# Each of these is a job that is waited for.
few = settings(bounded, max_examples=12)


def assert_no_fault_of_ours(response: Any) -> None:
    assert response.status_code < 500, response.text
    if response.status_code >= 400 and response.request.method != "HEAD":
        body = response.json()
        if urlsplit(str(response.request.url)).path.startswith("/v1/"):
            body = {"success": False, "error": body["error"]["code"], **body["error"]}
        assert body["success"] is False, body
        assert body["error"], body
        assert body["message"], body


def test_every_route_is_known(operations: dict[str, Any]) -> None:
    """So that a new one is fuzzed too."""
    assert sorted(operations) == sorted(OPERATIONS)


@pytest.mark.parametrize("label", OPERATIONS)
def test_a_route_takes_whatever_comes(
    label: str,
    operations: dict[str, Any],
    service: ServiceProcess,
    job_ids: list[str],
    upload_ids: list[str],
) -> None:
    """Made after the OpenAPI document, and against it; on jobs and uploads that there are and on others."""
    operation = operations[label]
    known = {} if label.startswith("DELETE") else {"job_id": job_ids, "upload_id": upload_ids}

    @(few if label.startswith("POST /v1/") else bounded)
    @given(case=operation.as_strategy(), number=st.sampled_from([None, 0, 1]))
    def call(case: Any, number: int | None) -> None:
        for name in known.keys() & (case.path_parameters or {}).keys():
            if number is not None:
                case.path_parameters[name] = known[name][number]
        assert_no_fault_of_ours(case.call(base_url=service.url))

    call()


def test_options_take_whatever_comes(service: ServiceProcess) -> None:
    """Also what the document does not say: any JSON for any option, in a body of JSON."""

    @bounded
    @given(options=st.dictionaries(NAMES, OPTION_VALUES, max_size=3) | OPTION_VALUES)
    def call(options: Any) -> None:
        body = {"path": str(service.folder / "missing.flac"), "options": options}
        response = service.http.post("/process-audio", json=body)
        assert response.status_code in {400, 403}
        assert_no_fault_of_ours(response)

    call()


def test_nothing_of_all_that_was_unexpected(service: ServiceProcess) -> None:
    """The service is well, and its log has no traceback; this comes last."""
    assert service.http.get("/health").json()["status"] == "ok"
    assert "Traceback" not in service.log
