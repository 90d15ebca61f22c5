"""JSON replies that take long: blank space keeps the connection until the body is there."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress

from anyio import CancelScope
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from audio_tools.errors import AudioToolsError
from audio_tools.server.openai_api.errors import JobFailed, stream_error
from audio_tools.server.request_body import ClientGone

SILENT_S = 50.0
"""How long a call may wait in silence, in seconds: proxies give up after 60, Node's `fetch` after 300."""
BLANK_S = 15.0
"""Interval between blanks, in seconds."""
BLANK = b"\n"
"""JSON may begin with blank space; SRT, WebVTT and text may not."""

log = logging.getLogger(__name__)


class LateReply(StreamingResponse):
    """
    The JSON body of a reply that is still being made, with blank space in front.

    The status 200 is sent before the outcome is known. An error is the body then, and the connection breaks
    off behind it, so that clients see that the call has failed, and may repeat it.

    Args:
        coming: makes the reply; cancelled if the client disconnects.
        headers: headers of the response.
    """

    def __init__(self, coming: asyncio.Task[Response], headers: Mapping[str, str]) -> None:
        # A client that disconnects now ends the response before its body begins.
        coming.add_done_callback(lambda task: task.cancelled() or task.exception())
        super().__init__(_body(coming), media_type="application/json", headers=headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with suppress(_BrokenOff):
            await super().__call__(scope, receive, send)


class _BrokenOff(Exception):
    """The body is not to be completed."""


async def _body(coming: asyncio.Task[Response]) -> AsyncGenerator[bytes, None]:
    try:
        while not coming.done():
            yield BLANK
            await asyncio.wait({coming}, timeout=BLANK_S)
        try:
            body = bytes(coming.result().body)
        except ClientGone:
            raise _BrokenOff from None
        except (AudioToolsError, JobFailed) as error:
            # uvicorn logs an incomplete response as an error, without its reason.
            log.warning("reply broken off, its status was sent before: %s", error)
            yield json.dumps(stream_error(error)).encode()
            raise _BrokenOff from error
        yield body
    finally:
        with CancelScope(shield=True):
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
