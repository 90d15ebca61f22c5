"""Answers that go wrong on purpose."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from tests.simulator import errors
from tests.simulator.conduct import Fault
from tests.simulator.replies import Reply

if TYPE_CHECKING:
    from aiohttp.abc import AbstractStreamWriter
    from aiohttp.web_request import BaseRequest

UNANSWERED = ("reset", "hang")
"""The kinds of fault that leave a client without any answer."""

_GARBAGE = b"<html><body><h1>502 Bad Gateway</h1></body></html>"


class _Reset(web.Response):
    """The connection is closed before a byte of the answer."""

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        _hang_up(request)
        raise ConnectionResetError


class _Cut(web.Response):
    """The connection is closed after half the body."""

    async def prepare(self, request: BaseRequest) -> AbstractStreamWriter | None:
        assert isinstance(self.body, bytes)
        await super().prepare(request)
        await self.write(self.body[: len(self.body) // 2])
        _hang_up(request)
        raise ConnectionResetError


def broken_answer(fault: Fault, answer: Reply, model: str, requests_per_minute: int) -> web.Response:
    """What is sent instead of an answer."""
    headers = {"Content-Type": answer.content_type}
    match fault.kind:
        case "500":
            return errors.server_error().response()
        case "503":
            return errors.overloaded().response()
        case "429":
            wait_s = 1.0 if fault.retry_after_s is None else float(fault.retry_after_s)
            return errors.rate_limited(model, requests_per_minute, wait_s, fault.retry_after_s).response()
        case "garbage":
            return web.Response(body=_GARBAGE, headers=headers)
        case "cut":
            return _Cut(body=answer.body, headers=headers)
        case "reset":
            return _Reset()
        case "hang":
            raise AssertionError("a request that hangs is never answered")


def _hang_up(request: BaseRequest) -> None:
    # Closed, not aborted: what was written before is still sent.
    if request.transport is not None:
        request.transport.close()
