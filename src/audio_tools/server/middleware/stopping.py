"""Responses to requests that the end of the service interrupts."""

from __future__ import annotations

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from audio_tools.errors import ServiceStopping
from audio_tools.server.error_responses import error_response


class AnswerWhenStopped:
    """
    ASGI middleware: 503 to a request that uvicorn cancels, if its response has not started.

    uvicorn cancels what does not end within its grace period, and would log it as a fault.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_noting(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, send_noting)
        except asyncio.CancelledError:
            if not started:
                await error_response(ServiceStopping())(scope, receive, send)
