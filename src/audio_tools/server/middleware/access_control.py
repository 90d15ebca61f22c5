"""Apply the access rules to every request, and answer CORS (docs/security.md)."""

from __future__ import annotations

import asyncio
import json
import re

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audio_tools.server.access_rules import (
    SUBPROTOCOL,
    AccessError,
    AccessRules,
    Claims,
    OriginNotAllowed,
    Unauthorized,
    judge,
    takes_query_token,
    token_is_valid,
)
from audio_tools.server.error_responses import error_response

UNAUTHORIZED = 4401
"""WebSocket close code: no valid token in the first message, or the message came too late."""
FIRST_MESSAGE_TIMEOUT_S = 10.0
RawHeaders = tuple[tuple[bytes, bytes], ...]

EVERY_RESPONSE: RawHeaders = (
    # Responses must not be embedded by pages of other sites.
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"vary", b"Origin"),
)
PREFLIGHT_ANSWER = {
    "Access-Control-Allow-Methods": "GET, POST, HEAD, PATCH, DELETE, OPTIONS",
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Idempotency-Key, X-Request-Id, "
    "Last-Event-ID, X-HTTP-Method-Override, Tus-Resumable, Upload-Length, Upload-Offset, Upload-Metadata, "
    "Upload-Defer-Length, Upload-Checksum, Upload-Concat",
    "Access-Control-Max-Age": "600",
}
SDK_HEADER = re.compile(r"(x-stainless|openai)-[a-z-]{1,40}")
"""Request headers of OpenAI's SDK, which vary with its version; a page may send those that it asks for."""
EXPOSED_HEADERS = (
    b"Location, Content-Disposition, ETag, Retry-After, X-Request-Id, X-Job-Id, X-Should-Retry, "
    b"Upload-Offset, Upload-Length, Upload-Defer-Length, "
    b"Upload-Metadata, Upload-Expires, Upload-Concat, Tus-Resumable, Tus-Version, Tus-Extension, "
    b"Tus-Max-Size, Tus-Checksum-Algorithm"
)


class AccessControl:
    """
    ASGI middleware around the whole app: checks each request and WebSocket handshake, and answers CORS.

    Handlers find `scope["state"]["authorized"]` (see `judge`); a WebSocket's handler runs only once it is
    true. A refused request leaves the reason in `scope["state"]["refused"]`, for the log.
    """

    def __init__(self, app: ASGIApp, rules: AccessRules) -> None:
        self._app = app
        self._rules = rules

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        claims = Claims.of(scope)
        state = scope.setdefault("state", {})
        _forget_token(scope)
        try:
            state["authorized"] = judge(self._rules, claims)
        except AccessError as error:
            state["refused"] = error.message
            await _refuse(error, claims, scope, receive, send)
            return
        if claims.websocket:
            await self._open(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_headers(claims, readable=True)]
            await send(message)

        app = _preflight_answer(scope) if claims.is_preflight else self._app
        await app(scope, receive, send_with_headers)

    async def _open(self, scope: Scope, receive: Receive, send: Send) -> None:
        if not scope["state"]["authorized"]:
            if not await self._hear_token(scope, receive, send):
                return
            scope["state"]["authorized"] = True
            receive, send = _already_open(receive, send)
        await self._app(scope, receive, send)

    async def _hear_token(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Accept a WebSocket and wait for `{"type": "auth", "token": …}`; close it if none arrives."""
        if (await receive())["type"] != "websocket.connect":
            return False
        await send({"type": "websocket.accept", "subprotocol": _selected(scope)})
        try:
            async with asyncio.timeout(FIRST_MESSAGE_TIMEOUT_S):
                message = await receive()
        except TimeoutError:
            message = {"type": "websocket.receive"}
        if message["type"] != "websocket.receive":
            return False
        if token_is_valid(self._rules, _token_in(message)):
            return True
        scope["state"]["refused"] = "The first message contained no valid token."
        await send({"type": "websocket.close", "code": UNAUTHORIZED, "reason": "API token required"})
        return False


def _forget_token(scope: Scope) -> None:
    """Remove the token from the query, so that it never appears in a log."""
    if takes_query_token(scope):
        parts = scope["query_string"].split(b"&")
        # In place, since uvicorn logs the handshake from the same scope.
        scope["query_string"] = b"&".join(part for part in parts if not part.startswith(b"token="))
    if scope["type"] == "websocket":
        scope["subprotocols"] = [
            name for name in scope.get("subprotocols", ()) if not name.startswith("bearer.")
        ]


async def _refuse(error: AccessError, claims: Claims, scope: Scope, receive: Receive, send: Send) -> None:
    if claims.websocket and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 1008})
        return
    response = error_response(error)
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = "Bearer"
    # A page opened from a file must be able to show the hint. Other pages can create frames of the same
    # origin (`null`), so this body contains nothing but the hint.
    readable = isinstance(error, Unauthorized) or (
        isinstance(error, OriginNotAllowed) and claims.origins == ("null",)
    )
    response.raw_headers += _headers(claims, readable=readable)
    await response(scope, receive, send)


def _headers(claims: Claims, *, readable: bool) -> RawHeaders:
    """Headers added to every response; `readable`: the requesting page may read it."""
    if not readable or len(claims.origins) != 1:
        return EVERY_RESPONSE
    return (
        *EVERY_RESPONSE,
        (b"access-control-allow-origin", claims.origins[0].encode("latin-1")),
        (b"access-control-expose-headers", EXPOSED_HEADERS),
    )


def _preflight_answer(scope: Scope) -> Response:
    headers, asked = dict(PREFLIGHT_ANSWER), Headers(scope=scope)
    wanted = asked.get("access-control-request-headers", "").lower().split(",")
    of_sdk = [name.strip() for name in wanted if SDK_HEADER.fullmatch(name.strip())]
    headers["Access-Control-Allow-Headers"] = ", ".join([headers["Access-Control-Allow-Headers"], *of_sdk])
    if "access-control-request-private-network" in asked:
        headers["Access-Control-Allow-Private-Network"] = "true"
    return Response(status_code=204, headers=headers)


def _selected(scope: Scope) -> str | None:
    return SUBPROTOCOL if SUBPROTOCOL in scope["subprotocols"] else None


def _token_in(message: Message) -> list[bytes]:
    try:
        first = json.loads(message.get("text") or "")
    except (ValueError, RecursionError):
        return []
    is_auth = isinstance(first, dict) and first.get("type") == "auth"
    return [str(first.get("token")).encode("utf-8", "replace")] if is_auth else []


def _already_open(receive: Receive, send: Send) -> tuple[Receive, Send]:
    """Ignore the handler's accept of a WebSocket that is already open."""
    connect: list[Message] = [{"type": "websocket.connect"}]

    async def receive_again() -> Message:
        return connect.pop() if connect else await receive()

    async def send_again(message: Message) -> None:
        kind = message["type"]
        if kind == "websocket.http.response.start":
            # The handshake is over: 404 becomes the close code 4404.
            await send({"type": "websocket.close", "code": 4000 + message["status"]})
        elif kind not in {"websocket.accept", "websocket.http.response.body"}:
            await send(message)

    return receive_again, send_again
