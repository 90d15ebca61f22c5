"""Client address, scheme and path prefix from the headers of trusted proxies."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

FORWARDED = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-prefix")
SCHEMES = {"http": {"http": "http", "websocket": "ws"}, "https": {"http": "https", "websocket": "wss"}}
WITH_PORT = re.compile(r"\[(?P<v6>[^\]]+)\](:\d+)?|(?P<v4>[\d.]+):\d+")
PREFIX = re.compile(r"(/[A-Za-z0-9._~-]+){1,10}")


class Proxies:
    """
    The outermost ASGI middleware: applies `X-Forwarded-For`, `-Proto` and `-Prefix` of trusted proxies.

    The headers are removed from requests of other clients, which could otherwise forge the address in the log
    and in generated URLs. `prefix` is the path prefix of the service, unless the proxy sends one.
    """

    def __init__(self, app: ASGIApp, trusted: Sequence[str], prefix: str = "") -> None:
        self._app = app
        self._trusted = [ipaddress.ip_network(entry, strict=False) for entry in trusted]
        self._prefix = prefix.rstrip("/")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        said = _forwarded(scope)
        if said:
            headers = [(name, value) for name, value in scope["headers"] if name not in FORWARDED]
            scope = {**scope, "headers": headers}
        prefix = self._prefix
        if said and self._is_trusted(_address(scope)):
            self._apply(scope, said)
            prefix = _plain_path(said.get(b"x-forwarded-prefix", "")) or prefix
        # A copy, since uvicorn shares one dict among all requests.
        scope["state"] = {**scope.get("state", {}), "prefix": prefix}
        await self._app(scope, receive, _with_prefix(send, prefix) if prefix else send)

    def _apply(self, scope: Scope, said: dict[bytes, str]) -> None:
        if client := self._client(said.get(b"x-forwarded-for", "")):
            scope["client"] = (client, 0)
        proto = said.get(b"x-forwarded-proto", "").split(",")[-1].strip().lower()
        if proto in SCHEMES:
            scope["scheme"] = SCHEMES[proto][scope["type"]]
            scope["state"] = {**scope.get("state", {}), "proxied": True}

    def _client(self, forwarded_for: str) -> str | None:
        """The last address that is not a trusted proxy; earlier ones may be forged by the client."""
        for entry in reversed([part.strip() for part in forwarded_for.split(",") if part.strip()]):
            address = _without_port(entry)
            if not self._is_trusted(address):
                return address if _parsed(address) else None
        return None

    def _is_trusted(self, address: str) -> bool:
        parsed = _parsed(address)
        return parsed is not None and any(parsed in network for network in self._trusted)


def _forwarded(scope: Scope) -> dict[bytes, str]:
    """The forwarding headers; a repeated one, as HAProxy sends it, is the same as one list."""
    said: dict[bytes, str] = {}
    for name, value in scope["headers"]:
        if name in FORWARDED:
            text = value.decode("latin-1")
            said[name] = f"{said[name]}, {text}" if name in said else text
    return said


def _without_port(entry: str) -> str:
    """An address as `ipaddress` reads it; Azure and IIS append a port, and IPv6 then has brackets."""
    match = WITH_PORT.fullmatch(entry)
    return (match["v6"] or match["v4"]) if match else entry


def _parsed(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return mapped or address


def _address(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _plain_path(text: str) -> str:
    """
    Return a prefix as a path without a trailing slash; empty if it is not a plain path.

    Of several prefixes each belongs to a proxy behind the one before.
    """
    path = "".join(part.strip().rstrip("/") for part in text.split(","))
    return path if PREFIX.fullmatch(path) else ""


def _with_prefix(send: Send, prefix: str) -> Send:
    """Add the prefix to redirects and locations."""

    async def send_below(message: Message) -> None:
        if message["type"] == "http.response.start":
            message = {
                **message,
                "headers": [(name, _moved(name, value, prefix)) for name, value in message["headers"]],
            }
        await send(message)

    return send_below


def _moved(name: bytes, value: bytes, prefix: str) -> bytes:
    if name.lower() != b"location":
        return value
    parts = urlsplit(value.decode("latin-1"))
    if not parts.path.startswith("/"):  # relative: right behind any proxy
        return value
    return parts._replace(path=prefix + parts.path).geturl().encode("latin-1")
