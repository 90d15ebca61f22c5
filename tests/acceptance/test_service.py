"""Every route, state and error of the HTTP interface, asked of the real service."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest

from audio_tools.errors import PathRefused, QueueUnavailable
from audio_tools.media.allowed_paths import resolve_media
from audio_tools.server.routes.health import health
from audio_tools.transcript import Json
from tests.acceptance.service import Engine, ServiceProcess, end_all_jobs, transcript_files
from tests.acceptance.truth import assert_true
from tests.simulator import render, talk

SCRIPT = talk(25.0, seed=41)
STATUS_FIELDS = {
    *("jobId", "state", "progress", "data", "result", "error", "errorCode", "message", "stage"),
    *("etaSeconds", "createdAt", "startedAt", "finishedAt", "attempts", "waiting", "hint"),
    "restartable",
}


@pytest.fixture(scope="module")
def recording(folder: Path) -> Path:
    """Under the media root; the engine answers it at once, and from the second job on the store does."""
    (folder / "media").mkdir()
    return render(SCRIPT, folder / "media" / "talk.flac")


@pytest.fixture(scope="module")
def service(folder: Path, engine: Engine, recording: Path) -> Iterator[ServiceProcess]:
    """One worker, so that a second job waits."""
    settings = {"WORKERS": "1", "MEDIA_ROOTS": str(folder / "media"), "MAX_UPLOAD_BYTES": "10000000"}
    with ServiceProcess(folder, engine.base_url, **settings) as running:
        yield running


@pytest.fixture
async def failed(service: ServiceProcess, tmp_path: Path) -> str:
    """The id of a job on what is no media."""
    text = tmp_path / "notes.mp4"
    text.write_text("This is no film.")
    job_id = service.submit(text)
    await service.wait_until(job_id, "failed")
    return job_id


@pytest.fixture
async def active(service: ServiceProcess, engine: Engine, tmp_path: Path) -> Any:
    """The id of a job whose engine does not answer; it is cancelled after the test, with all others."""
    unheard = render(talk(25.0, seed=42), tmp_path / "unheard.flac")
    with engine.never_answering():
        job_id = service.submit(unheard)
        await service.wait_for(job_id, lambda event: event.get("stage") == "decode")
        yield job_id
        end_all_jobs(service)


def assert_error(response: httpx2.Response, status: int, code: str, *words: str) -> Json:
    """One shape for every error; gives the body."""
    body: Json = response.json()
    assert (response.status_code, body["success"], body["error"]) == (status, False, code), body
    assert response.headers["content-type"] == "application/json"
    for word in words:
        assert word in body["message"]
    return body


@pytest.mark.parametrize(
    "path", ["/health", "/jobs", "/job/{}/result", "/job/{}/export?format=srt", "/job/none/status"]
)
def test_head_is_the_head_of_get(path: str, service: ServiceProcess, finished: str) -> None:
    """The same status and headers, without the body."""
    head, get = (service.http.request(method, path.format(finished)) for method in ("HEAD", "GET"))

    assert (head.status_code, head.content) == (get.status_code, b"")
    for name in ("content-type", "content-length"):
        assert head.headers.get(name) == get.headers.get(name)


# Starting a job


@pytest.mark.parametrize("order", [("options", "audioFile"), ("audioFile", "options")])
async def test_a_form_starts_a_job_wherever_its_options_stand(
    order: tuple[str, str], service: ServiceProcess, recording: Path
) -> None:
    """The transcript is the truth, the options are taken, and the upload goes when the job ends."""
    parts: Any = {
        "options": (None, json.dumps({"silenceThreshold": 3.5, "language": "en"})),
        "audioFile": ("My Talk.flac", recording.read_bytes()),
    }
    response = service.http.post("/process-audio", files=[(name, parts[name]) for name in order])
    answer = response.json()
    status = await service.wait_until(answer["jobId"], "completed")

    assert set(answer) == {"success", "jobId", "message", "websocketUrl"}
    assert answer["success"] is True
    assert status["data"]["fileName"] == "My Talk.flac"
    assert status["data"]["fileSize"] == recording.stat().st_size
    assert status["data"]["options"]["silenceThreshold"] == 3.5
    assert [word["word"] for word in status["result"]["words"]] == [word.text for word in SCRIPT.words]
    assert all(silence["duration"] >= 3.5 for silence in status["result"]["silenceSegments"])
    assert service.files("uploads") == []


async def test_a_path_under_the_media_roots_starts_a_job(service: ServiceProcess, recording: Path) -> None:
    """Without an upload; the reply does not say where the file lies, and the file stays."""
    job_id = service.http.post("/process-audio", json={"path": str(recording)}).json()["jobId"]
    status = await service.wait_until(job_id, "completed")

    assert_true(service.transcript(job_id), SCRIPT)
    assert (status["data"]["fileName"], "path" in status["data"]) == ("talk.flac", False)
    assert recording.exists()


@pytest.mark.parametrize(
    "path",
    [
        "{media}/missing.flac",
        "{media}",
        "{media}/folder",
        "{media}/out.flac",
        "{media}/../secret.flac",
        "{folder}/secret.flac",
        "/etc/passwd",
        "/dev/zero",
        "media/talk.flac",
        "talk.flac",
        "",
        "file://{media}/talk.flac",
        "http://127.0.0.1:1/talk.flac",
        "//server/share/talk.flac",
        "\\\\server\\share\\talk.flac",
        "{media}/talk.flac\0",
        "{media}/\ud800.flac",
        "{media}/" + "x" * 5000,
    ],
)
def test_other_paths_all_get_one_answer(
    path: str, service: ServiceProcess, folder: Path, recording: Path
) -> None:
    """There or not, link out, folder, device, relative, URL, UNC: the reply does not reveal what exists."""
    media = folder / "media"
    (folder / "secret.flac").touch()
    (media / "folder").mkdir(exist_ok=True)
    if not (media / "out.flac").is_symlink():
        (media / "out.flac").symlink_to(folder / "secret.flac")
    body = json.dumps({"path": path.format(media=media, folder=folder)})
    headers = {"Content-Type": "application/json"}
    response = service.http.post("/process-audio", content=body, headers=headers)

    assert_error(response, 403, "path_refused", "The path does not name a file under MEDIA_ROOTS.")


def test_without_media_roots_no_path_is_taken(recording: Path) -> None:
    """And the hint says what to set."""
    with pytest.raises(PathRefused) as caught:
        resolve_media(str(recording), ())

    assert "MEDIA_ROOTS" in caught.value.hint


def tus_upload(service: ServiceProcess, data: bytes, *, length: int | None = None) -> str:
    """Create a resumable upload with its first bytes; gives its id."""
    name = base64.b64encode("Süd.flac".encode()).decode()
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": str(len(data) if length is None else length),
        "Upload-Metadata": f"filename {name}",
        "Content-Type": "application/offset+octet-stream",
    }
    response = service.http.post("/files", content=data, headers=headers)
    assert response.status_code == 201, response.text
    return str(response.headers["Location"]).rpartition("/")[2]


async def test_a_finished_resumable_upload_starts_one_job(service: ServiceProcess, recording: Path) -> None:
    """Named again, while the job runs or after it has ended, it gives the same job."""
    body = {"uploadId": tus_upload(service, recording.read_bytes())}
    first = service.http.post("/process-audio", json=body).json()["jobId"]
    second = service.http.post("/process-audio", json=body).json()["jobId"]
    status = await service.wait_until(first, "completed")
    third = service.http.post("/process-audio", json=body).json()["jobId"]

    assert first == second == third
    assert status["data"]["fileName"] == "Süd.flac"
    assert service.files("uploads") == []


def test_an_upload_that_is_not_there_or_not_whole_starts_none(service: ServiceProcess) -> None:
    """An unknown upload is 404 and an unfinished one 409, with its offset and length."""
    unknown = service.http.post("/process-audio", json={"uploadId": "0" * 32})
    strange = service.http.post("/process-audio", json={"uploadId": "../../etc/passwd"})
    part = tus_upload(service, b"half", length=8)
    unfinished = service.http.post("/process-audio", json={"uploadId": part})
    service.http.delete(f"/files/{part}", headers={"Tus-Resumable": "1.0.0"})

    assert_error(unknown, 404, "upload_not_found")
    assert_error(strange, 404, "upload_not_found")
    body = assert_error(unfinished, 409, "upload_unfinished")
    assert (body["offset"], body["length"]) == (4, 8)


async def test_options_that_we_do_not_know_are_ignored_with_a_warning(
    service: ServiceProcess, recording: Path
) -> None:
    """Old clients send extras."""
    answer = service.upload(recording, {"useVad": True, "quality": "high", "channels": 1}).json()
    await service.wait_until(answer["jobId"], "completed")

    assert answer["success"] is True
    assert answer["warnings"] == [
        f"The option {name} is unknown and was ignored." for name in ("quality", "useVad")
    ]


BAD_OPTIONS = [
    ("maxConcurrent", 0, "from 1 to 64"),
    ("maxConcurrent", "5", "a whole number"),
    ("chunkSize", 1, "from 65536 to 1073741824"),
    ("rateLimitDelay", -1, "from 0 to 600000"),
    ("silenceThreshold", "loud", "a number from 0.3 to 3600"),
    ("sampleRate", 44100.5, "from 8000 to 48000"),
    ("channels", 6, "from 1 to 2"),
    ("audioFormat", "aiff", "one of flac, wav, mp3, ogg, opus"),
    ("language", "English", "like en"),
    ("wordTimestamps", "yes", "true or false"),
]


@pytest.mark.parametrize(("option", "value", "allowed"), BAD_OPTIONS)
def test_a_bad_option_is_named_with_its_value_and_range(
    option: str, value: Any, allowed: str, service: ServiceProcess, recording: Path
) -> None:
    """Whichever way the file comes; nothing of an upload stays."""
    form = service.upload(recording, {option: value})
    path = service.http.post("/process-audio", json={"path": str(recording), "options": {option: value}})

    for response in (form, path):
        body = assert_error(response, 400, "invalid_option", option, str(value))
        assert (body["option"], body["value"]) == (option, value)
        assert allowed in body["allowed"]
    assert service.files("uploads") == []


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("{", "malformed_request"),
        ("[]", "malformed_request"),
        ("null", "malformed_request"),
        ("{}", "malformed_request"),
        ('{"path": 7}', "malformed_request"),
        ('{"path": "/x", "options": []}', "malformed_request"),
        ("[" * 50_000, "malformed_request"),
        ('{"path": "' + "x" * 70_000 + '"}', "malformed_request"),
    ],
)
def test_a_json_body_that_makes_no_sense_is_refused(content: str, code: str, service: ServiceProcess) -> None:
    """Broken, of another form, too deep, too large: 400 in our shape."""
    headers = {"Content-Type": "application/json"}
    assert_error(service.http.post("/process-audio", content=content, headers=headers), 400, code)


@pytest.mark.parametrize(
    ("files", "status", "code"),
    [
        ({"options": (None, "{}")}, 400, "malformed_upload"),
        ({"audioFile": ("a.wav", b"")}, 400, "malformed_upload"),
        ({"options": (None, "{"), "audioFile": ("a.wav", b"x")}, 400, "malformed_request"),
        ({"audioFile": ("a.wav", b"x"), "options": (None, "[]")}, 400, "malformed_request"),
        ({"other": ("a.wav", b"x")}, 400, "malformed_upload"),
        ({"options": (None, "x" * 1_000_000), "audioFile": ("a.wav", b"x")}, 413, "upload_too_large"),
        ({"audioFile": ("a.wav", b"x" * 10_000_001)}, 413, "upload_too_large"),
    ],
)
def test_a_form_that_makes_no_sense_is_refused(
    files: Any, status: int, code: str, service: ServiceProcess
) -> None:
    """And nothing of it stays."""
    assert_error(service.http.post("/process-audio", files=files), status, code)
    assert service.files("uploads") == []


def test_another_kind_of_body_is_refused(service: ServiceProcess) -> None:
    """415, with what should have come."""
    response = service.http.post("/process-audio", content=b"abc", headers={"Content-Type": "text/plain"})

    assert_error(response, 415, "unsupported_media_type", "multipart/form-data")


def test_a_key_gives_one_job_however_often_it_comes(
    service: ServiceProcess, recording: Path, active: str
) -> None:
    """One after the other and all at once; of the other uploads nothing stays."""

    def post(_: int) -> str:
        response = service.upload(recording, headers={"Idempotency-Key": "take 7"})
        assert response.status_code == 200, response.text
        job_id: str = response.json()["jobId"]
        return job_id

    before = len(service.files("uploads"))
    with ThreadPoolExecutor(5) as threads:
        ids = [*threads.map(post, range(5)), post(6)]

    assert len(set(ids)) == 1
    assert len(service.files("uploads")) - before == len(["media", "upload.json"])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_the_websocket_has_the_host_that_the_client_used(
    host: str, service: ServiceProcess, recording: Path
) -> None:
    """And its own port."""
    url = f"http://127.0.0.1:{service.port}/process-audio"
    response = httpx2.post(url, json={"path": str(recording)}, headers={"Host": f"{host}:{service.port}"})
    answer = response.json()

    assert answer["websocketUrl"] == f"ws://{host}:{service.ws_port}/?jobId={answer['jobId']}"


# How a job is doing


async def test_a_completed_job(service: ServiceProcess, finished: str) -> None:
    """Status and result hold the transcript; the progress is 100, nothing is left to do."""
    status = service.status(finished)
    result = service.http.get(f"/job/{finished}/result").json()

    assert set(status) == STATUS_FIELDS
    assert (status["state"], status["progress"], status["error"]) == ("completed", 100.0, None)
    assert status["createdAt"] <= status["startedAt"] <= status["finishedAt"]
    assert status["createdAt"].endswith("+00:00")
    assert (status["message"], status["etaSeconds"]) == ("Done", 0)
    assert result == {"success": True, "result": status["result"]}
    assert_true(service.transcript(finished), SCRIPT)


async def test_an_active_and_a_waiting_job(service: ServiceProcess, recording: Path, active: str) -> None:
    """They have no result yet: 202. The second waits for the one worker."""
    waiting = service.submit(recording)
    at_work, in_line = service.status(active), service.status(waiting)
    results = [service.http.get(f"/job/{job_id}/{what}") for job_id in (active, waiting) for what in RESULTS]

    assert set(at_work) == set(in_line) == STATUS_FIELDS
    assert (at_work["state"], at_work["attempts"], at_work["result"]) == ("active", 1, None)
    assert at_work["message"]
    assert at_work["stage"] in {"decode", "transcribe"}
    assert (in_line["state"], in_line["attempts"], in_line["startedAt"]) == ("waiting", 0, None)
    assert [response.status_code for response in results] == [202] * 4
    assert [response.json()["state"] for response in results] == ["active"] * 2 + ["waiting"] * 2
    assert results[0].json().keys() == {"success", "message", "state"}


RESULTS = ("result", "export?format=srt")


async def test_a_failed_job(service: ServiceProcess, failed: str) -> None:
    """Its result is the error, with the error's own status; its upload is gone."""
    status = service.status(failed)

    assert set(status) == STATUS_FIELDS
    assert (status["state"], status["result"], status["errorCode"]) == ("failed", None, "probe_failed")
    assert "media" in status["error"]
    for what in RESULTS:
        body = assert_error(service.http.get(f"/job/{failed}/{what}"), 422, "probe_failed", status["error"])
        assert body["retryable"] is False
    assert service.files("uploads") == []


