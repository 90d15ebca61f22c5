"""Large bodies that a thread reads from the socket itself: clients see no difference."""

from __future__ import annotations

import logging
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import psutil
import pytest
from starlette.types import Receive, Scope, Send

from audio_tools.server.middleware.access_log import AccessLog
from audio_tools.server.request_body import BLOCK_BYTES
from audio_tools.server.uvicorn_ext import socket_body as direct
from audio_tools.server.uvicorn_ext.interface import SOCKET_BODY
from audio_tools.server.uvicorn_ext.socket_body import SocketBody, SocketBodyProtocol
from tests.server.service import Service, running
from tests.server.wire import TYPE, chunked, form, head, media, post, read_answer, wait_until

DATA = bytes(range(256)) * 40_000
"""Ten megabytes: what fits into no buffer on the way."""


@pytest.fixture
def poured(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes were left to each body when it was read directly."""
    left: list[int] = []
    pour = SocketBody.pour

    def watched(self: SocketBody, *args: object) -> None:
        left.append(self._n_bytes)
        pour(self, *args)  # type: ignore[arg-type]

    monkeypatch.setattr(SocketBody, "pour", watched)
    return left


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """A service as it is run for users; in the end no body is counted as being read."""
    with running(tmp_path, http=SocketBodyProtocol, max_bytes=1 << 30) as service:
        yield service
    assert SocketBodyProtocol.at_once == 0


def stored(service: Service, upload_id: object) -> bytes:
    return (service.folder / "uploads" / str(upload_id) / "media").read_bytes()


def test_a_large_body_is_read_directly(service: Service, poured: list[int]) -> None:
    """All but its beginning."""
    with service.connect(post(form(media(DATA)))) as connection:
        answer = read_answer(connection)

    assert stored(service, answer.json["id"]) == DATA
    assert len(poured) == 1
    assert poured[0] > len(DATA) / 2


def test_the_connection_goes_on_behind_the_body(service: Service, poured: list[int]) -> None:
    """Requests that were sent without waiting are answered in order, large ones, small ones, empty ones."""
    requests = [
        post(form(media(DATA))),
        head("OPTIONS", "/files"),
        post(form(media(b"x"))),
        post(form(media(DATA))),
    ]
    with service.connect() as connection:
        sender = threading.Thread(target=connection.sendall, args=(b"".join(requests),))
        sender.start()
        answers = [read_answer(connection) for _ in requests]
        sender.join()

    assert [answer.status for answer in answers] == [200, 204, 200, 200]
    assert [stored(service, answers[n].json["id"]) for n in (0, 2, 3)] == [DATA, b"x", DATA]
    assert len(poured) == 2


def test_the_log_counts_what_was_read_directly(
    tmp_path: Path, poured: list[int], caplog: pytest.LogCaptureFixture
) -> None:
    """All bytes of the body, whichever way they came; also of one whose client hung up."""
    whole = form(media(DATA))
    with (
        caplog.at_level(logging.INFO, "audio_tools.server.middleware.access_log"),
        running(tmp_path, http=SocketBodyProtocol, max_bytes=1 << 30, around=AccessLog) as service,
    ):
        with service.connect(post(whole)) as connection:
            assert read_answer(connection).status == 200
        with service.connect(post(whole)[: len(whole) // 2]):
            wait_until(lambda: len(poured) == 2)
        wait_until(lambda: len(caplog.records) == 2)

    counted = [vars(record)["bytes_in"] for record in caplog.records]
    assert counted[0] == len(whole)
    assert BLOCK_BYTES < counted[1] <= len(whole) // 2


def test_a_small_or_chunked_body_goes_the_ordinary_way(service: Service, poured: list[int]) -> None:
    """There is nothing to gain, or no end to be known."""
    request = head("POST", "/process-audio", Content_Type=TYPE, Transfer_Encoding="chunked")
    with service.connect(post(form(media(DATA[: 4 << 20])))) as connection:
        assert read_answer(connection).status == 200
    with service.connect(request + chunked([form(media(DATA))])) as connection:
        assert read_answer(connection).status == 200

    assert poured == []


def test_only_so_many_are_read_directly(
    service: Service, poured: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Threads are few: the others come in as well, another way."""
    monkeypatch.setattr(direct, "AT_ONCE", 1)
    request = post(form(media(DATA)))
    with service.connect(request[: len(DATA) // 2]) as slow:
        wait_until(lambda: poured)
        with service.connect(request) as quick:
            assert read_answer(quick).status == 200
        slow.sendall(request[len(DATA) // 2 :])
        assert read_answer(slow).status == 200

    assert len(poured) == 1


def test_a_slow_body_has_one_reader(service: Service, poured: list[int]) -> None:
    """While the thread waits for the next bytes the event loop leaves them alone."""
    request = post(form(media(DATA)))
    first = BLOCK_BYTES + 1000
    with service.connect(request[:first]) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        wait_until(lambda: poured)
        for start in range(first, len(request), 10_000):
            connection.sendall(request[start : start + 10_000])
        answer = read_answer(connection)

    assert stored(service, answer.json["id"]) == DATA


def test_a_body_that_is_given_up_ends_its_connection(tmp_path: Path) -> None:
    """The connection is closed, since the start of the next request is unknown."""

    async def answer_early(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        scope["extensions"][SOCKET_BODY]().close()
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})

    request = head("POST", "/", Content_Length=10 << 20) + bytes(1000)
    with (
        running(tmp_path, http=SocketBodyProtocol, max_bytes=1, around=lambda _: answer_early) as service,
        service.connect(request) as connection,
    ):
        assert read_answer(connection).headers["connection"] == "close"


def test_a_body_that_was_stopped_gives_no_more() -> None:
    """No block is passed on, not even bytes that had arrived before the stop."""
    ours, theirs = socket.socketpair()
    blocks: list[bytes] = []
    with ours, theirs:
        theirs.sendall(b"x" * 1000)
        transport = SimpleNamespace(get_extra_info=lambda _: ours)
        protocol = SimpleNamespace(transport=transport, go_on=lambda **_: None)
        body = SocketBody(cast(SocketBodyProtocol, protocol), b"", 1000)
        body.stop()
        body.pour(blocks.append, 10)
        body.close()

    assert blocks == []


def test_an_encrypted_connection_is_not_read_directly() -> None:
    """A thread would find the bytes before they are decrypted."""
    protocol = cast(
        SocketBodyProtocol,
        SimpleNamespace(
            _announced_bytes=lambda: 1 << 30,
            _n_body_bytes=0,
            at_once=0,
            transport=SimpleNamespace(get_extra_info=lambda _: object(), is_closing=lambda: False),
        ),
    )

    assert SocketBodyProtocol.take_over(protocol) is None


def test_nothing_is_kept_of_bodies_that_break_off(service: Service, poured: list[int]) -> None:
    """Neither a descriptor nor a thread, whether the client hangs up, resets or is refused."""
    request = post(form(media(DATA)))

    def break_off(*, reset: bool) -> None:
        seen = len(poured)
        connection = service.connect(request[: len(DATA) // 2])
        wait_until(lambda: len(poured) > seen)
        if reset:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()
        wait_until(lambda: SocketBodyProtocol.at_once == 0 and not list(service.folder.glob("uploads/*")))

    def be_refused() -> None:
        with service.connect(post(form(media(DATA), media(b"x")) + bytes(1 << 20))) as connection:
            assert read_answer(connection).status == 400

    for turn in range(4):
        break_off(reset=False)
        break_off(reset=True)
        be_refused()
        if turn == 0:
            before = psutil.Process().num_fds()
    wait_until(lambda: psutil.Process().num_fds() <= before)
