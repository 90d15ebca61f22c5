"""Errors of OpenAI's routes, as the client gets them and as the log counts them."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import httpx2
import pytest
from starlette.types import Message, Receive, Scope, Send

from audio_tools.errors import OptionRefused
from audio_tools.server.error_responses import error_response
from audio_tools.server.middleware.access_log import AccessLog
from audio_tools.server.middleware.openai_errors import OpenAIErrors
from audio_tools.server.middleware.stopping import AnswerWhenStopped

REFUSED = OptionRefused("The model 'nope' does not exist.", option="model")


async def refuse(scope: Scope, receive: Receive, send: Send) -> None:
    await error_response(REFUSED)(scope, receive, send)


async def test_the_log_has_the_status_that_the_client_gets(caplog: pytest.LogCaptureFixture) -> None:
    """OpenAI's 404 for an unknown model, where other routes answer 502."""
    transport = httpx2.ASGITransport(AccessLog(OpenAIErrors(refuse)))
    async with httpx2.AsyncClient(transport=transport, base_url="http://test") as client:
        with caplog.at_level(logging.INFO, "audio_tools.server.middleware.access_log"):
            response = await client.get("/v1/models/nope")

    (line,) = caplog.records
    assert response.status_code == 404
    assert (line.levelname, vars(line)["status"]) == ("INFO", 404)


@pytest.mark.parametrize("path", ["/v1/audio/transcriptions", "/process-audio"])
async def test_a_stopped_request_is_answered_in_the_shape_of_its_route(path: str) -> None:
    """503, and the cancellation ends there."""
    sent: list[Message] = []

    async def cancelled(*_: Any) -> Any:
        raise asyncio.CancelledError

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": []}
    await AccessLog(OpenAIErrors(AnswerWhenStopped(cancelled)))(scope, cancelled, send)

    error = json.loads(sent[1]["body"])["error"]
    assert sent[0]["status"] == 503
    assert (error["code"] if path.startswith("/v1/") else error) == "service_stopping"