async def test_a_cancelled_job(service: ServiceProcess, active: str) -> None:
    """It has no result, and never will: 409."""
    service.http.delete(f"/job/{active}")
    status = service.status(active)

    assert set(status) == STATUS_FIELDS
    assert (status["state"], status["result"], status["error"]) == ("cancelled", None, None)
    for what in RESULTS:
        body = assert_error(service.http.get(f"/job/{active}/{what}"), 409, "job_cancelled")
        assert body["jobId"] == active


@pytest.mark.parametrize(
    ("name", "kind", "start"),
    [
        ("json", "application/json", "{"),
        ("srt", "application/x-subrip; charset=utf-8", "1\n00:00:0"),
        ("vtt", "text/vtt; charset=utf-8", "WEBVTT"),
        ("txt", "text/plain; charset=utf-8", "w00000"),
    ],
)
def test_a_transcript_can_be_had_as_a_file(
    name: str, kind: str, start: str, service: ServiceProcess, finished: str
) -> None:
    """Of the right type and name."""
    response = service.http.get(f"/job/{finished}/export", params={"format": name})

    assert (response.status_code, response.headers["content-type"]) == (200, kind)
    assert f'filename="talk.{name}"' in response.headers["content-disposition"]
    assert response.text.replace("\r\n", "\n").startswith(start)


