"""Tests of the guard in front of a real server: what the rules refuse does not reach the app."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx2
import pytest
import uvicorn
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Origin, Subprotocol

from audio_tools.server.access_rules import AccessRules
from audio_tools.server.middleware import access_control as guard
from audio_tools.server.middleware.access_control import AccessControl
from tests.server.test_access_rules import EVIL, LOCKED, OPEN, TOKEN


@dataclass
class Handler:
    """Stands for the app; remembers every request and WebSocket that reached it."""

    seen: list[Scope] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.seen.append(scope)
        if scope["type"] == "http":
            await PlainTextResponse("handled", headers={"Location": "/files/1"})(scope, receive, send)
            return
        assert (await receive())["type"] == "websocket.connect"
        if scope["path"] == "/missing":
            await PlainTextResponse("no", 404)(scope, receive, send)
            return
        offered = "audio-tools" in scope["subprotocols"]
        await send({"type": "websocket.accept", "subprotocol": "audio-tools" if offered else None})
        await send({"type": "websocket.send", "text": "snapshot"})
        await send({"type": "websocket.close", "code": 1000})


class Server(uvicorn.Server):
    """Says when it listens, and leaves the test runner's signals alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()


@asynccontextmanager
async def listening(app_on: Callable[[int], ASGIApp]) -> AsyncIterator[int]:
    """The app for a free port behind uvicorn; its port."""
    listener = socket.create_server(("127.0.0.1", 0))
    port: int = listener.getsockname()[1]
    server = Server(uvicorn.Config(app_on(port), log_config=None, lifespan="off", access_log=False))
    task = asyncio.create_task(server.serve([listener]), name="server")
    await server.listening.wait()
    try:
        yield port
    finally:
        server.should_exit = True
        await task


@asynccontextmanager
async def serving(
    token: str | None = None, allowed_origins: tuple[str, ...] = ()
) -> AsyncIterator[tuple[int, Handler]]:
    """A guarded handler behind uvicorn."""
    handler = Handler()

    def guarded(port: int) -> ASGIApp:
        return AccessControl(handler, AccessRules((port,), allowed_origins=allowed_origins, token=token))

    async with listening(guarded) as port:
        yield port, handler


