"""The JavaScript client in Node, against the real service, which is killed at its work."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.service import Engine, ServiceProcess, end_all_jobs
from tests.clients.conftest import FLAGS, Start, digest, stored, wait_for_unread
from tests.simulator import Script

pytestmark = pytest.mark.slow


def test_an_upload_outlives_the_service(
    start: Start, service: ServiceProcess, film: Path, engine: Engine
) -> None:
    """Killed in the middle of a request and started again, the service gets each byte once, in its place."""
    with engine.never_answering():
        program = start("upload.mjs", service.url, film)
        start_of_piece = program.read_until("half")[-1]["start"]
        service.signal(signal.SIGSTOP)  # what is sent now stays in buffers
        program.go_on()
        wait_for_unread(service)
        service.kill()
        retried = program.read_until("retry")[-1]
        service.start()
        news = program.read_until("started")

        assert digest(stored(service, news[-1]["uploadId"])) == digest(film)
        end_all_jobs(service)
    sent = [item["sentBytes"] for item in news if item["kind"] == "sent"]
    assert retried == {"kind": "retry", "code": "connection_failed", "attempt": 1}
    assert sent[0] >= start_of_piece, "it did not start all over again"
    assert sent[-1] == film.stat().st_size


def test_an_upload_outlives_its_program(
    start: Start, service: ServiceProcess, film: Path, engine: Engine
) -> None:
    """With the address that it was given, another program resumes where the first one was killed."""
    with engine.never_answering():
        first = start("upload.mjs", service.url, film)
        news = first.read_until("half")
        first.kill()
        second = start("upload.mjs", service.url, film, news[0]["address"]).read_until("started")

        assert digest(stored(service, second[-1]["uploadId"])) == digest(film)
        end_all_jobs(service)
    sent = [item["sentBytes"] for item in second if item["kind"] == "sent"]
    assert news[0]["address"] == f"{service.url}/files/{second[-1]['uploadId']}"
    assert sent[0] == news[-1]["start"]


def test_an_upload_of_another_file_is_not_continued(
    start: Start, service: ServiceProcess, film: Path, recording: Path
) -> None:
    """Its size is not that of the upload."""
    program = start("upload.mjs", service.url, film)
    address = program.read_until("half")[0]["address"]
    error = start("upload.mjs", service.url, recording, address).read()

    assert (error["name"], error["code"]) == ("UploadError", "upload_mismatch")
    assert error["hint"]


def test_an_upload_that_is_gone_starts_anew(start: Start, service: ServiceProcess, film: Path) -> None:
    """It gets a new address, which is reported."""
    news = start("upload.mjs", service.url, film, f"{service.url}/files/gone").read_until("started")
    addresses = [item["address"] for item in news if item["kind"] == "url"]

    assert addresses == [f"{service.url}/files/{news[-1]['uploadId']}"]


def test_uploads_are_paused_cancelled_and_stopped(start: Start, service: ServiceProcess, film: Path) -> None:
    """A pause keeps what was sent, a signal too; a cancelled upload is gone from the service."""
    done = start("pause.mjs", service.url, film).read()

    assert done["states"] == [
        *("paused", "paused", True, "done"),
        *("upload_cancelled", "cancelled", ""),
        *("aborted", "ready", "done"),
    ]
    assert not stored(service, done["cancelled"]).exists()
    for upload_id in done["finished"]:
        assert digest(stored(service, upload_id)) == digest(film)


def test_a_token_opens_events(
    start: Start, recording: Path, engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By WebSocket and by server-sent events; without it the error names the token."""
    token = "a-token-that-is-long-enough"
    with ServiceProcess(tmp_path, engine.base_url, API_TOKEN=token) as service:
        service.http.headers["Authorization"] = f"Bearer {token}"
        job_id = service.submit(recording)
        refused = start("follow.mjs", service.url, job_id).read_error()
        assert "websocket opened" not in service.log, "it would wait there for the token"
        monkeypatch.setenv("TOKEN", token)
        names = ("websocket", "sse", "polling")
        for program in [start("follow.mjs", service.url, job_id, name) for name in names]:
            news = program.read_until("done")
            assert news[-1]["words"]
            assert "retry" not in [item["kind"] for item in news]

    assert (refused["code"], refused["status"]) == ("unauthorized", 401)
    assert refused["hint"]


