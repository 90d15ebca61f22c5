"""The events of a job as server-sent events and by long polling: many, broken off, behind nginx."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path

import httpx2
import pytest

from audio_tools.jobs import JobRequest, SqliteQueue
from audio_tools.server.routes import event_stream
from audio_tools.transcript import Json
from tests.acceptance.service import Engine, ServiceProcess
from tests.acceptance.test_nginx import MAIN, find, running
from tests.ports import free_port
from tests.simulator import render, talk

SCRIPT = talk(70.0, seed=43)
"""Several chunks."""
CLIENTS = 500
BUFFERING = """\
server {{
    listen 127.0.0.1:{port};
    location / {{
        proxy_pass http://127.0.0.1:{service};
        proxy_http_version 1.1;
        proxy_set_header Host 127.0.0.1:{service};
        proxy_buffering on;
        proxy_buffers 8 1m;
        proxy_buffer_size 1m;
        proxy_busy_buffers_size 2m;
    }}
}}
"""
"""A proxy that collects answers, as nginx does unless it is told otherwise."""


@pytest.fixture(scope="module")
def recording(folder: Path) -> Path:
    return render(SCRIPT, folder / "talk.flac")


@asynccontextmanager
async def stream(url: str, job_id: str, **query: str) -> AsyncIterator[AsyncIterator[tuple[str, Json]]]:
    """The server-sent events of a job as (id, message), parsed as the HTML standard says."""
    async with (
        httpx2.AsyncClient(base_url=url, timeout=60) as http,
        http.stream("GET", f"/job/{job_id}/events", params=query) as answer,
    ):
        assert answer.status_code == 200
        assert answer.headers["content-type"].partition(";")[0] == "text/event-stream"
        yield parsed(answer.aiter_lines())


async def parsed(lines: AsyncIterator[str]) -> AsyncIterator[tuple[str, Json]]:
    last_id, data = "", ""
    async for line in lines:
        if line.startswith("id: "):
            last_id = line.removeprefix("id: ")
        elif line.startswith("data: "):
            data += line.removeprefix("data: ")
        elif line == "" and data:
            yield last_id, json.loads(data)
            data = ""


async def received(url: str, job_id: str, **query: str) -> list[tuple[str, Json]]:
    async with stream(url, job_id, **query) as events:
        return [event async for event in events]


def types(events: list[Json]) -> list[str]:
    return [event["type"] for event in events]


def without_clock(events: list[Json]) -> list[Json]:
    """The messages without the time at which the snapshot was made."""
    return [event | {"timestamp": ""} if event["type"] == "snapshot" else event for event in events]


async def test_the_messages_are_those_of_the_websocket(service: ServiceProcess, finished: str) -> None:
    """All of them in the same order, and the id of each event is its place for `after`."""
    over_websocket = await service.events(finished)
    stream = await received(service.url, finished)

    assert without_clock([event for _, event in stream]) == without_clock(over_websocket)
    assert types(over_websocket)[-1] == "completed"
    assert all(event["id"] == place for place, event in stream if "id" in event)


async def test_the_headers_keep_proxies_and_caches_out(service: ServiceProcess, finished: str) -> None:
    """HEAD has the same ones, and ends at once even while the job runs on."""
    got = service.http.get(f"/job/{finished}/events")
    for answer in (got, service.http.head(f"/job/{finished}/events")):
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["x-accel-buffering"] == "no"


async def test_head_of_a_running_job_ends_at_once(service: ServiceProcess, active: str) -> None:
    """It does not wait for the end of the job."""
    assert service.http.head(f"/job/{active}/events").status_code == 200


async def test_a_stream_is_taken_up_where_it_broke(service: ServiceProcess, finished: str) -> None:
    """By `Last-Event-ID`, which wins over `after`; after the last event there is nothing (204)."""
    every = [event for _, event in await received(service.url, finished)]
    ids = [event["id"] for event in every if "id" in event]
    route = f"/job/{finished}/events"
    middle = ids[len(ids) // 2]
    by_header = service.http.get(route, params={"after": ids[0]}, headers={"Last-Event-ID": middle}).text
    by_query = [event for _, event in await received(service.url, finished, after=middle)]
    strange = [event for _, event in await received(service.url, finished, after="never-given-out")]
    after_the_end = service.http.get(route, headers={"Last-Event-ID": ids[-1]})

    assert [line[4:] for line in by_header.splitlines() if line.startswith("id: ")] == ids[
        ids.index(middle) + 1 :
    ]
    assert [event["id"] for event in by_query if "id" in event] == ids[ids.index(middle) + 1 :]
    assert [event["id"] for event in strange if "id" in event] == ids
    assert (after_the_end.status_code, after_the_end.content) == (204, b"")


def test_an_unknown_job_is_an_error(service: ServiceProcess) -> None:
    """Not a stream: EventSource stops at any status but 200."""
    answer = service.http.get("/job/unknown/events")

    assert (answer.status_code, answer.json()["error"]) == (404, "job_not_found")


async def test_events_come_through_a_buffering_proxy_at_once(
    service: ServiceProcess, active: str, tmp_path: Path
) -> None:
    """An nginx that collects answers by default passes every event on while the job is at work."""
    nginx = find("nginx")
    port = free_port()
    (tmp_path / "nginx.conf").write_text(MAIN.format(user=tmp_path.owner()))
    (tmp_path / "site.conf").write_text(BUFFERING.format(port=port, service=service.port))
    with running(nginx, tmp_path):
        async with stream(f"http://127.0.0.1:{port}", active) as events:
            assert (await anext(events))[1]["type"] == "snapshot"
            while (await anext(events))[1]["type"] != "active":
                pass
            await asyncio.to_thread(service.http.delete, f"/job/{active}")
            rest = [event async for _, event in events]

    assert types(rest)[-1] == "cancelled"


@pytest.mark.slow
async def test_five_hundred_clients_all_see_the_end(service: ServiceProcess, active: str) -> None:
    """Of a job that is cancelled under them; afterwards none of their connections is left."""
    clients = [asyncio.create_task(raw_stream(service.port, active)) for _ in range(CLIENTS)]
    while await asyncio.to_thread(service.metric, "audio_tools_event_streams") < CLIENTS:
        assert not any(client.done() for client in clients)
    await asyncio.to_thread(service.http.delete, f"/job/{active}")
    bodies = await asyncio.gather(*clients)

    assert all('"type": "cancelled"' in body for body in bodies)
    await no_stream_is_open(service)


async def raw_stream(port: int, job_id: str) -> str:
    """All bytes of a stream: 500 clients of an HTTP library take longer than what they test."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        f"GET /job/{job_id}/events HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()
    )
    body = (await reader.read()).decode()
    writer.close()
    return body