async def raw(port: int, request: str) -> tuple[int, dict[str, str], bytes]:
    """Send bytes as they are (lines end in LF here) and read the whole answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request.replace("\n", "\r\n").replace("PORT", str(port)).encode())
    async with asyncio.timeout(10):
        answer = await reader.read()
    writer.close()
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    return int(status.split()[1]), headers, body


def websocket_url(port: int, query: str = "") -> str:
    return f"ws://127.0.0.1:{port}/?jobId=7{query}"


async def test_a_simple_post_of_a_foreign_page_does_not_reach_the_handler() -> None:
    """The POST that browsers send without asking first is stopped, whatever its page may read."""
    async with serving() as (port, handler):
        status, headers, body = await raw(
            port,
            f"POST /process-audio HTTP/1.1\nHost: 127.0.0.1:PORT\nOrigin: {EVIL}\nConnection: close\n"
            "Content-Type: text/plain\nContent-Length: 2\n\n{}",
        )

    assert handler.seen == []
    assert status == 403
    assert "access-control-allow-origin" not in headers
    assert json.loads(body) | {"message": "", "hint": ""} == {
        "success": False,
        "error": "origin_not_allowed",
        "message": "",
        "hint": "",
        "rule": "origin",
        "setting": "ALLOWED_ORIGINS",
    }
    assert f"Add {EVIL} to ALLOWED_ORIGINS" in json.loads(body)["hint"]


async def test_a_page_from_a_file_can_read_what_to_set_and_works_once_it_is_set() -> None:
    """Chromium sends `null` for it: the refusal is readable, and gone with ALLOWED_ORIGINS=null."""
    request = "POST / HTTP/1.1\nHost: 127.0.0.1:PORT\nOrigin: null\nConnection: close\nContent-Length: 0\n\n"
    async with serving() as (port, handler):
        status, headers, body = await raw(port, request)
    async with serving(allowed_origins=("null",)) as (port, allowed):
        status_then, headers_then, _ = await raw(port, request)

    assert (status, len(handler.seen), headers["access-control-allow-origin"]) == (403, 0, "null")
    assert "Add null to ALLOWED_ORIGINS" in json.loads(body)["hint"]
    assert (status_then, len(allowed.seen), headers_then["access-control-allow-origin"]) == (200, 1, "null")


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        ("Host: evil.example:PORT\n", 403),
        ("Host: 127.0.0.1\n", 403),
        ("", 400),
        ("Host: 127.0.0.1:PORT\nHost: evil.example\n", 400),
    ],
)
async def test_a_rebound_or_unclear_host_does_not_reach_the_handler(hosts: str, status: int) -> None:
    """The body names the setting; the page may not read it by CORS."""
    async with serving() as (port, handler):
        got, headers, body = await raw(
            port, f"GET /jobs HTTP/1.1\n{hosts}Origin: null\nConnection: close\n\n"
        )

    assert (got, handler.seen) == (status, [])
    assert json.loads(body)["setting"] == "ALLOWED_HOSTS"
    assert "access-control-allow-origin" not in headers


async def test_a_rebound_host_is_refused_on_websockets_too() -> None:
    """The handshake has a Host like any request."""
    async with serving() as (port, handler):
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://evil.example:{port}/", host="127.0.0.1", port=port, proxy=None).__aenter__()

    assert (refused.value.response.status_code, handler.seen) == (403, [])


@pytest.mark.parametrize("origin", [EVIL, "null", "http://127.0.0.1.evil.example"])
async def test_a_websocket_of_a_foreign_page_is_refused_at_the_handshake(origin: str) -> None:
    """403 in place of 101: no CORS and no handler stand between a page and a WebSocket."""
    async with serving() as (port, handler):
        with pytest.raises(InvalidStatus) as refused:
            await connect(websocket_url(port), origin=Origin(origin), proxy=None).__aenter__()

    assert (refused.value.response.status_code, handler.seen) == (403, [])
    assert json.loads(refused.value.response.body)["error"] == "origin_not_allowed"


@pytest.mark.parametrize("origin", [None, Origin("file://"), Origin("http://localhost:8080")])
async def test_websockets_of_panels_and_programs_open(origin: Origin | None) -> None:
    """No origin, `file://` and loopback pass, as over HTTP."""
    async with (
        serving() as (port, _),
        connect(websocket_url(port), origin=origin, proxy=None) as client,
    ):
        assert await client.recv() == "snapshot"


async def test_token_over_http() -> None:
    """401 with a challenge and without running anything; the right token in any case of `Bearer` passes."""
    origin = {"Origin": "http://localhost:8080"}
    async with serving(token=TOKEN) as (port, handler), httpx2.AsyncClient(trust_env=False) as client:
        url = f"http://127.0.0.1:{port}"
        refused = await client.get(f"{url}/jobs", headers=origin)
        in_query = await client.get(f"{url}/jobs", params={"token": TOKEN})
        basic = await client.get(f"{url}/jobs", headers={"Authorization": f"Basic {TOKEN}"})
        assert handler.seen == []
        passed = await client.get(f"{url}/jobs", headers=origin | {"Authorization": f"bEARER {TOKEN}"})
        health = await client.get(f"{url}/health")

    assert [refused.status_code, in_query.status_code, basic.status_code] == [401, 401, 401]
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert refused.headers["Access-Control-Allow-Origin"] == "http://localhost:8080"
    assert refused.json()["setting"] == "API_TOKEN"
    assert [passed.status_code, health.status_code] == [200, 200]
    assert [scope["state"]["authorized"] for scope in handler.seen] == [True, False]


async def test_token_of_an_event_stream() -> None:
    """In the query, since EventSource can send no header; the handler does not see it."""
    route = "/job/7/events"
    async with serving(token=TOKEN) as (port, handler), httpx2.AsyncClient(trust_env=False) as client:
        url = f"http://127.0.0.1:{port}{route}"
        in_query = await client.get(url, params={"token": TOKEN, "after": "3"})
        wrong = await client.get(url, params={"token": "wrong"})
        beside = await client.get(f"{url}/more", params={"token": TOKEN})

    assert [answer.status_code for answer in (in_query, wrong, beside)] == [200, 401, 401]
    assert [(scope["path"], scope["query_string"]) for scope in handler.seen] == [(route, b"after=3")]


async def test_without_a_token_set_everybody_who_passes_is_authorized() -> None:
    """Handlers need to know one flag only."""
    async with serving() as (port, handler):
        await raw(port, "GET /health HTTP/1.1\nHost: 127.0.0.1:PORT\nConnection: close\n\n")

    assert handler.seen[0]["state"]["authorized"] is True


async def test_websocket_with_the_token_as_subprotocol() -> None:
    """What a browser can do: the server selects `audio-tools`, and the handler never sees the token."""
    offers = [Subprotocol("audio-tools"), Subprotocol(f"bearer.{TOKEN}")]
    async with (
        serving(token=TOKEN) as (port, handler),
        connect(websocket_url(port), subprotocols=offers, origin=Origin("null"), proxy=None) as client,
    ):
        assert (client.subprotocol, await client.recv()) == ("audio-tools", "snapshot")

    assert handler.seen[0]["subprotocols"] == ["audio-tools"]


@pytest.mark.parametrize(
    ("query", "headers"),
    [(f"&token={TOKEN}&after=3", {}), ("&after=3", {"Authorization": f"Bearer {TOKEN}"})],
)
async def test_websocket_with_the_token_in_query_or_header(query: str, headers: dict[str, str]) -> None:
    """The query is passed on without the token."""
    async with (
        serving(token=TOKEN) as (port, handler),
        connect(websocket_url(port, query), additional_headers=headers, proxy=None) as client,
    ):
        assert await client.recv() == "snapshot"

    assert handler.seen[0]["query_string"] == b"jobId=7&after=3"


@pytest.mark.parametrize(
    ("query", "offers"),
    [("&token=wrong", []), ("", ["audio-tools", "bearer.wrong"]), ("&token=", [])],
)
async def test_websocket_with_a_wrong_token_is_refused_at_the_handshake(
    query: str, offers: list[str]
) -> None:
    """Who presents a token gets no second try in a message."""
    async with serving(token=TOKEN) as (port, handler):
        with pytest.raises(InvalidStatus) as refused:
            await connect(
                websocket_url(port, query), subprotocols=[Subprotocol(o) for o in offers] or None, proxy=None
            ).__aenter__()

    assert (refused.value.response.status_code, handler.seen) == (401, [])
    assert refused.value.response.headers["WWW-Authenticate"] == "Bearer"


async def test_websocket_with_the_token_as_first_message() -> None:
    """The handler starts when the token is there, and opens the socket as if nothing had been."""
    async with (
        serving(token=TOKEN) as (port, handler),
        connect(websocket_url(port), subprotocols=[Subprotocol("audio-tools")], proxy=None) as client,
    ):
        assert handler.seen == []
        await client.send(json.dumps({"type": "auth", "token": TOKEN}))
        assert (client.subprotocol, await client.recv()) == ("audio-tools", "snapshot")
        with pytest.raises(ConnectionClosed):
            await client.recv()

    assert (client.close_code, handler.seen[0]["state"]["authorized"]) == (1000, True)


async def test_a_refusal_after_the_first_message_is_a_close_code() -> None:
    """There is no status any more once the socket is open: 404 becomes 4404."""
    async with (
        serving(token=TOKEN) as (port, _),
        connect(f"ws://127.0.0.1:{port}/missing", proxy=None) as client,
    ):
        await client.send(json.dumps({"type": "auth", "token": TOKEN}))
        with pytest.raises(ConnectionClosed):
            await client.recv()

    assert client.close_code == 4404


@pytest.mark.parametrize(
    "message",
    [
        json.dumps({"type": "auth", "token": "wrong"}),
        json.dumps({"type": "auth", "token": None}),
        json.dumps({"type": "auth"}),
        json.dumps({"token": TOKEN}),
        json.dumps([TOKEN]),
        '"\ud83d',
        "[" * 100_000,
        TOKEN.encode(),
        "",
    ],
    ids=str,
)
async def test_any_other_first_message_closes_with_4401(message: str | bytes) -> None:
    """Only the correct token in the correct form is accepted; no request causes an internal error."""
    async with (
        serving(token=TOKEN) as (port, handler),
        connect(websocket_url(port), proxy=None) as client,
    ):
        await client.send(
            message if isinstance(message, bytes) else message.encode("utf-8", "replace"), text=True
        )
        with pytest.raises(ConnectionClosed):
            await client.recv()

    assert (client.close_code, handler.seen) == (4401, [])


async def test_silence_closes_with_4401(monkeypatch: pytest.MonkeyPatch) -> None:
    """A socket that never says who it is does not stay."""
    monkeypatch.setattr(guard, "FIRST_MESSAGE_TIMEOUT_S", 0.0)
    async with (
        serving(token=TOKEN) as (port, handler),
        connect(websocket_url(port), proxy=None) as client,
    ):
        with pytest.raises(ConnectionClosed):
            await client.recv()

    assert (client.close_code, handler.seen) == (4401, [])


async def test_a_client_that_leaves_before_its_token_is_not_talked_to() -> None:
    """It is gone: no handler runs and nothing is sent after it."""
    messages: list[Message] = [{"type": "websocket.disconnect", "code": 1005}, {"type": "websocket.connect"}]
    sent: list[str] = []

    async def receive() -> Message:
        return messages.pop()

    async def send(message: Message) -> None:
        sent.append(message["type"])

    handler = Handler()
    scope = {"type": "websocket", "path": "/", "query_string": b"", "subprotocols": []}
    await AccessControl(handler, LOCKED)(scope | {"headers": [(b"host", b"localhost:3001")]}, receive, send)

    assert (sent, handler.seen) == (["websocket.accept"], [])


PREFLIGHT = (
    "OPTIONS /files HTTP/1.1\nHost: 127.0.0.1:PORT\nConnection: close\nOrigin: {}\n"
    "Access-Control-Request-Method: PATCH\nAccess-Control-Request-Headers: tus-resumable,upload-offset\n"
    "Access-Control-Request-Private-Network: true\n\n"
)


async def test_preflight_of_an_allowed_page() -> None:
    """It is answered here: resumable uploads, the token and the private network are granted."""
    async with serving() as (port, handler):
        status, headers, body = await raw(port, PREFLIGHT.format("http://localhost:8080"))

    assert (status, body, handler.seen) == (204, b"", [])
    assert headers["access-control-allow-origin"] == "http://localhost:8080"
    assert headers["access-control-allow-private-network"] == "true"
    assert headers["vary"] == "origin"
    methods = set(headers["access-control-allow-methods"].split(", "))
    assert methods == {"get", "post", "head", "patch", "delete", "options"}
    granted = set(headers["access-control-allow-headers"].split(", "))
    assert granted >= {"authorization", "content-type", "idempotency-key", "tus-resumable", "upload-offset"}
    assert granted >= {"upload-length", "upload-metadata", "upload-checksum", "x-http-method-override"}


async def test_preflight_of_a_page_with_openais_sdk() -> None:
    """The headers of the SDK are granted as they are asked for; others are not."""
    asked = "authorization, x-stainless-os,x-stainless-retry-count,openai-organization,x-evil,x-stainless-a b"
    preflight = PREFLIGHT.replace("tus-resumable,upload-offset", asked)
    async with serving() as (port, _):
        _, headers, _ = await raw(port, preflight.format("http://localhost:8080"))
    granted = set(headers["access-control-allow-headers"].split(", "))

    assert granted >= {"authorization", "x-stainless-os", "x-stainless-retry-count", "openai-organization"}
    assert not {name for name in granted if "evil" in name or "stainless-a" in name}


async def test_preflight_of_a_foreign_page() -> None:
    """Nothing is granted."""
    async with serving() as (port, handler):
        status, headers, _ = await raw(port, PREFLIGHT.format(EVIL))

    assert (status, handler.seen) == (403, [])
    assert not [name for name in headers if name.startswith("access-control-")]


async def test_options_of_tus_reaches_the_app() -> None:
    """It asks what the server can do, and is no preflight."""
    async with serving() as (port, handler):
        status, _, body = await raw(
            port,
            "OPTIONS /files HTTP/1.1\nHost: 127.0.0.1:PORT\nOrigin: http://localhost\nConnection: close\n\n",
        )

    assert (status, body, len(handler.seen)) == (200, b"handled", 1)


async def test_an_allowed_page_can_read_the_answer_and_its_headers() -> None:
    """The origin is echoed, never `*`, and caches are told; what tus and we need is exposed."""
    async with serving() as (port, _):
        _, headers, _ = await raw(
            port, "GET / HTTP/1.1\nHost: 127.0.0.1:PORT\nOrigin: file://\nConnection: close\n\n"
        )
        _, without, _ = await raw(port, "GET / HTTP/1.1\nHost: 127.0.0.1:PORT\nConnection: close\n\n")

    assert headers["access-control-allow-origin"] == "file://"
    exposed = set(headers["access-control-expose-headers"].split(", "))
    assert exposed >= {"location", "upload-offset", "upload-length", "upload-expires", "retry-after"}
    assert exposed >= {"tus-resumable", "tus-extension", "tus-max-size", "x-request-id"}
    assert exposed >= {"content-disposition", "etag", "x-job-id", "x-should-retry"}
    assert "access-control-allow-credentials" not in headers
    assert "access-control-allow-origin" not in without
    assert (headers["vary"], without["vary"]) == ("origin", "origin")


async def test_no_answer_can_be_framed_or_loaded_by_another_site() -> None:
    """Old browsers say nothing in Sec-Fetch-Site; these headers bind them all the same."""
    async with serving() as (port, _):
        _, headers, _ = await raw(port, "GET /docs HTTP/1.1\nHost: 127.0.0.1:PORT\nConnection: close\n\n")

    assert headers["x-frame-options"] == "deny"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"


async def test_a_server_that_cannot_deny_with_a_body_closes_the_handshake() -> None:
    """The extension `websocket.http.response` is optional in ASGI; the close before accept is its 403."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    handler = Handler()
    scope = {"type": "websocket", "path": "/", "headers": [(b"host", b"evil.example")], "query_string": b""}
    await AccessControl(handler, OPEN)(scope, receive, send)

    assert (sent, handler.seen) == ([{"type": "websocket.close", "code": 1008}], [])


async def test_the_lifespan_passes() -> None:
    """The start and the stop of the app are not checked as requests."""
    seen: list[str] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        seen.append(scope["type"])

    async def nothing() -> Message:
        return {}

    async def sink(message: Message) -> None:
        seen.append(message["type"])

    await AccessControl(app, OPEN)({"type": "lifespan"}, nothing, sink)

    assert seen == ["lifespan"]
