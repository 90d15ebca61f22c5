"""The routes about jobs, without workers: what becomes of uploads, errors and the interface's description."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partialmethod
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import pytest

from audio_tools.errors import ConfigError, DecodeFailed, JobNotFound, QueueUnavailable
from audio_tools.jobs import Job, JobFailure, JobRequest, Lease, SqliteQueue
from audio_tools.server.routes.health import check_ffmpeg
from audio_tools.storage import UploadStore
from audio_tools.storage.transcripts import TranscriptStore
from audio_tools.transcript import MediaInfo, Transcript
from audio_tools.worker import failure_of
from tests.server.routes.conftest import connected

TUS = {"Tus-Resumable": "1.0.0"}
UNHINDERED_S = 0.3
"""More than enough for a request that is not kept waiting."""


@pytest.fixture
async def elsewhere(queue: SqliteQueue, tmp_path: Path) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of another process' app for the same jobs and uploads: it shares nothing but the files."""
    async with connected(queue, tmp_path) as client:
        yield client


async def upload(client: httpx2.AsyncClient, content: bytes = b"media") -> str:
    """A finished resumable upload; gives its id."""
    headers = {
        **TUS,
        "Upload-Length": str(len(content)),
        "Upload-Metadata": f"filename {base64.b64encode(b'talk.mov').decode()}",
        "Content-Type": "application/offset+octet-stream",
    }
    response = await client.post("/files", content=content, headers=headers)
    assert response.status_code == 201, response.text
    return response.headers["Location"].rpartition("/")[2]


async def start(client: httpx2.AsyncClient, upload_id: str, **headers: str) -> httpx2.Response:
    return await client.post("/process-audio", json={"uploadId": upload_id}, headers=headers)


# Cancelling and deleting