async def no_stream_is_open(service: ServiceProcess) -> None:
    async with asyncio.timeout(20):
        while await asyncio.to_thread(service.metric, "audio_tools_event_streams"):
            pass


async def test_a_client_that_goes_away_is_forgotten(service: ServiceProcess, active: str) -> None:
    """While its job runs on; nothing of it is an error."""
    async with stream(service.url, active) as events:
        await anext(events)
        assert service.metric("audio_tools_event_streams") == 1
    await no_stream_is_open(service)

    assert service.status(active)["state"] in {"waiting", "active"}
    assert "Traceback" not in service.log


async def test_polls_return_every_event_once(
    service: ServiceProcess, engine: Engine, recording: Path
) -> None:
    """Each waits for the next events; together they are those of the WebSocket, and the result follows."""
    engine.set(latency={"base_s": 0.3})
    job_id = service.submit(recording, {"prompt": "not yet stored by polls"})
    seen: list[Json] = []
    after = "0"
    while not seen or seen[-1]["type"] != "completed":
        status = await asyncio.to_thread(poll, service, job_id, after)
        seen += status["events"]
        after = status["lastEventId"]
    engine.set(latency={})
    over_websocket = await service.events(job_id)
    stored = [event for event in over_websocket if event["type"] not in {"snapshot", "progress"}]

    assert [event for event in seen if event["type"] != "progress"] == stored
    assert status["state"] == "completed"
    assert status["result"]["words"]
    assert seen[-2]["progress"] == 100.0


def poll(service: ServiceProcess, job_id: str, after: str) -> Json:
    answer = service.http.get(f"/job/{job_id}/status", params={"wait": 30, "after": after}, timeout=60)
    assert answer.status_code == 200, answer.text
    record: Json = answer.json()
    return record


async def test_a_poll_without_an_event_to_start_from_waits_for_the_end(
    service: ServiceProcess, active: str
) -> None:
    """It returns when the job has ended, without `events`, which the contract does not have."""
    waiting = asyncio.create_task(
        asyncio.to_thread(service.http.get, f"/job/{active}/status", params={"wait": 50}, timeout=60)
    )
    await service.wait_for(active, lambda event: event["type"] == "active")
    assert not waiting.done()
    await asyncio.to_thread(service.http.delete, f"/job/{active}")
    record = (await waiting).json()

    assert record["state"] == "cancelled"
    assert {"events", "lastEventId"}.isdisjoint(record)