@pytest.mark.parametrize("name", ["docx", "srt,vtt", "", "../srt"])
def test_there_are_no_other_files(name: str, service: ServiceProcess, finished: str) -> None:
    """400, with those that there are."""
    response = service.http.get(f"/job/{finished}/export", params={"format": name})

    assert_error(response, 400, "invalid_option", "json, srt, vtt, txt")


async def test_the_list_of_jobs_is_in_order_and_comes_in_pages(
    service: ServiceProcess, finished: str, failed: str, active: str
) -> None:
    """Unfinished jobs first, then the newest; numbers count from 1; a state or several choose."""
    everything = service.http.get("/jobs").json()
    numbers = [job["id"] for job in everything["jobs"]]
    page = service.http.get("/jobs", params={"limit": 2, "offset": 1}).json()
    chosen = service.http.get("/jobs", params={"state": ["failed", "active"]}).json()
    beyond = service.http.get("/jobs", params={"offset": 1000}).json()

    ended = [job["state"] in {"completed", "failed", "cancelled"} for job in everything["jobs"]]
    assert list(zip(ended, numbers, strict=True)) == sorted(
        zip(ended, numbers, strict=True), key=lambda job: (job[0], -job[1])
    )
    assert everything["total"] == len(numbers)
    fields = {
        *("id", "jobId", "state", "progress", "data", "message", "etaSeconds", "error", "hint"),
        *("restartable", "result", "createdAt", "startedAt", "finishedAt"),
    }
    assert set(everything["jobs"][0]) == fields
    assert page == {"jobs": everything["jobs"][1:3], "total": everything["total"]}
    assert {job["jobId"] for job in chosen["jobs"]} >= {failed, active}
    assert {job["state"] for job in chosen["jobs"]} == {"failed", "active"}
    assert chosen["total"] == len(chosen["jobs"])
    assert beyond == {"jobs": [], "total": everything["total"]}


