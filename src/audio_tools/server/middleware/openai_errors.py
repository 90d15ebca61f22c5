"""Errors below `/v1` in OpenAI's shape, wherever they arise."""

from __future__ import annotations

import json

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audio_tools.server.openai_api.errors import api_error

PREFIX = "/v1/"


class OpenAIErrors:
    """
    ASGI middleware inside the access log: rewrites the JSON body of an error response to a path below `/v1`.

    Every error response has its body in one message, so it is sent on at once.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(PREFIX):
            await self._app(scope, receive, send)
            return
        held: Message | None = None

        async def send_rewritten(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start" and message["status"] >= 400:
                held = message
                return
            if held is not None and message["type"] == "http.response.body":
                start, message = _rewritten(held, message)
                held = None
                await send(start)
            await send(message)

        await self._app(scope, receive, send_rewritten)


def _rewritten(start: Message, body: Message) -> tuple[Message, Message]:
    try:
        record = json.loads(body.get("body", b""))
    except ValueError:
        return start, body
    if not isinstance(record, dict) or "error" not in record:
        return start, body
    headers = [(name, value) for name, value in start["headers"] if name != b"content-length"]
    error = api_error(start["status"], record, may_retry=any(name == b"retry-after" for name, _ in headers))
    data = json.dumps(error.body).encode()
    headers.append((b"content-length", str(len(data)).encode()))
    if error.retry is not None:
        headers.append((b"x-should-retry", b"true" if error.retry else b"false"))
    return {**start, "status": error.status, "headers": headers}, {**body, "body": data}
