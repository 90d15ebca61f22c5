"""
A stand-in for OpenAI's `POST /v1/audio/transcriptions` that listens to what it is sent.

It obeys the rules of the real one (keys, fields, models, limits, errors, headers) and hears the words of
`tones.py`, so that a test knows what should come back. How slow and how unreliable it is can be set, before
and while it runs; everything that came in can be read, by Python or by `GET /__log`.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from aiohttp.typedefs import Handler

from tests.simulator import errors
from tests.simulator.broken import UNANSWERED, broken_answer
from tests.simulator.conduct import (
    EXACT,
    PROMPT,
    Faults,
    Inaccuracy,
    Latency,
    RateLimit,
    no_faults,
    read_settings,
    rng_of,
)
from tests.simulator.ears import Heard, listen
from tests.simulator.errors import ApiError, go_duration
from tests.simulator.foreign import Dialect, foreign_reply, refuse
from tests.simulator.form import Form, parse_form
from tests.simulator.log import Log, Record
from tests.simulator.order import Order, read_order
from tests.simulator.replies import Hearing, reply
from tests.simulator.tones import SAMPLE_RATE_HZ
from tests.simulator.uploads import UnreadableFile, decode

KEY = "sk-test"
"""The key that is valid unless others are given."""


class Simulator:
    """
    The server; `async with Simulator() as simulator: … simulator.base_url …`.

    All arguments are attributes too, which may be changed at any time.

    Args:
        keys: the API keys that are valid.
        latency: how long answers take, counted from the request's arrival.
        inaccuracy: how wrong the times of words are.
        faults: what goes wrong when; see `at_random`, `by_plan`, `for_words`.
        requests_per_minute: beyond, 429 `rate_limit_exceeded`.
        minute_s: how long its minute lasts, in seconds: with less its limits are as much faster as answers.
        at_once: how many requests it works on; others get 429 `slow_down`, to come back a second (of its
            minute) later. With 0 nobody is served.
        quota_exhausted: whether every request gets 429 `insufficient_quota`.
        dialect: the server that it plays, see `foreign.py`; None: OpenAI's own. Another one takes any model.
        seed: of all chance.
        port: 0 for any that is free.
    """

    def __init__(
        self,
        *,
        keys: Collection[str] = (KEY,),
        latency: Latency = PROMPT,
        inaccuracy: Inaccuracy = EXACT,
        faults: Faults = no_faults,
        requests_per_minute: int = 10_000,
        minute_s: float = 60.0,
        at_once: int = 1_000,
        quota_exhausted: bool = False,
        dialect: Dialect | None = None,
        seed: int = 0,
        port: int = 0,
    ) -> None:
        self.keys = keys
        self.latency = latency
        self.inaccuracy = inaccuracy
        self.faults = faults
        self._limit = RateLimit(requests_per_minute, minute_s=minute_s)
        self.at_once = at_once
        self._at_work = 0
        self.quota_exhausted = quota_exhausted
        self.dialect = dialect
        self.seed = seed
        self._port = port
        self._heard: dict[str, tuple[float, list[Heard]]] = {}  # by digest: the same file sounds the same
        self._log = Log()
        self._runner = web.AppRunner(self._app(), handler_cancellation=True, shutdown_timeout=0.1)

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        """Where `/__log` and `/__control` are."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def base_url(self) -> str:
        """What the SDK wants as `base_url`."""
        return f"{self.url}/v1"

    @property
    def requests(self) -> list[Record]:
        """All requests in order of arrival."""
        return self._log.records

    @property
    def in_flight(self) -> int:
        """How many requests are open."""
        return self._log.in_flight

    @property
    def max_in_flight(self) -> int:
        """How many requests were ever open at once."""
        return self._log.max_in_flight

    @property
    def requests_per_minute(self) -> int:
        """How many requests a minute are taken; setting it starts with a full bucket."""
        return self._limit.per_minute

    @requests_per_minute.setter
    def requests_per_minute(self, value: int) -> None:
        self._limit = RateLimit(value, minute_s=self.minute_s)

    @property
    def minute_s(self) -> float:
        """How long its minute lasts, in seconds; setting it starts with a full bucket."""
        return self._limit.minute_s

    @minute_s.setter
    def minute_s(self, value: float) -> None:
        self._limit = RateLimit(self.requests_per_minute, minute_s=value)

    async def wait_for(self, predicate: Callable[[list[Record]], bool], timeout_s: float = 30) -> None:
        """
        Wait until the requests are as wanted; asked again whenever one comes, is understood, or ends.

        Raises:
            TimeoutError: they never were.
        """
        await self._log.wait_for(predicate, timeout_s)

    def forget(self) -> None:
        """Empty the log."""
        self._log.forget()

    def _app(self) -> web.Application:
        app = web.Application(middlewares=[self._with_errors])
        app.router.add_post("/v1/audio/transcriptions", self._transcriptions)
        app.router.add_post("/v1/audio/translations", self._transcriptions)
        app.router.add_get("/__log", self._get_log)
        app.router.add_post("/__control", self._post_control)
        return app

    @web.middleware
    async def _with_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed):
            return errors.unknown_url(request.method, request.path).response()

    async def _get_log(self, _request: web.Request) -> web.Response:
        return web.json_response(self._log.to_json())

    async def _post_control(self, request: web.Request) -> web.Response:
        try:
            self.control(await request.json())
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            return web.json_response({"error": repr(error)}, status=400)
        return web.json_response({})

    def control(self, settings: dict[str, Any]) -> None:
        """
        Change settings as `POST /__control` does.

        Args:
            settings: see `read_settings`; `forget: true` empties the log. What is not named stays.

        Raises:
            ValueError, TypeError, KeyError: something in it is wrong; what stands before is changed.
        """
        for name, value in read_settings(settings, self.seed):
            if name == "forget":
                self.forget()
            else:
                setattr(self, name, value)

    async def _transcriptions(self, request: web.Request) -> web.Response:
        record = self._log.open()
        try:
            response = await self._answer(request, record)
            record.status = None if record.fault in UNANSWERED else response.status
        except asyncio.CancelledError:
            record.aborted = True
            raise
        finally:
            self._log.close(record)
        response.headers.update(self._headers(record))
        return response

    def _headers(self, record: Record) -> dict[str, str]:
        request_id = hashlib.sha256(f"{self.seed} {record.number}".encode()).hexdigest()[:32]
        return {
            "x-request-id": f"req_{request_id}",
            "openai-version": "2020-10-01",
            "openai-processing-ms": str(round((time.monotonic() - record.started_s) * 1000)),
            "x-ratelimit-limit-requests": str(self._limit.per_minute),
            "x-ratelimit-remaining-requests": str(self._limit.remaining),
            "x-ratelimit-reset-requests": go_duration(self._limit.reset_s),
        }

    async def _answer(self, request: web.Request, record: Record) -> web.Response:
        try:
            self._check_key(request)
            form = parse_form(request.headers.get("Content-Type", ""), await self._read(request, record))
            order = read_order(form, foreign=self.dialect is not None)
            self._note(form, record)
            if self.dialect is not None:
                refuse(self.dialect, order)
            with self._admitted(order):
                hearing = await self._hear(order, form, record)
                return await self._answer_late(order, hearing, record)
        except ApiError as error:
            return error.response()

    def _check_key(self, request: web.Request) -> None:
        scheme, _, key = request.headers.get("Authorization", "").partition(" ")
        if scheme != "Bearer" or not key:
            raise errors.missing_key()
        if key not in self.keys:
            raise errors.wrong_key(key)
        if self.quota_exhausted:
            raise errors.quota_exhausted()

    async def _read(self, request: web.Request, record: Record) -> bytes:
        """Read all of the body, even if it is too large: its sender looks at no answer before."""
        pieces = []
        async for piece in request.content.iter_any():
            record.n_bytes += len(piece)
            if record.n_bytes <= errors.MAX_BODY_BYTES:
                pieces.append(piece)
        if record.n_bytes > errors.MAX_BODY_BYTES:
            raise errors.too_large(record.n_bytes)
        return b"".join(pieces)

    def _note(self, form: Form, record: Record) -> None:
        digest = hashlib.sha256(form.file).hexdigest()
        record.attempt = self._log.attempts(digest)
        record.sha256, record.fields, record.file_name = digest, form.fields, form.file_name or ""
        record.model = form.get("model") or ""

    @contextmanager
    def _admitted(self, order: Order) -> Iterator[None]:
        self._check_rate(order)
        self._at_work += 1
        try:
            yield
        finally:
            self._at_work -= 1

    def _check_rate(self, order: Order) -> None:
        second = self.minute_s / 60
        if self._at_work >= self.at_once:
            raise errors.slow_down(second)
        wait_s = self._limit.take()
        if wait_s:
            whole_seconds = math.ceil(wait_s / second) * second
            raise errors.rate_limited(order.model, self._limit.per_minute, wait_s, whole_seconds)

    async def _hear(self, order: Order, form: Form, record: Record) -> Hearing:
        if record.sha256 not in self._heard:
            try:
                self._heard[record.sha256] = await asyncio.to_thread(_hear, form.file)
            except UnreadableFile:
                raise errors.unreadable_file() from None
        record.seconds, words = self._heard[record.sha256]
        order.check_length(record.seconds)
        record.heard = tuple(word.number for word in words)
        told = self.inaccuracy.apply(words, record.seconds, rng_of(self.seed, record, "inaccuracy"))
        return Hearing(record.seconds, told)

    async def _answer_late(self, order: Order, hearing: Hearing, record: Record) -> web.Response:
        fault = self.faults(record)
        record.fault = fault.kind if fault else None
        record.latency_s = self.latency.draw(record.seconds, rng_of(self.seed, record, "latency"))
        self._log.notify()
        answer = foreign_reply(self.dialect, order, hearing) if self.dialect else reply(order, hearing)
        await asyncio.sleep(record.started_s + record.latency_s - time.monotonic())
        if fault is None:
            return web.Response(body=answer.body, headers={"Content-Type": answer.content_type})
        if fault.kind == "hang":
            await asyncio.Event().wait()
        return broken_answer(fault, answer, order.model, self._limit.per_minute)


def _hear(file: bytes) -> tuple[float, list[Heard]]:
    """How long it is, in seconds, and its words. Raises UnreadableFile."""
    pcm = decode(file)
    return pcm.size / SAMPLE_RATE_HZ, listen(pcm)