# Cancelling and deleting


async def test_a_waiting_job_is_cancelled(service: ServiceProcess, recording: Path, active: str) -> None:
    """And its upload is gone."""
    before = service.files("uploads")
    waiting = service.submit(recording)
    response = service.http.delete(f"/job/{waiting}")

    assert response.json() == {"success": True, "message": "Job cancelled successfully"}
    assert service.status(waiting)["state"] == "cancelled"
    assert service.files("uploads") == before


async def test_an_active_job_is_cancelled_once_and_then_deleted(service: ServiceProcess, active: str) -> None:
    """The second DELETE forgets it, the third finds nothing."""
    answers = [service.http.delete(f"/job/{active}") for _ in range(3)]

    assert answers[0].json() == {"success": True, "message": "Job cancelled successfully"}
    assert answers[1].json() == {"success": True, "message": "Job deleted"}
    assert_error(answers[2], 404, "job_not_found", active)
    assert service.files("uploads") == []


async def test_two_at_once_may_cancel_a_job(service: ServiceProcess, active: str) -> None:
    """Neither is told of an error."""
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda _: service.http.delete(f"/job/{active}"), range(2)))

    assert [answer.status_code for answer in answers] == [200, 200]


async def test_a_finished_job_is_deleted_with_all_its_data(service: ServiceProcess, recording: Path) -> None:
    """Nothing knows of it any more."""
    job_id = service.submit(recording)
    await service.wait_until(job_id, "completed")
    before = service.files("transcripts")
    response = service.http.delete(f"/job/{job_id}")

    assert response.json() == {"success": True, "message": "Job deleted"}
    gone = set(before) - set(service.files("transcripts"))
    assert gone == set(transcript_files([job_id]))
    for what in ("status", *RESULTS):
        assert_error(service.http.get(f"/job/{job_id}/{what}"), 404, "job_not_found", job_id)


