"""Limits for engine requests: concurrency (`maxConcurrent`), start rate and shared pauses."""

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
from audio_tools.options import Options
from audio_tools.settings import Settings
from audio_tools.transcript import Quota

KEPT = 0.8
"""Factor applied to the open lanes on overload; measured, see docs/decisions/0010-rate-limits.md."""
STEPS_TO_ALL = 8
"""Maximum number of round trips from one open lane to all of them."""
LONGEST_PAUSE_S = 120.0
"""Longest pause that a provider can request, in seconds; after it, requests are tried again."""

log = logging.getLogger(__name__)


class RequestLimiter:
    """
    Limit concurrent requests to `lanes`, and starts to `lanes` within any `window_s` seconds.

    There are no batches: a free lane takes the next chunk. `shared` is a wider limit for several jobs
    (one key, one process); a pause of either applies to both.

    Within these bounds the limit adapts to what `answered` and `overloaded` report: `AdaptiveConcurrency`
    sets the number of open lanes, `TokenBucket` the start rate. Higher latency alone does not close lanes:
    throughput is lanes divided by latency, so fewer lanes would only lower it
    (docs/decisions/0010-rate-limits.md).
    """

    def __init__(self, lanes: int, window_s: float = 0.0, shared: RequestLimiter | None = None) -> None:
        self.lanes = lanes
        self.window_s = window_s
        self._shared = shared
        self._free = CapacityLimiter(lanes)
        self._starting = asyncio.Lock()
        self._starts: deque[float] = deque(maxlen=lanes)
        self._running = 0
        # Arrival times of the last answers; older ones rarely overlap with requests in flight.
        self._answers: deque[float] = deque(maxlen=4 * lanes)
        self._resume_at = 0.0
        self._waiting: Waiting | None = None
        self._waits_from = 0.0
        self._concurrency = AdaptiveConcurrency(lanes)
        self._bucket = TokenBucket()

    @property
    def open_lanes(self) -> int:
        """Number of open lanes, from 1 to `lanes`."""
        return self._concurrency.lanes

    @asynccontextmanager
    async def lane(self) -> AsyncIterator[None]:
        """
        Acquire a lane: wait for a free one, then until window, pause and quota allow a request to start.
        """
        async with self._free, AsyncExitStack() as held:
            # One at a time, in order, so that every waiting request sees the start of the one before it. A
            # job that still waits for its own window does not hold a lane that others could use.
            async with self._starting:
                await self._until_start_is_allowed()
                if self._shared is not None:
                    await held.enter_async_context(self._shared.lane())
                self._starts.append(_now())
                self._bucket.take(_now())
            self._running += 1
            try:
                yield
            finally:
                self._running -= 1

    def pause(self, seconds: float) -> None:
        """Block request starts for a number of seconds. A pause can only be extended."""
        if self._shared is not None:
            self._shared.pause(seconds)
        self._resume_at = max(self._resume_at, _now() + seconds)

    @property
    def waiting(self) -> Waiting | None:
        """The reason last given to `wait`; None once a request was served."""
        return self._waiting if self._shared is None else self._shared.waiting

    def wait(self, seconds: float, code: str, reason: str) -> None:
        """Pause for a number of seconds, and report the reason until a later request is served."""
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
        """Record that a request that started at this loop time was processed; clears the waiting reason."""
        if self._shared is not None:
            self._shared.reached(started_at)
        elif started_at >= self._waits_from:
            self._waiting = None

    def answered(self, started_at: float, quota: Quota | None = None) -> None:
        """Record the answer to a request that started at this loop time, with the quota that it reported."""
        if self._shared is not None:
            self._shared.answered(started_at, quota)
            return
        self._concurrency.answered(started_at)
        self._open_lanes()
        if quota is not None:
            meanwhile = max(self._running - 1, 0) + sum(at >= started_at for at in self._answers)
            self._bucket.learn(quota, meanwhile, started_at, _now())
        self._answers.append(_now())

    def overloaded(self, started_at: float) -> None:
        """Record that a request that started at this loop time was refused because of overload."""
        if self._shared is not None:
            self._shared.overloaded(started_at)
            return
        self._concurrency.overloaded(started_at, _now())
        self._open_lanes()

    def _open_lanes(self) -> None:
        if self._free.total_tokens != self.open_lanes:
            log.info("concurrency limited to %d of %d requests", self.open_lanes, self.lanes)
            self._free.total_tokens = self.open_lanes

    async def _until_start_is_allowed(self) -> None:
        while (wait := self._start_allowed_at() - _now()) > 0:
            await asyncio.sleep(wait)

    def _start_allowed_at(self) -> float:
        allowed_at = max(self._resume_at, self._bucket.opens_at())
        if len(self._starts) < self.lanes:
            return allowed_at
        return max(allowed_at, self._starts[-self.lanes] + self.window_s)


