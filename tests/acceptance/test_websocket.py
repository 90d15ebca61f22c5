"""What a WebSocket sends of a job, to one client or many, early, late, slow or gone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import websockets
from fastapi import WebSocket

from audio_tools.jobs import JobRequest, Lease, SqliteQueue
from audio_tools.server.routes.job_events import JobEvents
from audio_tools.transcript import Json
from tests.acceptance.service import Engine, ServiceProcess
from tests.simulator import render, talk

SCRIPT = talk(70.0, seed=43)
"""Several chunks."""
CLIENTS = 50


@pytest.fixture(scope="module")
def recording(folder: Path) -> Path:
    return render(SCRIPT, folder / "talk.flac")


def types(events: list[Json]) -> list[str]:
    return [event["type"] for event in events]


def words_in(events: list[Json]) -> set[str]:
    return {word["word"] for event in events if event["type"] == "words" for word in event["words"]}


async def test_a_client_sees_all_of_a_job(service: ServiceProcess, recording: Path, engine: Engine) -> None:
    """A snapshot, then every event, with the last one the end; progress never goes back."""
    engine.set(latency={"base_s": 0.2})
    job_id = service.submit(recording, {"prompt": "not yet stored"})
    events = await service.events(job_id)
    engine.set(latency={})
    progress = [event["progress"] for event in events if event["type"] in {"snapshot", "progress"}]

    assert events[0].items() >= {"type": "snapshot", "jobId": job_id}.items()
    assert set(service.status(job_id)) <= set(events[0])
    assert types(events)[-1] == "completed"
    assert types(events).count("words") == service.transcript(job_id).total_chunks > 2
    assert words_in(events) == {word.text for word in SCRIPT.words}
    assert progress == sorted(progress)
    assert len(progress) > 2
    assert {event["jobId"] for event in events} == {job_id}
    for event in events:
        assert datetime.fromisoformat(event["timestamp"]).tzinfo is not None
        if event["type"] == "progress":
            expected = {"message", "stage", "chunksDone", "totalChunks", "etaSeconds", "progress"}
            assert expected <= set(event)
            assert ("id" in event) == (event["progress"] < 100)


async def test_a_late_client_gets_all_words_and_the_end(service: ServiceProcess, finished: str) -> None:
    """And no progress below that of its snapshot."""
    events = await service.events(finished)

    assert (events[0]["state"], events[0]["progress"]) == ("completed", 100.0)
    assert types(events)[-1] == "completed"
    assert words_in(events) == {word.text for word in SCRIPT.words}
    assert all(event["progress"] >= 100.0 for event in events if event["type"] == "progress")


async def test_a_client_goes_on_where_it_was(service: ServiceProcess, finished: str) -> None:
    """After an event of its choice, and no event twice; an id of another life replays all."""
    every = await service.events(finished)
    middle = len(every) // 2
    rest = await service.events(finished, after=every[middle]["id"])
    strange = await service.events(finished, after="never-given-out")

    assert rest[0]["type"] == "snapshot"
    assert [event.get("id") for event in rest[1:]] == [event.get("id") for event in every[middle + 1 :]]
    assert [event.get("id") for event in strange] == [event.get("id") for event in every]


@pytest.mark.parametrize(
    ("query", "code"), [("", 4400), ("?jobId=", 4400), ("?jobId=unknown", 4404), ("?jobId=%00", 4404)]
)
async def test_a_client_without_a_job_is_told_by_the_close_code(
    query: str, code: int, service: ServiceProcess
) -> None:
    """With a reason in words."""
    with pytest.raises(websockets.ConnectionClosed) as caught:
        async with websockets.connect(f"ws://127.0.0.1:{service.ws_port}/{query}", proxy=None) as socket:
            await socket.recv()

    assert caught.value.rcvd is not None
    assert caught.value.rcvd.code == code
    assert "job" in caught.value.rcvd.reason


async def test_both_ports_speak_both(service: ServiceProcess, finished: str) -> None:
    """The WebSocket is on the HTTP port as well; the end is a normal close."""
    url = f"ws://127.0.0.1:{service.port}/?jobId={finished}"
    async with websockets.connect(url, proxy=None) as socket:
        events = [json.loads(message) async for message in socket]

    assert types(events)[-1] == "completed"
    assert socket.close_code == 1000


async def test_many_clients_all_see_the_end(service: ServiceProcess, active: str) -> None:
    """Of a job that is cancelled under them; afterwards none of their connections is left."""
    followers = [asyncio.create_task(service.events(active)) for _ in range(CLIENTS)]
    while await asyncio.to_thread(service.metric, "audio_tools_websockets") < CLIENTS:
        assert not any(follower.done() for follower in followers)
    await asyncio.to_thread(service.http.delete, f"/job/{active}")
    every = await asyncio.gather(*followers)

    assert [types(events)[-1] for events in every] == ["cancelled"] * CLIENTS
    assert [types(events)[0] for events in every] == ["snapshot"] * CLIENTS
    await nobody_is_connected(service)


@pytest.mark.parametrize("politely", [True, False])
async def test_a_client_that_goes_away_is_forgotten(
    politely: bool, service: ServiceProcess, active: str
) -> None:
    """While its job runs on; nothing of it is an error."""
    async with service.socket(active) as socket:
        await socket.recv()
        assert service.metric("audio_tools_websockets") == 1
        if not politely:
            socket.transport.abort()
    await nobody_is_connected(service)

    assert service.status(active)["state"] in {"waiting", "active"}
    assert "Traceback" not in service.log


async def nobody_is_connected(service: ServiceProcess) -> None:
    async with asyncio.timeout(10):
        while await asyncio.to_thread(service.metric, "audio_tools_websockets"):
            pass


# The same without a network, where a client can be exactly as slow as is wanted.


class Client:
    """The two ends of an ASGI WebSocket: it takes nothing while `reading` is not set."""

    def __init__(self, job_id: str) -> None:
        self.reading = asyncio.Event()
        self.reading.set()
        self.told: asyncio.Queue[Json] = asyncio.Queue()
        self.closed: int | None = None
        self._says: asyncio.Queue[Any] = asyncio.Queue()
        self._says.put_nowait({"type": "websocket.connect"})
        scope = {"type": "websocket", "query_string": f"jobId={job_id}".encode(), "subprotocols": []}
        self.socket = WebSocket(scope, self._says.get, self._send)

    def leave(self) -> None:
        self._says.put_nowait({"type": "websocket.disconnect", "code": 1006})

    async def _send(self, message: Any) -> None:
        await self.reading.wait()
        if message["type"] == "websocket.send":
            self.told.put_nowait(json.loads(message["text"]))
        elif message["type"] == "websocket.close":
            self.closed = message["code"]


@pytest.fixture
async def queue(tmp_path: Path) -> AsyncIterator[SqliteQueue]:
    async with SqliteQueue(tmp_path) as opened:
        yield opened


@pytest.fixture
async def lease(queue: SqliteQueue) -> Lease:
    """A job at work."""
    await queue.add(JobRequest({}))
    return await queue.take()


async def test_a_slow_client_loses_progress_but_nothing_else(queue: SqliteQueue, lease: Lease) -> None:
    """It gets the newest progress, all words, and the end."""
    client = Client(lease.job.id)
    following = asyncio.create_task(JobEvents(queue).follow(client.socket))
    assert (await client.told.get())["type"] == "snapshot"
    while (await client.told.get())["type"] != "active":
        pass
    client.reading.clear()
    for step in range(90):
        await lease.report("progress", {"progress": step, "message": ""})
        if step % 30 == 0:
            await lease.report("words", {"chunk": step // 30, "words": []})
    await lease.complete({})
    client.reading.set()
    await following
    events = [client.told.get_nowait() for _ in range(client.told.qsize())]
    progress = [event["progress"] for event in events if event["type"] == "progress"]

    assert [event["chunk"] for event in events if event["type"] == "words"] == [0, 1, 2]
    assert types(events)[-1] == "completed"
    assert progress[-2:] == [89, 100]
    assert len(progress) <= 3
    assert client.closed == 1000


async def test_a_client_that_leaves_while_it_is_not_reading_is_let_go(
    queue: SqliteQueue, lease: Lease
) -> None:
    """No task waits for it, and nothing more is read for it."""
    client = Client(lease.job.id)
    following = asyncio.create_task(JobEvents(queue).follow(client.socket))
    await client.told.get()
    client.reading.clear()
    await lease.report("words", {"chunk": 0, "words": []})
    client.leave()
    await following

    assert client.closed is None
    names = {task.get_name() for task in asyncio.all_tasks()}
    assert names.isdisjoint({"send events", "wait for client to leave"})


async def test_a_queue_that_closes_asks_the_client_to_come_again(queue: SqliteQueue, lease: Lease) -> None:
    """Close code 1013, since the job is not at its end."""
    client = Client(lease.job.id)
    following = asyncio.create_task(JobEvents(queue).follow(client.socket))
    await client.told.get()
    await queue.close()
    await following

    assert client.closed == 1013


@pytest.mark.parametrize("reported", [{"progress": 99.0, "message": "Joining the words"}, None])
async def test_the_last_progress_of_a_completed_job_is_100(
    reported: Json | None, queue: SqliteQueue, lease: Lease
) -> None:
    """Clients that look for progress alone see the end of it; the 99 of before is left out."""
    if reported:
        await lease.report("progress", reported)
    await lease.complete({})
    client = Client(lease.job.id)
    await JobEvents(queue).follow(client.socket)
    events = [client.told.get_nowait() for _ in range(client.told.qsize())]

    assert events[0]["progress"] == 100.0
    assert types(events)[-2:] == ["progress", "completed"]
    assert [event["progress"] for event in events if event["type"] == "progress"] == [100.0]
    assert "id" not in events[-2]
    assert events[-2]["message"]
