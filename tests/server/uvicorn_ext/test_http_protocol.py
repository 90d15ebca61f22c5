"""Requests that are slow, endless or no HTTP at all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from audio_tools.server.uvicorn_ext import http_protocol as protocol
from audio_tools.server.uvicorn_ext.interface import HEAD_BYTES
from tests.server.service import Service, running
from tests.server.wire import TYPE, head, read_answer


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service that waits a moment only for the head of a request."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(protocol, "HEAD_S", 0.3)
        with running(tmp_path_factory.mktemp("data"), max_bytes=1 << 20) as service:
            yield service


@pytest.mark.parametrize("first", [b"G", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "])
def test_a_head_that_does_not_end_is_given_up(service: Service, first: bytes) -> None:
    """A client that drips its headers does not hold a connection for ever."""
    with service.connect(first) as connection:
        answer = read_answer(connection)

    assert (answer.status, answer.json["error"]) == (408, "head_too_late")


async def in_pieces(scope: Scope, receive: Receive, send: Send) -> None:
    """An app whose response has no length, and one that has, by the path."""

    async def pieces() -> AsyncIterator[bytes]:
        yield b"first, "
        yield b"second"

    headers = {"Content-Length": "13"} if scope["path"] == "/sized" else {}
    await StreamingResponse(pieces(), headers=headers)(scope, receive, send)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["/", "/sized"])
def test_a_client_of_http_1_0_gets_no_chunks(method: str, path: str, tmp_path: Path) -> None:
    """It knows none (RFC 9112, 7.1): the body is plain, and ends with the connection."""
    with running(tmp_path, max_bytes=1, around=lambda _: in_pieces) as service:
        request = f"{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\n\r\n".encode()
        with service.connect(request) as connection:
            connection.settimeout(10)
            answer = b"".join(iter(lambda: connection.recv(1 << 16), b""))

    lines, _, body = answer.partition(b"\r\n\r\n")
    assert b"transfer-encoding" not in lines
    assert b"connection: close" in lines
    assert body == (b"first, second" if method == "GET" else b"")


def test_the_second_head_is_timed_too(service: Service) -> None:
    """A good request buys no patience for the next one."""
    with service.connect(head("OPTIONS", "/files") + b"GET / HT") as connection:
        assert read_answer(connection).status == 204
        assert read_answer(connection).status == 408


def test_a_connection_that_says_nothing_is_closed_without_a_word(service: Service) -> None:
    """Browsers open some in advance."""
    with service.connect() as connection:
        assert connection.recv(100) == b""


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nX-Long: " + b"a" * (1 << 20),
        b"GET / HTTP/1.1\r\n" + b"X-Many: b\r\n" * 100_000,
    ],
)
def test_a_head_without_end_is_refused(service: Service, request_bytes: bytes) -> None:
    """One header, or very many."""
    with service.connect(request_bytes[: HEAD_BYTES + 2000]) as connection:
        answer = read_answer(connection)

    assert (answer.status, answer.json["error"]) == (431, "head_too_large")


@pytest.mark.parametrize("n_bytes", [70_000, 150_000, 240_000])
def test_a_whole_head_that_is_too_large_is_refused(service: Service, n_bytes: int) -> None:
    """Also one that arrives in a single piece, with its end."""
    request = head("OPTIONS", "/files", **{"X-Long": "a" * n_bytes})
    with service.connect(request + head("OPTIONS", "/files")) as connection:
        answer = read_answer(connection)

        assert (answer.status, answer.json["error"]) == (431, "head_too_large")


def test_a_trailer_without_end_is_cut_off(service: Service) -> None:
    """Headers after the last chunk of a body are bounded as those before it."""
    request = head("POST", "/process-audio", Content_Type=TYPE, Transfer_Encoding="chunked")
    with service.connect(request + b"1\r\nx\r\n0\r\nX-Trailer: ") as connection, pytest.raises(OSError):
        for _ in range(4096):
            connection.sendall(b"a" * 16_384)


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET\r\n\r\n",
        head("POST", "/process-audio", Content_Type=TYPE, Content_Length="ten"),
        head("POST", "/process-audio", Content_Type=TYPE, Content_Length=-1),
        head("POST", "/process-audio", Content_Type=TYPE, Transfer_Encoding="chunked") + b"xyz\r\n",
    ],
)
def test_what_is_no_http_is_refused_in_our_shape(service: Service, request_bytes: bytes) -> None:
    """TLS on a plain port, half a request line, lengths and chunks that are none."""
    with service.connect(request_bytes) as connection:
        answer = read_answer(connection)

    assert (answer.status, answer.json["error"]) == (400, "malformed_request")
    assert answer.headers["connection"] == "close"


def test_garbage_after_a_request_does_not_cost_its_answer(service: Service) -> None:
    """The first request is complete; then the connection ends."""
    with service.connect(head("OPTIONS", "/files") + b"\x00\x01\x02") as connection:
        assert read_answer(connection).status == 204
        assert connection.recv(100) == b""


@pytest.mark.parametrize("n_before", [1, 2])
def test_a_broken_body_does_not_cost_the_answers_before_it(service: Service, n_before: int) -> None:
    """Requests that were sent without waiting are answered in order, the broken one last."""
    broken = head("POST", "/process-audio", Content_Type=TYPE, Transfer_Encoding="chunked") + b"xyz\r\n"
    with service.connect(head("OPTIONS", "/files") * n_before + broken) as connection:
        answers = [read_answer(connection) for _ in range(n_before + 1)]
        assert connection.recv(100) == b""

    assert [answer.status for answer in answers] == [204] * n_before + [400]
    assert answers[-1].json["error"] == "malformed_request"
    assert answers[-1].headers["connection"] == "close"
