"""Any file can be sent; a follower of its job outlives the connection, and knows when trying is of no use."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import time
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import websockets
from websockets.asyncio.server import Server, ServerConnection, serve

from audio_tools.client import PAUSES_S, AsyncClient
from audio_tools.client.hints import COMMAND_LINE
from audio_tools.errors import ServerUnreachable
from audio_tools.transcript import Json
from tests.server.service import running

JOB = "0b4c"
SOON_S = (0.01, 0.01)


class Service:
    """Sends two events of a job, one at each connection, and is away in between."""

    def __init__(self) -> None:
        self.asked_after: list[str] = []
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.close_codes = [1012, 1000]

    @property
    def answer(self) -> Json:
        """What it said when the job was started."""
        return {"jobId": JOB, "websocketUrl": f"ws://127.0.0.1:{self.port}/?jobId={JOB}"}

    def client(self) -> AsyncClient:
        """One that talks to it."""
        return AsyncClient(f"http://127.0.0.1:{self.port}")

    async def start(self) -> Server:
        """Listen."""
        return await serve(self.tell, "127.0.0.1", self.port)

    async def tell(self, connection: ServerConnection) -> None:
        """One event, and an end with the next close code."""
        assert connection.request
        query = parse_qs(urlsplit(connection.request.path).query)
        self.asked_after += query.get("after", [""])
        number = len(self.asked_after)
        await connection.send(json.dumps({"type": "progress", "id": str(number)}))
        await connection.close(self.close_codes[number - 1], "")


@pytest.fixture
def service() -> Service:
    return Service()


async def test_a_service_that_comes_back_is_asked_for_what_is_new(service: Service) -> None:
    """It is gone for some attempts, and the follower resumes after the last event that it received."""
    seen, asked_at = [], list[float]()
    running = await service.start()
    async with service.client() as client:
        async for event in client.follow(service.answer):
            seen.append(event["id"])
            if len(seen) == 1:
                running.close()
                await running.wait_closed()
                back = asyncio.create_task(start_after_refusals(service, asked_at))
        (await back).close()

    assert (seen, service.asked_after) == (["1", "2"], ["", "1"])
    assert asked_at[1] - asked_at[0] >= 0.9 * PAUSES_S[1]


async def start_after_refusals(service: Service, asked_at: list[float]) -> Server:
    """Hang up on two attempts first, as a proxy does while its service starts."""
    came_back = asyncio.Event()

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked_at.append(time.monotonic())
        writer.close()
        if len(asked_at) == 2:
            came_back.set()

    async with await asyncio.start_server(hang_up, "127.0.0.1", service.port):
        await came_back.wait()
    return await service.start()


async def test_a_service_that_stays_away_is_given_up_with_a_way_to_the_result(service: Service) -> None:
    """The error names the job, and the hint how to get its transcript, by a program or a command."""
    async with service.client() as client:
        with pytest.raises(ServerUnreachable) as caught:
            _ = [event async for event in client.follow(service.answer, SOON_S)]
    async with AsyncClient(f"http://127.0.0.1:{service.port}", hints=COMMAND_LINE) as client:
        with pytest.raises(ServerUnreachable) as shown:
            _ = [event async for event in client.follow(service.answer, SOON_S)]

    assert f"The job {JOB} continues there" in caught.value.message
    assert "`wait`" in caught.value.hint
    assert f"audio-tools export {JOB}" in shown.value.hint


async def test_every_message_gives_the_follower_its_patience_back(service: Service) -> None:
    """A connection that breaks often, but delivers an event each time, is never given up."""
    service.close_codes = [1012] * 5 + [1000]
    running = await service.start()
    async with service.client() as client:
        seen = [event["id"] async for event in client.follow(service.answer, SOON_S)]
    running.close()

    assert seen == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize("code", [4401, 4404])
async def test_a_refusal_is_not_tried_again(code: int, service: Service) -> None:
    """No such job, or a wrong token: the same would be said each time."""
    service.close_codes = [code]
    running = await service.start()
    async with service.client() as client:
        seen = [event["id"] async for event in client.follow(service.answer)]
    running.close()

    assert seen == ["1"]


async def test_a_refusal_of_the_handshake_is_not_tried_again(service: Service) -> None:
    """As with a foreign host."""
    asked = []

    def refuse(connection: ServerConnection, request: websockets.Request) -> websockets.Response:
        asked.append(request.path)
        return connection.respond(HTTPStatus.FORBIDDEN, "")

    async with (
        serve(service.tell, "127.0.0.1", service.port, process_request=refuse),
        service.client() as client,
    ):
        assert [event async for event in client.follow(service.answer)] == []

    assert len(asked) == 1


def test_the_patience_is_about_a_minute() -> None:
    """A service that is started again, with its model, takes less."""
    assert 50 <= sum(PAUSES_S) <= 70


async def test_a_file_of_any_name_can_be_sent(tmp_path: Path) -> None:
    """Linux lets names be bytes that are no text: the service gets what can be written of them."""
    file = tmp_path / os.fsdecode(b"a\xff.wav")
    file.write_bytes(b"media")
    with running(tmp_path, max_bytes=1000) as service:
        async with AsyncClient(service.url) as client:
            answer = await client.submit(file, {})

    assert (answer["name"], answer["size"]) == ("a?.wav", 5)