# The service itself


def test_a_service_that_can_work_says_so(service: ServiceProcess) -> None:
    """Every part of it, in a few words."""
    response = service.http.get("/health")
    body = response.json()

    assert (response.status_code, body["status"]) == (200, "ok")
    assert set(body) == {"status", "timestamp", "version", "checks"}
    assert set(body["checks"]) == {"queue", "ffmpeg", "engine", "aligner", "disk"}
    assert all(check["ok"] for check in body["checks"].values())


@pytest.mark.parametrize(
    "error", [QueueUnavailable("the queue is closed", hint="Open it."), OSError(5, "Input/output error")]
)
async def test_a_service_that_cannot_work_says_why(error: Exception) -> None:
    """503; the other checks are told all the same."""

    async def fail() -> str:
        raise error

    async def pass_() -> str:
        return "fine"

    response = await health({"queue": fail, "disk": pass_}, in_full=True)
    body = json.loads(bytes(response.body))

    assert (response.status_code, body["status"]) == (503, "unavailable")
    assert body["checks"]["queue"]["ok"] is False
    assert body["checks"]["queue"]["message"] in {"the queue is closed", "Input/output error"}
    assert body["checks"]["disk"] == {"ok": True, "message": "fine"}


def test_too_little_room_is_no_good_health(tmp_path: Path, engine: Engine) -> None:
    """503 names the disk, and what to set."""
    with ServiceProcess(tmp_path, engine.base_url, MIN_FREE_BYTES=str(1 << 60)) as service:
        response = service.http.get("/health")

    assert response.status_code == 503
    assert response.json()["checks"]["disk"]["ok"] is False
    assert "DATA_DIR" in response.json()["checks"]["disk"]["hint"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"OPENAI_API_KEY": ""}, "The openai engine requires an API key."),
        ({"ENGINE": "whisper", "WHISPER_MODEL": "/no/model"}, "No Whisper model found in /no/model."),
    ],
)
def test_an_engine_that_cannot_start_is_no_good_health(
    settings: dict[str, str], message: str, tmp_path: Path, engine: Engine
) -> None:
    """503 with the reason that each job would fail for; the log says it at the start."""
    with ServiceProcess(tmp_path, engine.base_url, **settings) as service:
        response = service.http.get("/health")

    assert response.status_code == 503
    assert response.json()["checks"]["engine"]["message"] == message
    assert message in service.log