@pytest.mark.parametrize(
    ("delete", "status", "error", "left"),
    [(None, 200, None, 0), (True, 200, None, 0), (False, 409, "job_finished", 1)],
)
async def test_a_job_that_ends_while_it_is_cancelled(
    *,
    delete: bool | None,
    status: int,
    error: str | None,
    left: int,
    client: httpx2.AsyncClient,
    queue: SqliteQueue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its transcript is deleted only if that was asked for."""
    job_id = (await start(client, await upload(client))).json()["jobId"]
    lease = await queue.take()
    cancel = queue.cancel

    async def too_late(of: str) -> Job:
        await lease.complete({})
        return await cancel(of)

    monkeypatch.setattr(queue, "cancel", too_late)
    query = {} if delete is None else {"delete": delete}
    answer = await client.delete(f"/job/{job_id}", params=query)

    assert (answer.status_code, answer.json().get("error")) == (status, error)
    assert (await client.get("/jobs")).json()["total"] == left


async def test_a_job_is_deleted_once_its_worker_has_stopped(
    client: httpx2.AsyncClient, queue: SqliteQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until then 409; the request is repeated, and one job that waits is gone at once."""
    monkeypatch.setattr("audio_tools.backend.operations.CANCEL_WAIT_S", 0.01)
    running, waiting = [(await start(client, await upload(client))).json()["jobId"] for _ in range(2)]
    lease = await queue.take()
    early = await client.delete(f"/job/{running}", params={"delete": True})
    await lease.acknowledge_cancel()
    deleted = [await client.delete(f"/job/{each}", params={"delete": True}) for each in (running, waiting)]

    assert (early.status_code, early.json()["error"]) == (409, "job_not_finished")
    assert [answer.json()["message"] for answer in deleted] == ["Job deleted"] * 2
    assert (await client.get("/jobs")).json()["total"] == 0


# Uploads and their jobs


async def test_an_upload_without_a_byte_makes_no_job(client: httpx2.AsyncClient, queue: SqliteQueue) -> None:
    """As an empty file in a form."""
    response = await start(client, await upload(client, b""))

    assert (response.status_code, response.json()["error"]) == (400, "malformed_upload")
    assert (await queue.list()).total == 0


async def test_an_upload_has_one_job_whatever_keys_come_with_it(
    client: httpx2.AsyncClient, queue: SqliteQueue
) -> None:
    """It goes with the end of that job; a second one would find nothing."""
    upload_id = await upload(client)
    keys: list[dict[str, str]] = [{}, {"Idempotency-Key": "a"}, {"Idempotency-Key": "b"}]
    answers = [await start(client, upload_id, **headers) for headers in keys]

    assert {answer.json()["jobId"] for answer in answers} == {str(UUID(upload_id))}
    assert (await queue.list()).total == 1


async def test_a_repeat_that_meets_the_end_of_the_job_gets_the_job(
    client: httpx2.AsyncClient, queue: SqliteQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looked for the job just before the other request made it, and for the upload after its end."""
    upload_id = await upload(client)
    first = await start(client, upload_id)
    await (await queue.take()).complete({})
    shutil.rmtree(tmp_path / "uploads" / upload_id)
    get, too_early = queue.get, [JobNotFound(first.json()["jobId"])]

    async def get_later(job_id: str) -> Job:
        if too_early:
            raise too_early.pop()
        return await get(job_id)

    monkeypatch.setattr(queue, "get", get_later)
    repeat = await start(client, upload_id)

    assert not too_early
    assert (repeat.status_code, repeat.json()["jobId"]) == (200, first.json()["jobId"])


async def test_an_empty_key_is_none(client: httpx2.AsyncClient) -> None:
    """Else everybody who sends it would get the first one's job."""
    answers = [await start(client, await upload(client), **{"Idempotency-Key": ""}) for _ in range(2)]

    assert len({answer.json()["jobId"] for answer in answers}) == 2


async def test_a_job_whose_answer_was_lost_keeps_its_upload(
    client: httpx2.AsyncClient, queue: SqliteQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client is told to try again, and with its key then gets the job that was stored."""
    add = queue.add

    async def store_and_fail(*args: Any, **options: Any) -> None:
        await add(*args, **options)
        raise QueueUnavailable("the answer is lost")

    async def send() -> httpx2.Response:
        form = {"audioFile": ("talk.mov", b"media")}
        return await client.post("/process-audio", files=form, headers={"Idempotency-Key": "a"})

    with monkeypatch.context() as patched:
        patched.setattr(queue, "add", store_and_fail)
        assert (await send()).status_code == 503
    (job,) = (await queue.list()).jobs

    assert (await send()).json()["jobId"] == job.id
    assert job.upload_id
    assert (
        await UploadStore(tmp_path, max_bytes=9, min_free_bytes=0, ttl_s=60).open(job.upload_id)
    ).size == 5


async def test_nothing_is_taken_in_while_the_queue_is_away(
    client: httpx2.AsyncClient, queue: SqliteQueue, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The failure of the queue is reported, and no upload is kept."""

    async def be_away() -> str:
        raise QueueUnavailable("it is away")

    monkeypatch.setattr(queue, "check", be_away)
    response = await client.post("/process-audio", files={"audioFile": ("talk.mov", b"media")})

    assert (response.status_code, response.json()["error"]) == (503, "queue_unavailable")
    assert [*tmp_path.glob("uploads/*/*")] == []


@pytest.mark.parametrize("upload_id", ["0" * 32, "x", "", "{" + "0" * 32 + "}", "A" * 32, "../" * 9])
async def test_an_upload_that_is_not_there_makes_no_job(
    upload_id: str, client: httpx2.AsyncClient, queue: SqliteQueue
) -> None:
    """Whatever stands in its place."""
    response = await start(client, upload_id)

    assert (response.status_code, response.json()["error"]) == (404, "upload_not_found")
    assert (await queue.list()).total == 0


async def test_an_upload_at_work_cannot_be_removed(client: httpx2.AsyncClient, queue: SqliteQueue) -> None:
    """409 names the job; without a job, and after its end, it can."""
    upload_id = await upload(client)
    job_id = (await start(client, upload_id)).json()["jobId"]
    while_it_waits = await client.delete(f"/files/{upload_id}", headers=TUS)
    lease = await queue.take()
    at_work = await client.delete(f"/files/{upload_id}", headers=TUS)
    reported = await client.head(f"/files/{upload_id}", headers=TUS)
    await lease.fail(JobFailure({"code": "x", "message": "x"}))
    afterwards = await client.delete(f"/files/{upload_id}", headers=TUS)
    unused = await client.delete(f"/files/{await upload(client)}", headers=TUS)

    for refused in (while_it_waits, at_work):
        body = refused.json()
        assert (refused.status_code, body["error"]) == (409, "upload_in_use")
        assert (body["uploadId"], body["jobId"]) == (upload_id, job_id)
    assert reported.status_code == 200
    assert (afterwards.status_code, unused.status_code) == (204, 204)


class Between:
    """Another request that begins when `call` is about to run, and ends before it unless it has to wait."""

    def __init__(self, call: Callable[..., Awaitable[Any]], request: Callable[[], Any]) -> None:
        self._call, self._request = call, request

    async def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.response = asyncio.create_task(self._request())
        await asyncio.wait([self.response], timeout=UNHINDERED_S)
        return await self._call(*args, **kwargs)


async def test_an_upload_that_gets_a_job_is_not_removed_meanwhile(
    client: httpx2.AsyncClient,
    elsewhere: httpx2.AsyncClient,
    queue: SqliteQueue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who removes it waits, in another process too, and is then told of the job."""
    upload_id = await upload(client)
    other = Between(queue.add, lambda: elsewhere.delete(f"/files/{upload_id}", headers=TUS))
    monkeypatch.setattr(queue, "add", other)
    started = await start(client, upload_id)
    removed = await other.response

    assert (started.status_code, removed.status_code) == (200, 409)
    assert removed.json()["jobId"] == started.json()["jobId"]


async def test_an_upload_that_is_being_removed_gets_no_job(
    client: httpx2.AsyncClient,
    elsewhere: httpx2.AsyncClient,
    queue: SqliteQueue,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who wants to start one waits, in another process too, and finds no upload."""
    upload_id = await upload(client)
    other = Between(UploadStore.remove, lambda: start(elsewhere, upload_id))
    monkeypatch.setattr(UploadStore, "remove", partialmethod(other))
    removed = await client.delete(f"/files/{upload_id}", headers=TUS)
    started = await other.response

    assert (started.status_code, removed.status_code) == (404, 204)
    assert started.json()["error"] == "upload_not_found"
    assert (await queue.list()).total == 0


# What clients may call things


@pytest.mark.parametrize("kind", ["form", "json"])
async def test_an_unknown_option_may_be_called_anything(kind: str, client: httpx2.AsyncClient) -> None:
    """JSON may hold half of a character, which no answer can: the client learns of its job nevertheless."""
    options = {"\ud800": 1}
    if kind == "form":
        files = {"audioFile": ("a.wav", b"media")}
        response = await client.post("/process-audio", data={"options": json.dumps(options)}, files=files)
    else:
        body = json.dumps({"uploadId": await upload(client), "options": options})
        headers = {"Content-Type": "application/json"}
        response = await client.post("/process-audio", content=body, headers=headers)

    assert response.status_code == 200, response.text
    assert response.json()["warnings"] == ["The option ? is unknown and was ignored."]


async def test_a_misspelt_field_is_told_of(client: httpx2.AsyncClient) -> None:
    """Else a job runs without the options that its client believes to have sent."""
    body = {"uploadId": await upload(client), "option": {"silenceThreshold": 0.5}}
    answer = (await client.post("/process-audio", json=body)).json()

    assert answer["warnings"] == ["The field option is unknown and was ignored."]


async def test_options_that_are_null_are_none(client: httpx2.AsyncClient) -> None:
    """As JavaScript writes what is not set."""
    files = {"audioFile": ("a.wav", b"media")}
    response = await client.post("/process-audio", data={"options": "null"}, files=files)

    assert response.status_code == 200, response.text
    assert "warnings" not in response.json()


@pytest.mark.parametrize(
    ("headers", "named"), [({}, "is missing"), ({"Content-Type": "text/plain"}, "is text/plain")]
)
async def test_a_body_of_no_known_type_is_refused_with_both_ways(
    headers: dict[str, str], named: str, client: httpx2.AsyncClient
) -> None:
    """A JSON body without a Content-Type gets a hint that names JSON as well as forms."""
    response = await client.post("/process-audio", content=b'{"path": "/a"}', headers=headers)

    assert response.status_code == 415
    assert "application/json" in response.json()["message"]
    assert named in response.json()["message"]


@pytest.mark.parametrize("kind", ["Application/JSON", "application/JSON; charset=utf-8"])
async def test_a_type_may_be_written_in_capitals(kind: str, client: httpx2.AsyncClient) -> None:
    """Media types know no case."""
    body = json.dumps({"uploadId": await upload(client)})
    response = await client.post("/process-audio", content=body, headers={"Content-Type": kind})

    assert response.status_code == 200, response.text


async def test_of_very_many_unknown_options_some_are_told(client: httpx2.AsyncClient) -> None:
    """An answer stays small whatever is sent."""
    options = {f"{n:04}{'x' * 500}": n for n in range(100)}
    body = {"uploadId": await upload(client), "options": options}
    warnings = (await client.post("/process-audio", json=body)).json()["warnings"]

    assert warnings[0] == f"The option 0000{'x' * 76} is unknown and was ignored."
    assert (len(warnings), warnings[-1]) == (21, "80 more were ignored as well.")


async def test_a_file_of_the_machine_may_have_any_name(
    client: httpx2.AsyncClient, queue: SqliteQueue, tmp_path: Path
) -> None:
    """Linux lets names be bytes that are no text: the job can be looked at, and so can all others."""
    file = tmp_path / os.fsdecode(b"a\xff.wav")
    file.write_bytes(b"media")
    body = json.dumps({"path": str(file)})
    headers = {"Content-Type": "application/json"}
    started = await client.post("/process-audio", content=body, headers=headers)
    lease = await queue.take()
    await lease.fail(failure_of(DecodeFailed(f"{file.name} is empty."), lease.job))
    job = f"/job/{started.json()['jobId']}"
    status, result = await client.get(f"{job}/status"), await client.get(f"{job}/result")
    listed = await client.get("/jobs")

    assert (status.status_code, result.status_code, listed.status_code) == (200, 422, 200)
    assert status.json()["data"]["fileName"] == "a?.wav"
    assert result.json()["message"] == listed.json()["jobs"][0]["error"] == "a?.wav is empty."


async def test_a_transcript_of_a_file_with_any_name_can_be_fetched(
    client: httpx2.AsyncClient, queue: SqliteQueue, tmp_path: Path
) -> None:
    """As a file that is called nearly so."""
    job = (await queue.add(JobRequest({"path": "/x", "fileName": os.fsdecode(b"a\xff.wav")}))).job
    TranscriptStore(tmp_path).put(
        job.id, Transcript((), (), (), 1.0, 1, 100.0, "", None, "", "", MediaInfo("", None))
    )
    await (await queue.take()).complete({})
    status = await client.get(f"/job/{job.id}/status")
    response = await client.get(f"/job/{job.id}/export", params={"format": "txt"})

    assert (status.status_code, response.status_code) == (200, 200)
    assert status.json()["data"]["fileName"] == "a?.wav"
    assert "filename*=UTF-8''a%3F.txt" in response.headers["Content-Disposition"]


# Errors of jobs


@pytest.fixture
async def lease(client: httpx2.AsyncClient, queue: SqliteQueue) -> Lease:
    """A job at work on an upload."""
    await start(client, await upload(client))
    return await queue.take()


MESSAGES = [
    ("media is empty.", "talk.mov is empty."),
    ("media cannot be read as media: no.", "talk.mov cannot be read as media: no."),
    ("Audio stream 0 of media cannot be decoded: x.", "Audio stream 0 of talk.mov cannot be decoded: x."),
    ("The file has no audio stream.", "The file has no audio stream."),
    ("multimedia", "multimedia"),
]


@pytest.mark.parametrize(("ours", "theirs"), MESSAGES)
async def test_an_error_calls_an_upload_as_the_client_does(
    ours: str, theirs: str, lease: Lease, client: httpx2.AsyncClient
) -> None:
    """Not by the name that it has on the disk; and it has no empty hint."""
    await lease.fail(failure_of(DecodeFailed(ours), lease.job))
    status = (await client.get(f"/job/{lease.job.id}/status")).json()
    result = (await client.get(f"/job/{lease.job.id}/result")).json()

    assert status["error"] == result["message"] == theirs
    assert "hint" not in result


async def test_a_file_of_the_machine_keeps_its_name(queue: SqliteQueue) -> None:
    """Even if it is called media."""
    job = (await queue.add(JobRequest({"path": "/srv/media", "fileName": "other"}))).job

    assert failure_of(DecodeFailed("media is empty."), job).message == "media is empty."


# What describes the interface


async def test_a_body_with_two_files_is_refused(client: httpx2.AsyncClient, tmp_path: Path) -> None:
    """It is not clear which of them is meant."""
    (tmp_path / "a.wav").write_bytes(b"x")
    body = {"path": str(tmp_path / "a.wav"), "uploadId": await upload(client)}
    response = await client.post("/jobs", json=body)

    assert (response.status_code, response.json()["error"]) == (400, "malformed_request")


async def test_the_document_knows_bodies_statuses_and_resumable_uploads(client: httpx2.AsyncClient) -> None:
    """Also those that no framework can find out."""
    document = (await client.get("/openapi.json")).json()
    paths = document["paths"]
    begun = paths["/process-audio"]["post"]

    assert set(begun["requestBody"]["content"]) == {"multipart/form-data"}
    assert set(paths["/jobs"]["post"]["requestBody"]["content"]) == {"application/json"}
    assert {"200", "400", "401", "403", "404", "408", "409", "413", "415", "507"} <= set(begun["responses"])
    assert {"202", "404", "409", "422", "502", "507"} <= set(
        paths["/job/{job_id}/result"]["get"]["responses"]
    )
    assert set(paths["/files"]) == {"post", "options"}
    assert set(paths["/files/{upload_id}"]) == {"parameters", "head", "patch", "delete"}
    assert {"404", "409", "423", "460", "507"} <= set(paths["/files/{upload_id}"]["patch"]["responses"])
    assert all(_error_bodies(paths))


def _error_bodies(paths: dict[str, Any]) -> list[bool]:
    """For each status that is an error, whether its body has our shape; bad health is no error."""
    ours = {"$ref": "#/components/schemas/ErrorBody"}
    return [
        answer["content"]["application/json"]["schema"] == ours
        for path, item in paths.items()
        for method, route in item.items()
        if method != "parameters"
        for status, answer in route["responses"].items()
        if status != "default" and int(status) >= 400 and (path, status) != ("/health", "503")
    ]


# Health


async def test_a_missing_reader_of_media_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg's libraries are named with their version; without them the check fails."""
    assert "PyAV" in await check_ffmpeg()
    monkeypatch.setitem(sys.modules, "av", None)

    with pytest.raises(ConfigError, match="PyAV"):
        await check_ffmpeg()


async def test_a_long_list_is_sent_in_pieces(client: httpx2.AsyncClient, queue: SqliteQueue) -> None:
    """Between two of them others have their turn; put together they are one list, odd names included."""
    for number in range(120):
        await queue.add(JobRequest({"fileName": f"\udcff{number}.mp4"}))
    pieces: list[bytes] = []
    async with client.stream("GET", "/jobs") as response:
        async for piece in response.aiter_raw():
            pieces.append(piece)
    record = json.loads(b"".join(pieces))

    assert [job["data"]["fileName"] for job in record["jobs"]] == [f"?{119 - n}.mp4" for n in range(120)]
    assert record["total"] == 120
    assert (await client.get("/jobs", params={"state": "failed"})).json() == {"jobs": [], "total": 0}
