"""What the headers of proxies change, and from whom they count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.requests import Request
from starlette.types import Message, Receive, Scope, Send

from audio_tools.server.middleware.proxies import Proxies
from audio_tools.server.routes._job_view import websocket_url

PROXY = "10.0.0.7"


async def seen(
    client: str, headers: Mapping[str, str | list[str]], *, prefix: str = "", location: str = "/x"
) -> tuple[Scope, str]:
    """The scope that the app gets, and the Location that the client gets."""
    scopes: list[Scope] = []
    sent: list[Message] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        scopes.append(scope)
        head = [(b"location", location.encode())]
        await send({"type": "http.response.start", "status": 307, "headers": head})

    async def send(message: Message) -> None:
        sent.append(message)

    async def receive() -> Message:
        raise AssertionError

    raw = [
        (name.lower().encode(), value.encode())
        for name, values in headers.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    scope: dict[str, Any] = {
        "type": "http",
        "scheme": "http",
        "method": "GET",
        "path": "/",
        "query_string": b"",
        "client": (client, 5),
        "server": ("127.0.0.1", 3001),
        "headers": [(b"host", b"audio.example.com"), *raw],
    }
    await Proxies(app, ["10.0.0.0/24", "::1"], prefix)(scope, receive, send)
    return scopes[0], dict(sent[0]["headers"])[b"location"].decode()


FORGED = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Prefix": "/evil",
}


@pytest.mark.parametrize("client", ["127.0.0.1", "192.168.1.5", "10.0.1.7"])
async def test_a_client_that_is_no_proxy_is_not_believed(client: str) -> None:
    """A local program neither hides its address in the log nor changes the address that is handed out."""
    scope, location = await seen(client, FORGED)

    assert (scope["client"], scope["scheme"], location) == ((client, 5), "http", "/x")
    assert not any(name.startswith(b"x-forwarded") for name, _ in scope["headers"])
    assert websocket_url(Request(scope), 3002, "1") == "ws://audio.example.com:3002/?jobId=1"


async def test_a_trusted_proxy_names_client_scheme_and_prefix() -> None:
    """The client is the last address that is no trusted proxy: those before it anybody can write."""
    said = FORGED | {"X-Forwarded-For": "6.6.6.6, 203.0.113.9, 10.0.0.8", "X-Forwarded-Prefix": "/audio/"}
    scope, location = await seen(PROXY, said)

    assert (scope["client"][0], scope["scheme"], location) == ("203.0.113.9", "https", "/audio/x")
    assert websocket_url(Request(scope), 3002, "1") == "wss://audio.example.com/audio/?jobId=1"


async def test_a_prefix_can_be_set() -> None:
    """For proxies that do not name it."""
    scope, location = await seen(
        "127.0.0.1", {}, prefix="/audio", location="http://audio.example.com/files/1"
    )

    assert location == "http://audio.example.com/audio/files/1"
    assert websocket_url(Request(scope), 3002, "1") == "ws://audio.example.com/audio/?jobId=1"


async def test_a_relative_location_stays_as_it_is() -> None:
    """It is right behind any prefix: that of an upload."""
    assert (await seen(PROXY, {"X-Forwarded-Prefix": "/audio"}, location="files/1"))[1] == "files/1"


@pytest.mark.parametrize("prefix", ["//evil.example.com", "/a b", "http://evil", "/a?b", "/" + "a/" * 50])
async def test_what_is_no_path_is_no_prefix(prefix: str) -> None:
    """Whatever a proxy passes on."""
    assert (await seen(PROXY, {"X-Forwarded-Prefix": prefix}))[1] == "/x"


async def test_garbage_from_a_proxy_changes_nothing() -> None:
    """Neither address nor scheme."""
    scope, _ = await seen(PROXY, {"X-Forwarded-For": "unknown, _hidden", "X-Forwarded-Proto": "gopher"})

    assert (scope["client"][0], scope["scheme"]) == (PROXY, "http")


@pytest.mark.parametrize(
    ("forwarded_for", "client"),
    [
        ("203.0.113.9:51234", "203.0.113.9"),
        ("[2001:db8::9]:443", "2001:db8::9"),
        ("203.0.113.9, 10.0.0.8:1024", "203.0.113.9"),
        (["203.0.113.9", "10.0.0.8"], "203.0.113.9"),
        (["6.6.6.6", "203.0.113.9, 10.0.0.8"], "203.0.113.9"),
    ],
)
async def test_the_client_is_found_in_every_form_of_the_list(
    forwarded_for: str | list[str], client: str
) -> None:
    """Azure's gateway and IIS append a port; HAProxy adds a header of its own behind those it received."""
    scope, _ = await seen(PROXY, {"X-Forwarded-For": forwarded_for})

    assert scope["client"][0] == client


@pytest.mark.parametrize("prefixes", [["/media", "/audio/"], "/media, /audio"])
async def test_prefixes_of_two_proxies_follow_each_other(prefixes: str | list[str]) -> None:
    """The first is that of the outer proxy."""
    assert (await seen(PROXY, {"X-Forwarded-Prefix": prefixes}))[1] == "/media/audio/x"