def test_metrics_count_jobs_media_and_money(service: ServiceProcess, finished: str) -> None:
    """In Prometheus' text form."""
    assert service.metric('audio_tools_jobs_ended_total{state="completed"}') >= 1
    assert service.metric('audio_tools_jobs{state="completed"}') >= 1
    assert service.metric("audio_tools_media_seconds_total") >= SCRIPT.seconds
    assert service.metric('audio_tools_engine_calls_total{engine="openai"}') >= 1
    assert service.metric('audio_tools_engine_seconds_total{engine="openai"}') > 1
    assert service.metric('audio_tools_cost_usd_total{engine="openai"}') > 0
    # What did not happen yet is there as 0, so that its first time is an increase.
    assert 'audio_tools_engine_calls_total{engine="whisper"} 0.0' in service.http.get("/metrics").text


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/job/unknown/status", 404, "job_not_found"),
        ("GET", "/job/%2e%2e%2fx/result", 404, "not_found"),
        ("DELETE", "/job/unknown", 404, "job_not_found"),
        ("GET", "/process-audio", 405, "method_not_allowed"),
        ("PUT", "/jobs", 405, "method_not_allowed"),
        ("GET", "/jobs?limit=0", 422, "invalid_request"),
        ("GET", "/jobs?limit=many", 422, "invalid_request"),
        ("GET", "/jobs?offset=-1", 422, "invalid_request"),
        ("GET", "/jobs?offset=1" + "0" * 40, 422, "invalid_request"),
        ("GET", "/jobs?state=sleeping", 422, "invalid_request"),
        ("GET", "/job/unknown/export", 422, "invalid_request"),
    ],
)
def test_what_makes_no_sense_has_one_shape_of_answer(
    method: str, path: str, status: int, code: str, service: ServiceProcess
) -> None:
    """The error has one shape, whether the service or the framework refuses it."""
    assert_error(service.http.request(method, path), status, code)