def test_events_outlive_the_service(
    start: Start, service: ServiceProcess, recording: Path, engine: Engine, script: Script
) -> None:
    """
    Killed between two chunks and started again, it reports each event once, and no word is lost.

    So it is with a WebSocket, with server-sent events (what Node 20 has by itself), and with long polling.
    """
    engine.set(latency={"base_s": 0.3})
    job_id = service.submit(recording, {"maxConcurrent": 1, "prompt": "anew"})
    programs = {
        "websocket": start("follow.mjs", service.url, job_id, "websocket"),
        "sse": start("follow.mjs", service.url, job_id, flags=["--no-experimental-websocket"]),
        "polling": start("follow.mjs", service.url, job_id, "polling"),
    }
    before = {name: program.read_until("words") for name, program in programs.items()}
    service.kill()
    for name, program in programs.items():
        before[name] += program.read_until("retry")
    service.start()
    after = {name: program.read_until("done") for name, program in programs.items()}
    engine.set(latency={})

    words = [word.text for word in script.words]
    for name in programs:
        seen = [item["event"] for item in [*before[name], *after[name]] if "event" in item]
        ids = [event["id"] for event in seen if "id" in event]
        kinds = [event["type"] for event in seen]
        assert ids == sorted(set(ids), key=int), name
        assert kinds.count("snapshot") == kinds.count("completed") == 1, name
        assert (kinds[0], kinds[-1]) == ("snapshot", "completed"), name
        assert {word["word"] for event in seen if event["type"] == "words" for word in event["words"]} == set(
            words
        ), name
        assert after[name][-1]["words"] == words, name


def test_events_come_where_only_polling_works(start: Start, service: ServiceProcess, recording: Path) -> None:
    """After two failures each, WebSocket and server-sent events are left; every event comes once."""
    job_id = service.submit(recording, {"prompt": "polled"})
    done = start("fallback.mjs", service.url, job_id).read()

    assert done["asked"][:5] == ["websocket", "websocket", "sse", "sse", "polling"]
    assert (done["types"][0], done["types"][-1]) == ("snapshot", "completed")
    assert done["ids"] == sorted(set(done["ids"]), key=int)
    assert done["words"] == service.transcript(job_id).total_chunks


def test_a_job_that_is_unknown_ends_the_wait(start: Start, service: ServiceProcess) -> None:
    """The reason that a WebSocket does not show is an error with code, message and hint."""
    error = start("follow.mjs", service.url, "unheard-of").read()

    assert (error["name"], error["code"], error["status"]) == ("ApiError", "job_not_found", 404)
    assert error["message"]
    assert error["hint"]


def test_a_failed_job_is_an_error(start: Start, service: ServiceProcess, tmp_path: Path) -> None:
    """`wait` throws the error of the job, with its own code and status."""
    (tmp_path / "notes.mp4").write_text("This is no film.")
    job_id = service.submit(tmp_path / "notes.mp4")
    error = start("follow.mjs", service.url, job_id).read_error()

    assert (error["name"], error["code"], error["status"]) == ("ApiError", "probe_failed", 422)
    assert error["hint"]


def test_a_form_and_the_calls_of_an_unfinished_job(
    start: Start, service: ServiceProcess, recording: Path, engine: Engine
) -> None:
    """Progress counts the file, names of any kind arrive, and what does not exist yet is an error."""
    size = recording.stat().st_size
    with engine.never_answering():
        program = start("calls.mjs", service.url, recording)
        started, early, cancelled = (program.read() for _ in range(3))

    assert started["again"] == started["jobId"]
    assert (started["fileName"], started["fileSize"]) == ('täke "1".flac', size)
    assert started["warnings"] == ["The option unheardOf is unknown and was ignored."]
    assert started["sent"][-1] == [size, size]
    assert early["codes"] == [
        None,
        "job_not_finished",
        "job_not_finished",
        None,
        None,
        [],
        "job_not_found",
        "invalid_option",
    ]
    assert (cancelled["listed"], cancelled["yes"], cancelled["again"]) == (1, True, False)


def test_text_needs_nothing_of_the_host(start: Start) -> None:
    """UTF-8 and Base64 are those of Node, wherever a piece ends: UXP has no TextDecoder."""
    assert start("text.mjs").read() == {"kind": "done", "wrong": []}


def test_the_readme_works(client_js: Path, service: ServiceProcess, recording: Path, tmp_path: Path) -> None:
    """Its program transcribes a file and cuts it; nothing in it was changed."""
    (program,) = re.findall(r"```js\n(import .*?)```", (client_js / "README.md").read_text(), re.DOTALL)
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "audio-tools-client").symlink_to(client_js, target_is_directory=True)
    (tmp_path / "program.mjs").write_text(program)
    ended = subprocess.run(
        ["node", *FLAGS, "program.mjs", str(recording)],
        cwd=tmp_path,
        env={**os.environ, "AUDIO_TOOLS_URL": service.url},
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr
    assert "100 % Done" in ended.stdout
    assert "interview.xml" in ended.stdout