async def test_a_poll_that_sees_nothing_returns_the_place_it_was_given(
    service: ServiceProcess, active: str
) -> None:
    """And without `wait` it returns at once."""
    await service.wait_for(active, lambda event: event.get("stage") == "transcribe")
    last = "0"
    while (record := service.http.get(f"/job/{active}/status", params={"after": last}).json())["events"]:
        last = record["lastEventId"]

    assert record["lastEventId"] == last
    assert record["state"] == "active"


@pytest.mark.parametrize("wait", ["-1", "51", "soon", "nan"])
def test_a_poll_with_a_wrong_wait_is_refused(wait: str, service: ServiceProcess, finished: str) -> None:
    """With the parameter by name."""
    answer = service.http.get(f"/job/{finished}/status", params={"wait": wait})

    assert (answer.status_code, answer.json()["error"]) == (422, "invalid_request")
    assert answer.json()["problems"][0]["field"] == "query.wait"


@pytest.mark.slow
async def test_nothing_is_lost_over_a_crash_of_the_service(
    engine: Engine, recording: Path, tmp_path: Path
) -> None:
    """The successor resumes behind the last event that was received; only old progress is left out."""
    engine.set(latency={"base_s": 0.5})
    with ServiceProcess(tmp_path, engine.base_url, MAX_CONCURRENT_CHUNKS="1") as service:
        job_id = service.submit(recording)
        seen = await until_words(service, job_id)
        service.kill()
        service.start()
        engine.set(latency={})
        rest = [event for _, event in await received(service.url, job_id, after=seen[-1])]
        every = await service.events(job_id)

    missed = [event for event in every if "id" in event and int(event["id"]) > int(seen[-1])]
    assert [event for event in rest[1:] if event["type"] != "progress"] == [
        event for event in missed if event["type"] != "progress"
    ]
    assert "words" in types(rest)
    assert types(rest)[-1] == "completed"
    assert "Traceback" not in service.log


async def until_words(service: ServiceProcess, job_id: str) -> list[str]:
    """The ids of all events until the words of a chunk have come."""
    seen: list[str] = []
    async with stream(service.url, job_id) as events:
        async for place, event in events:
            if "id" in event:
                seen.append(place)
            if event["type"] == "words":
                return seen
    raise AssertionError(f"no words came, but {seen}")


async def test_a_service_that_stops_ends_its_streams(engine: Engine, tmp_path: Path) -> None:
    """A stream ends cleanly at once; nothing of it is an error in the log."""
    unheard = render(talk(25.0, seed=45), tmp_path / "unheard.flac")
    with ServiceProcess(tmp_path, engine.base_url, SHUTDOWN_GRACE="0") as service, engine.never_answering():
        job_id = service.submit(unheard)
        async with stream(service.url, job_id) as events:
            while (await anext(events))[1]["type"] != "active":
                pass
            code = await asyncio.to_thread(service.terminate)
            rest = [event async for _, event in events]

    assert code == 0
    assert not {"completed", "failed", "cancelled"} & set(types(rest))
    assert "without completing response" not in service.log
    assert "Traceback" not in service.log


@pytest.mark.parametrize("status", ["active", "completed"])
async def test_a_silent_stream_has_comments(
    status: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing happens for a while; a client ignores them, a proxy does not close the connection."""
    monkeypatch.setattr(event_stream, "KEEP_ALIVE_S", 0.01)
    async with SqliteQueue(tmp_path) as queue:
        await queue.add(JobRequest({}))
        lease = await queue.take()
        if status == "completed":
            await lease.complete({})
        streams = event_stream.EventStreams(queue)
        async with aclosing(streams._stream(await queue.get(lease.job.id), None)) as pieces:
            if status == "active":
                while not (await anext(pieces)).startswith(b":"):
                    pass
                await lease.complete({})
            *_, last = [piece async for piece in pieces]

    assert b'"type": "completed"' in last


async def test_a_poll_ends_when_the_service_stops(tmp_path: Path) -> None:
    """With the status of the moment, instead of holding the process for up to a minute."""
    async with SqliteQueue(tmp_path) as queue:
        job = (await queue.add(JobRequest({}))).job
        streams = event_stream.EventStreams(queue)
        polling = [
            asyncio.create_task(streams.poll(job.id, after, event_stream.LONGEST_WAIT_S))
            for after in (None, "1")
        ]
        await asyncio.sleep(0)
        streams.stopping.set()
        answers = await asyncio.gather(*polling)

    assert answers == [(job, None), (job, [])]


def test_curl_follows_a_job(service: ServiceProcess, finished: str) -> None:
    """The command in docs/http-api.md shows the events."""
    ended = subprocess.run(
        [find("curl"), "-sN", f"{service.url}/job/{finished}/events"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert ended.stdout.startswith("data: {")
    assert '"type": "completed"' in ended.stdout
