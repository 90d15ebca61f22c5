"""How many requests may be at an engine at once, how fast they may start, and when all must wait."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

from anyio import CapacityLimiter

from audio_tools.events import Waiting
from audio_tools.transcript import Quota

KEPT = 0.8
"""Of the open lanes, when the provider has too much to do; measured, see docs/decisions.md."""
STEPS_TO_ALL = 8
"""From one lane to all of them in so many round trips at the most, however many there are."""
LONGEST_PAUSE_S = 120.0
"""A provider that asks for more is obeyed only so far, then asked again."""

log = logging.getLogger(__name__)


class RequestLimiter:
    """
    Lets at most `lanes` requests run at once, and at most `lanes` start within any `window_s` seconds.

    Nothing waits for the slowest of a batch: a lane that is free takes the next chunk. `shared` is a wider
    limit that several jobs live under (one key, one process); a pause asked of either holds for all.

    Within these bounds the limit follows what `answered` and `overloaded` report: `AdaptiveConcurrency`
    decides how many lanes are open, `TokenBucket` how fast requests start. A higher latency alone closes
    no lane: the work done in a second is lanes over latency, and fewer lanes would only do less
    (docs/decisions.md).
    """

    def __init__(self, lanes: int, window_s: float = 0.0, shared: RequestLimiter | None = None) -> None:
        self.lanes = lanes
        self.window_s = window_s
        self._shared = shared
        self._free = CapacityLimiter(lanes)
        self._starting = asyncio.Lock()
        self._starts: deque[float] = deque(maxlen=lanes)
        self._running = 0
        # When the last answers came; older ones hardly ever overlap with what is under way.
        self._answers: deque[float] = deque(maxlen=4 * lanes)
        self._resume_at = 0.0
        self._waiting: Waiting | None = None
        self._waits_from = 0.0
        self._room = AdaptiveConcurrency(lanes)
        self._allowance = TokenBucket()

    @property
    def open_lanes(self) -> int:
        """How many of the lanes are open, from 1 to `lanes`."""
        return self._room.lanes

    @asynccontextmanager
    async def lane(self) -> AsyncIterator[None]:
        """Hold a lane: waits for a free one, then for window, pause and provider to let a request start."""
        async with self._free, AsyncExitStack() as held:
            # One at a time, in order: all who wait see the start of the one before them. A job that must
            # still wait for its own window holds no lane that others could use.
            async with self._starting:
                await self._until_start_is_allowed()
                if self._shared is not None:
                    await held.enter_async_context(self._shared.lane())
                self._starts.append(_now())
                self._allowance.take(_now())
            self._running += 1
            try:
                yield
            finally:
                self._running -= 1

    def pause(self, seconds: float) -> None:
        """Let no request start for so many seconds; a pause is only ever extended."""
        if self._shared is not None:
            self._shared.pause(seconds)
        self._resume_at = max(self._resume_at, _now() + seconds)

    @property
    def waiting(self) -> Waiting | None:
        """What keeps requests from being served, as last reported by `wait`; None once one was served."""
        return self._waiting if self._shared is None else self._shared.waiting

    def wait(self, seconds: float, code: str, reason: str) -> None:
        """Pause for so many seconds, and report why until a request that starts later is served."""
        self.pause(seconds)
        self._note_wait(seconds, code, reason)

    def _note_wait(self, seconds: float, code: str, reason: str) -> None:
        if self._shared is not None:
            self._shared._note_wait(seconds, code, reason)
            return
        now = time.time()
        waiting = Waiting.of(code, reason, since=now, next_attempt_at=now + seconds)
        if self._waiting is not None and self._waiting.code == code:
            waiting = replace(waiting, since=self._waiting.since)
        self._waiting, self._waits_from = waiting, _now()

    def reached(self, started_at: float) -> None:
        """A request that started then (the loop's time) was served, well or not: nothing waits any longer."""
        if self._shared is not None:
            self._shared.reached(started_at)
        elif started_at >= self._waits_from:
            self._waiting = None

    def answered(self, started_at: float, quota: Quota | None = None) -> None:
        """A request that started then (the loop's time) has its answer, which said so of the key's limit."""
        if self._shared is not None:
            self._shared.answered(started_at, quota)
            return
        self._room.answered(started_at)
        self._open_lanes()
        if quota is not None:
            meanwhile = max(self._running - 1, 0) + sum(at >= started_at for at in self._answers)
            self._allowance.learn(quota, meanwhile, started_at, _now())
        self._answers.append(_now())

    def overloaded(self, started_at: float) -> None:
        """A request that started then was not served because the provider has too much to do."""
        if self._shared is not None:
            self._shared.overloaded(started_at)
            return
        self._room.overloaded(started_at, _now())
        self._open_lanes()

    def _open_lanes(self) -> None:
        if self._free.total_tokens != self.open_lanes:
            log.info("concurrency limited to %d of %d requests", self.open_lanes, self.lanes)
            self._free.total_tokens = self.open_lanes

    async def _until_start_is_allowed(self) -> None:
        while (wait := self._start_allowed_at() - _now()) > 0:
            await asyncio.sleep(wait)

    def _start_allowed_at(self) -> float:
        allowed_at = max(self._resume_at, self._allowance.opens_at())
        if len(self._starts) < self.lanes:
            return allowed_at
        return max(allowed_at, self._starts[-self.lanes] + self.window_s)


class AdaptiveConcurrency:
    """
    How many of `most` lanes are open: additive increase, multiplicative decrease.

    Each answer opens a share of a lane, so that a round trip opens one (of more than eight: more); a sign of
    overload leaves 0.8 of them. That settles where the provider is busy but not overrun, and fairly among all
    who use one key (Chiu and Jain 1989, "Analysis of the increase and decrease algorithms for congestion
    avoidance"). As in TCP what was on its way at a decrease says nothing new (RFC 5681); nor do further
    refusals before the first answer: the outage of a minute costs one decrease, not sixty.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._open = float(most)
        self._closed_at = -math.inf
        self._tried = True

    @property
    def lanes(self) -> int:
        """Open lanes, from 1 to `most`."""
        return int(self._open)

    def answered(self, started_at: float) -> None:
        """A request that started at this moment was served."""
        if started_at < self._closed_at:
            return
        self._tried = True
        step = max(1.0, self._most / STEPS_TO_ALL)
        self._open = min(self._open + step / self.lanes, float(self._most))

    def overloaded(self, started_at: float, now: float) -> None:
        """A request that started at this moment was refused, or not answered in time."""
        if started_at < self._closed_at or not self._tried:
            return
        self._open = max(self._open * KEPT, 1.0)
        self._closed_at, self._tried = now, False


class TokenBucket:
    """
    How many requests the provider takes by its own count: counted here, corrected by its answers.

    OpenAI and Groq keep a bucket that holds a minute's or a day's requests and refills evenly, and say how
    many are left and when it is full again; both together give the rate, whatever the period. An answer
    cannot be taken at its word: nobody knows which of the requests that were under way with it are counted in
    it, and whoever lets others start for what those have used is refused (docs/decisions.md#rate).

    Where a window is emptied at once instead, nothing starts from its last request until it is full again.
    """

    def __init__(self) -> None:
        self._limit = self._level = math.inf
        self._per_second = 1.0
        self._at = 0.0
        self._full_at = math.inf

    def learn(self, quota: Quota, meanwhile: int, started_at: float, now: float) -> None:
        """
        Correct the count by what an answer says.

        Args:
            quota: what it says.
            meanwhile: how many others were under way at any moment between its request and now.
            started_at: when its request started, in seconds.
            now: in seconds, on the same clock.
        """
        least = quota.remaining - meanwhile
        if quota.limit == self._limit:
            level = self._level_at(now)
            # Requests left are told as a whole number: the rate that follows is never too low.
            self._per_second = min(self._per_second, quota.per_second)
        else:
            level, self._limit, self._per_second = least, float(quota.limit), quota.per_second
        most = quota.remaining + (now - started_at) * self._per_second
        self._level, self._at, self._full_at = min(max(level, least), most), now, now + quota.reset_s

    def take(self, now: float) -> None:
        """A request starts."""
        self._level, self._at = self._level_at(now) - 1, now
        if now >= self._full_at:
            self._full_at = math.inf

    def opens_at(self) -> float:
        """When the next request may start, in seconds; at the latest LONGEST_PAUSE_S after the last news."""
        wait_s = max(1 - self._level, 0.0) / self._per_second
        return min(self._at + min(wait_s, LONGEST_PAUSE_S), self._full_at)

    def _level_at(self, now: float) -> float:
        if now >= self._full_at:
            return self._limit
        return min(self._level + (now - self._at) * self._per_second, self._limit)


def _now() -> float:
    return asyncio.get_running_loop().time()