class AdaptiveConcurrency:
    """
    The number of open lanes out of `most`: additive increase, multiplicative decrease.

    Each answer opens a fraction of a lane, so that a round trip opens one (more if there are more than
    eight); a sign of overload reduces them to 0.8. This converges to a provider that is busy but not
    overloaded, and is fair among clients that share a key (Chiu and Jain 1989, "Analysis of the increase and
    decrease algorithms for congestion avoidance"). As in TCP, requests in flight at a decrease are ignored
    (RFC 5681), and so are further refusals before the first answer: an outage of a minute costs one decrease,
    not sixty.
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
        """Record that a request that started at this time was served."""
        if started_at < self._closed_at:
            return
        self._tried = True
        step = max(1.0, self._most / STEPS_TO_ALL)
        self._open = min(self._open + step / self.lanes, float(self._most))

    def overloaded(self, started_at: float, now: float) -> None:
        """Record that a request that started at this time was refused or timed out."""
        if started_at < self._closed_at or not self._tried:
            return
        self._open = max(self._open * KEPT, 1.0)
        self._closed_at, self._tried = now, False


class TokenBucket:
    """
    The provider's own request quota, counted locally and corrected by its answers.

    OpenAI and Groq use a bucket that holds the requests of a minute or a day and refills evenly. They report
    how many are left and when it is full again; both together give the rate, whatever the period. An answer
    is not exact: it is unknown which concurrent requests it already counts, and starting others for quota
    that those have used leads to refusals (docs/decisions/0010-rate-limits.md).

    If the window is reset all at once instead, no request starts from its last one until the reset.
    """

    def __init__(self) -> None:
        self._limit = self._level = math.inf
        self._per_second = 1.0
        self._at = 0.0
        self._full_at = math.inf

    def learn(self, quota: Quota, meanwhile: int, started_at: float, now: float) -> None:
        """
        Correct the count by the quota of an answer.

        Args:
            quota: the reported quota.
            meanwhile: the number of other requests in flight at any moment between its request and now.
            started_at: start of its request, in seconds.
            now: current time in seconds, on the same clock.
        """
        least = quota.remaining - meanwhile
        if quota.limit == self._limit:
            level = self._level_at(now)
            # The remaining requests are an integer, so the derived rate is never too low.
            self._per_second = min(self._per_second, quota.per_second)
        else:
            level, self._limit, self._per_second = least, float(quota.limit), quota.per_second
        most = quota.remaining + (now - started_at) * self._per_second
        self._level, self._at, self._full_at = min(max(level, least), most), now, now + quota.reset_s

    def take(self, now: float) -> None:
        """Count the start of a request."""
        self._level, self._at = self._level_at(now) - 1, now
        if now >= self._full_at:
            self._full_at = math.inf

    def opens_at(self) -> float:
        """
        Return when the next request may start, in seconds; at most LONGEST_PAUSE_S after the last report.
        """
        wait_s = max(1 - self._level, 0.0) / self._per_second
        return min(self._at + min(wait_s, LONGEST_PAUSE_S), self._full_at)

    def _level_at(self, now: float) -> float:
        if now >= self._full_at:
            return self._limit
        return min(self._level + (now - self._at) * self._per_second, self._limit)


def _now() -> float:
    return asyncio.get_running_loop().time()


def make_limiter(
    settings: Settings, options: Options, shared: RequestLimiter | None = None
) -> RequestLimiter:
    """
    Create the request limits of one job, and with `shared` of all jobs together.

    A job may have fewer lanes than the settings allow, and its own rate.
    """
    most, delay_ms = settings.max_concurrent_chunks, options.rate_limit_delay
    if delay_ms is None:
        delay_ms = settings.rate_limit_delay
    return RequestLimiter(min(options.max_concurrent or most, most), delay_ms / 1000, shared=shared)
