"""A provider in simulated time: what it takes, how long it needs, and what it says of its limit."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass

from audio_tools.engines.base import Capabilities, OnDownload, Request
from audio_tools.engines.rate_limits import RequestLimiter
from audio_tools.engines.retry import EngineClient
from audio_tools.errors import EngineRateLimited
from audio_tools.media.encode import EncodedAudio
from audio_tools.transcript import Quota, Reply
from tests.engines.simulated_time import now
from tests.simulator.conduct import RateLimit

REQUEST = Request(EncodedAudio(b"", "flac", 60.0))
SLOWED_S = 1.0


@dataclass(slots=True)
class Exchange:
    """A request: when it came, when it was over (seconds), whether it was served."""

    came_at: float
    over_at: float
    served: bool


class Provider:
    """
    An engine that answers after `latency_s(moment)` seconds.

    It takes `per_minute` requests a minute and `at_once` at a time, and none while `stormy(moment)`; its
    limit is told with each answer, as it stood when the request came or, `tells_late`, when the answer left.
    Requests and answers are under way for `travel_s()` seconds.
    """

    name, model = "provider", "m"
    capabilities = Capabilities(words=False, segments=False)

    def __init__(
        self,
        *,
        latency_s: Callable[[float], float] = lambda _: 4.0,
        per_minute: int = 10_000,
        at_once: int = 1000,
        stormy: Callable[[float], bool] = lambda _: False,
        tells_late: bool = True,
        travel_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        self.log: list[Exchange] = []
        self._latency_s = latency_s
        self._per_minute = per_minute
        self._at_once = at_once
        self._stormy = stormy
        self._tells_late = tells_late
        self._travel_s = travel_s
        self._running = 0

    @property
    def refused(self) -> int:
        """How many requests got 429."""
        return sum(not exchange.served for exchange in self.log)

    def identity(self) -> tuple[str, ...]:
        return (self.name,)

    async def start(self, on_download: OnDownload | None = None) -> None:  # noqa: ARG002
        self._limit = RateLimit(self._per_minute, clock=now)

    async def close(self) -> None: ...

    async def transcribe(self, _: Request) -> Reply:
        await asyncio.sleep(self._travel_s())
        reply = await self._answer()
        await asyncio.sleep(self._travel_s())
        return reply

    async def _answer(self) -> Reply:
        came_at = now()
        if self._stormy(came_at) or self._running >= self._at_once:
            self.log.append(Exchange(came_at, came_at, served=False))
            raise EngineRateLimited("slow down", retry_after_s=SLOWED_S)
        if wait_s := self._limit.take():
            self.log.append(Exchange(came_at, came_at, served=False))
            raise EngineRateLimited("too many", retry_after_s=float(math.ceil(wait_s)))
        quota = self._quota()
        self._running += 1
        await asyncio.sleep(self._latency_s(came_at))
        self._running -= 1
        self.log.append(Exchange(came_at, now(), served=True))
        return Reply("words", quota=self._quota() if self._tells_late else quota)

    def _quota(self) -> Quota | None:
        reset_s = self._limit.reset_s
        return Quota(self._limit.per_minute, self._limit.remaining, reset_s) if reset_s else None


async def serve(provider: Provider, lanes: RequestLimiter, requests: int) -> float:
    """Have so many requests answered through the lanes; gives the seconds that it took."""
    await provider.start()
    client, waiting, began = EngineClient(provider, lanes), iter(range(requests)), now()

    async def lane() -> None:
        for _ in waiting:
            await client.transcribe(REQUEST)

    await asyncio.gather(*(lane() for _ in range(lanes.lanes)))
    return now() - began
