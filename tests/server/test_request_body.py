"""The body of a request: gathered, timed and let run out."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from audio_tools.errors import UnsupportedMediaType, UploadInterrupted, UploadTimeout
from audio_tools.server.request_body import (
    BLOCK_BYTES,
    Body,
    ClientGone,
    LingeringClose,
    require_plain_body,
)
from audio_tools.server.uvicorn_ext.interface import SOCKET_BODY
from audio_tools.server.uvicorn_ext.socket_body import SocketBody
from audio_tools.storage import UploadStore

GONE: Message = {"type": "http.disconnect"}


def piece(data: bytes, more: bool = True) -> Message:
    return {"type": "http.request", "body": data, "more_body": more}


def receive_from(*messages: Message) -> Receive:
    """Gives these messages, then waits for ever as a silent client makes one wait."""
    coming = iter(messages)

    async def receive() -> Message:
        for message in coming:
            return message
        await asyncio.Event().wait()
        raise AssertionError

    return receive


async def read(body: Body) -> list[bytes]:
    return [block async for block in body]


async def test_pieces_are_gathered_to_blocks() -> None:
    """Whatever the size of the pieces, a block is worth the trip to a thread."""
    pieces = [piece(b"x" * 100_000)] * 25
    blocks = await read(Body(receive_from(*pieces, piece(b"end", more=False)), 30))

    assert b"".join(blocks) == b"x" * 2_500_000 + b"end"
    assert all(BLOCK_BYTES <= len(block) < BLOCK_BYTES + 100_000 for block in blocks[:-1])


async def test_an_empty_body_has_no_blocks() -> None:
    """Not even an empty one."""
    assert await read(Body(receive_from(piece(b"", more=False)), 30)) == []


async def test_what_came_before_the_client_left_is_given_first() -> None:
    """A resumable upload keeps it."""
    body = Body(receive_from(piece(b"some"), GONE), 30)

    assert await anext(body) == b"some"
    with pytest.raises(ClientGone):
        await anext(body)


async def test_what_came_before_the_client_fell_silent_is_given_first() -> None:
    """And then the error, as often as one asks."""
    body = Body(receive_from(piece(b"some")), 0.01)

    assert await anext(body) == b"some"
    for _ in range(2):
        with pytest.raises(UploadTimeout):
            await anext(body)


async def test_a_slow_client_is_not_a_silent_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every piece starts the time anew; a minute for five of them is fine, one for the next is not."""
    loop = asyncio.get_running_loop()
    clock, late_s = loop.time, 0.0
    monkeypatch.setattr(loop, "time", lambda: clock() + late_s)
    waits_s = iter([12, 12, 12, 12, 12, 60])

    async def receive() -> Message:
        nonlocal late_s
        late_s += next(waits_s)
        await asyncio.sleep(0.01)
        return piece(b"x")

    body = Body(receive, 30)

    assert await anext(body) == b"x" * 5
    with pytest.raises(UploadTimeout):
        await anext(body)


@pytest.mark.parametrize("waiting", [True, False])
async def test_a_reader_can_be_interrupted(waiting: bool) -> None:
    """While it waits for the client, or while it is busy with a block."""
    body = Body(receive_from(piece(b"some")), 3600)
    task = asyncio.create_task(read(body), name="reader")
    if waiting:
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    body.interrupt(UploadInterrupted())
    with pytest.raises(UploadInterrupted):
        await asyncio.wait_for(task, 10)
    with pytest.raises(UploadInterrupted):
        await anext(body)


async def test_a_reader_is_interrupted_while_a_block_is_written(tmp_path: Path) -> None:
    """The connection is not taken over afterwards: nothing would stop a thread that began to read it now."""
    loop = asyncio.get_running_loop()
    interrupted = threading.Event()

    def interrupt() -> None:
        body.interrupt(UploadInterrupted())
        interrupted.set()

    def sink(_: bytes) -> None:
        loop.call_soon_threadsafe(interrupt)
        assert interrupted.wait(10)

    def take_over() -> SocketBody:
        raise AssertionError("the connection was taken over")

    body = Body(receive_from(piece(b"x" * BLOCK_BYTES)), 3600, {"extensions": {SOCKET_BODY: take_over}})
    store = UploadStore(tmp_path, max_bytes=1 << 30, min_free_bytes=0, ttl_s=60)
    with pytest.raises(UploadInterrupted):
        await body.pour(sink, store)
    store.close()


async def test_a_cancelled_reader_is_cancelled() -> None:
    """The limit on silence does not take somebody else's cancellation for its own."""
    task = asyncio.create_task(read(Body(receive_from(), 30)), name="reader")
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


Handler = Callable[[Scope, Receive, Send], Awaitable[None]]


async def refuse(_: Scope, receive: Receive, send: Send) -> None:
    """An answer after the first piece of the body."""
    await receive()
    await send({"type": "http.response.start", "status": 413, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"no"})


async def answers_of(app: Handler, receive: Receive, headers: list[tuple[bytes, bytes]]) -> list[Message]:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await LingeringClose(app, drain_s=0.01)({"type": "http", "headers": headers}, receive, send)
    return sent


CHUNKED = [(b"transfer-encoding", b"chunked")]


async def test_an_early_answer_goes_out_before_the_rest_is_dropped() -> None:
    """Whole, with word that the connection ends; the end itself comes when the body has ended."""
    start, body, end = await answers_of(
        refuse, receive_from(*[piece(b"x")] * 9, piece(b"", more=False)), CHUNKED
    )

    assert (b"connection", b"close") in start["headers"]
    assert (body["body"], body["more_body"]) == (b"no", True)
    assert end == {"type": "http.response.body"}


@pytest.mark.parametrize("messages", [[piece(b"x")], [piece(b"x"), GONE]])
async def test_a_client_that_sends_on_or_leaves_ends_it_too(messages: list[Message]) -> None:
    """The wait is short whatever the client does."""
    assert len(await answers_of(refuse, receive_from(*messages), CHUNKED)) == 3


@pytest.mark.parametrize("headers", [CHUNKED, [(b"content-length", b"1")]])
async def test_a_connection_whose_body_was_read_stays_open(headers: list[tuple[bytes, bytes]]) -> None:
    """Nothing is to be dropped, so nothing changes."""
    start, body = await answers_of(refuse, receive_from(piece(b"x", more=False)), headers)

    assert start["headers"] == [(b"content-length", b"2")]
    assert "more_body" not in body


async def test_a_request_without_a_body_is_left_alone() -> None:
    """Its end need not be waited for."""
    assert len(await answers_of(refuse, receive_from(piece(b"")), [(b"content-length", b"0")])) == 2


@pytest.mark.parametrize("coding", ["gzip", "br", "GZIP, identity"])
def test_a_compressed_body_is_refused_by_name(coding: str) -> None:
    """It would be taken for a malformed form, or stored as the file itself."""
    with pytest.raises(UnsupportedMediaType, match="Content-Encoding") as caught:
        require_plain_body(Headers({"content-encoding": coding}))

    assert caught.value.hint == "Send the body uncompressed."


@pytest.mark.parametrize("headers", [{}, {"content-encoding": "identity"}, {"content-encoding": ""}])
def test_a_body_without_a_coding_is_plain(headers: dict[str, str]) -> None:
    """As almost every client sends it."""
    require_plain_body(Headers(headers))
