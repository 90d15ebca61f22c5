"""The retry policy for engine requests."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from weakref import WeakValueDictionary

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from audio_tools.engines.base import Engine, Request
from audio_tools.engines.rate_limits import LONGEST_PAUSE_S, RequestLimiter
from audio_tools.errors import (
    CostLimitReached,
    EngineError,
    EngineRateLimited,
    EngineTimeout,
    EngineUnavailable,
    EngineUnreachable,
)
from audio_tools.metrics import COST_USD, ENGINE_CALLS, ENGINE_SECONDS
from audio_tools.transcript import Reply

ATTEMPTS = 3
"""Maximum attempts per chunk, as `spec.md` promises. A request to wait does not count as an attempt."""
MOST_WAITS = 50
MOST_WAITING_S = 600.0
"""Give up on a chunk after this many requests to wait and this much waiting."""
LOADING_WAIT_S = 300.0
"""How long 500 and 503 are taken for an engine that loads its model, until its first answer, in seconds."""
OUTAGE_WAIT_S = 600.0
"""Default time to wait for an unreachable server, in seconds."""
ROUNDING_USD = 1e-9
_ANSWERING: WeakValueDictionary[int, Engine] = WeakValueDictionary()
"""Engines that have answered a job of this process since they were last away, by their ids."""


log = logging.getLogger(__name__)


class EngineClient:
    """Send requests to one engine within the limits of `limiter` and `max_cost_usd`, and count usage."""

    def __init__(
        self,
        engine: Engine,
        limiter: RequestLimiter,
        max_cost_usd: float | None = None,
        outage_wait_s: float = OUTAGE_WAIT_S,
    ) -> None:
        self.calls = 0
        self.seconds = 0.0  # of audio sent, failed calls included
        self.cost_usd = 0.0  # of all answers
        self.tokens = 0
        self._engine = engine
        self._limiter = limiter
        self._max_cost_usd = max_cost_usd
        self._outage_wait_s = outage_wait_s
        self._unanswered_since: float | None = None
        self._seconds_paid = 0.0
        self._usd_per_second = engine.capabilities.usd_per_minute / 60
        # For requests in flight, and for those that may be charged although they failed.
        self._reserved_usd = 0.0

    async def transcribe(
        self,
        request: Request,
        stored: Callable[[], Reply | None] | None = None,
        voiced: Callable[[], bool] | None = None,
    ) -> Reply:
        """
        Send the request, and retry until it succeeds or fails for good.

        Args:
            request: the chunk to transcribe.
            stored: looks up a stored answer in a worker thread; another job may have stored it meanwhile.
            voiced: detects in a worker thread whether the chunk contains a voice; None: it does.

        Raises:
            CostLimitReached: the budget minus spent and reserved cost does not cover this request.
            EngineError: the error of the last attempt; at once if it is not retryable, or the budget does not
               cover another attempt.
        """
        policy = _RetryPolicy(self._limiter, self._outage_wait_s)
        attempts = AsyncRetrying(
            retry=retry_if_exception(policy.should_retry),
            wait=policy.wait_s,
            stop=policy.should_stop,
            reraise=True,
        )
        try:
            return await attempts(self._transcribe_once, request, stored, voiced)
        except CostLimitReached as limit:
            if policy.failure is None:
                raise
            # Report the failed attempt; the cost limit only prevents another one.
            raise policy.failure from limit

    async def _transcribe_once(
        self,
        request: Request,
        stored: Callable[[], Reply | None] | None,
        voiced: Callable[[], bool] | None,
    ) -> Reply:
        seconds = request.audio.seconds
        async with self._limiter.lane():
            # A suspended worker may have lost its job, and notices only after it has acquired a lane.
            if stored is not None and (known := await asyncio.to_thread(stored)) is not None:
                return known
            price_usd = seconds * self._usd_per_second
            self._reserve(price_usd)
            started_at = asyncio.get_running_loop().time()
            sent = True
            try:
                reply = await self._engine.transcribe(request)
            except EngineError as error:
                sent = not isinstance(error, EngineUnreachable)
                if isinstance(error, EngineUnavailable):
                    await self._classify(error, request, voiced)
                if _signals_overload(error):
                    self._limiter.overloaded(started_at)
                if _is_free(error):
                    self._reserved_usd -= price_usd
                if not _is_wait(error):
                    self._limiter.reached(started_at)
                raise
            finally:
                if sent:
                    self._count_call(seconds)
            _ANSWERING[id(self._engine)] = self._engine
            self._unanswered_since = None
            self._limiter.reached(started_at)
            self._limiter.answered(started_at, reply.quota)
        self._reserved_usd -= price_usd
        self._pay(price_usd if reply.cost_usd is None else reply.cost_usd, seconds)
        self.tokens += reply.tokens
        return reply

    async def _classify(
        self, error: EngineUnavailable, request: Request, voiced: Callable[[], bool] | None
    ) -> None:
        """
        Decide whether an engine that returned 500 or 503 is still loading its model.

        That is assumed until its first answer, and for LOADING_WAIT_S at most, where the request was not
        charged and the reply does not exclude it: after a 503, and after a 500 without a reason of an engine
        without a price. A 500 for a chunk without a voice counts as an attempt, since some servers return it
        for every such chunk (speaches #608).
        """
        now = asyncio.get_running_loop().time()
        if error.away is None:
            free = not error.received or self._engine.capabilities.usd_per_minute == 0
            since = self._unanswered_since = now if self._unanswered_since is None else self._unanswered_since
            longest_s = min(LOADING_WAIT_S, self._outage_wait_s)
            error.away = (
                free
                and now - since < longest_s
                and id(self._engine) not in _ANSWERING
                and not (error.received and await _lacks_voice(request, voiced))
            )
            error.assumed_loading = error.away
        elif error.away:
            _ANSWERING.pop(id(self._engine), None)

    def _count_call(self, seconds: float) -> None:
        self.calls += 1
        self.seconds += seconds
        ENGINE_CALLS.labels(self._engine.name).inc()
        ENGINE_SECONDS.labels(self._engine.name).inc(seconds)

    def _reserve(self, price_usd: float) -> None:
        total_usd = self.cost_usd + self._reserved_usd + price_usd
        if self._max_cost_usd is not None and total_usd > self._max_cost_usd + ROUNDING_USD:
            raise CostLimitReached(self._max_cost_usd)
        self._reserved_usd += price_usd

    def _pay(self, cost_usd: float, seconds: float) -> None:
        self.cost_usd += cost_usd
        COST_USD.labels(self._engine.name).inc(cost_usd)
        self._seconds_paid += seconds
        # Tokens may cost more than the table says.
        self._usd_per_second = max(self._usd_per_second, self.cost_usd / self._seconds_paid)


async def _lacks_voice(request: Request, voiced: Callable[[], bool] | None) -> bool:
    return not request.speech or (voiced is not None and not await asyncio.to_thread(voiced))


def _signals_overload(error: EngineError) -> bool:
    return isinstance(error, EngineRateLimited | EngineTimeout) or error.retry_after_s is not None


def _is_free(error: EngineError) -> bool:
    """Whether the request was certainly not processed; after a timeout or a bad reply it may have been."""
    if isinstance(error, EngineUnavailable):
        return not error.received
    return isinstance(error, EngineRateLimited) or not error.retryable


class _RetryPolicy:
    """
    The retries of one chunk: whether and when it is sent again, and when to give up.

    If the provider names a time to wait, all chunks of the key wait. `failure` is the error of the last
    attempt, None if there was none. Rate limits and unreachable servers do not count as attempts; an
    unreachable server is retried for up to `outage_wait_s` seconds.
    """

    def __init__(self, limiter: RequestLimiter, outage_wait_s: float) -> None:
        self.failure: EngineError | None = None
        self._limiter = limiter
        self._outage_wait_s = outage_wait_s
        self._away_since: float | None = None
        self._refusals = 0
        self._waits = 0
        self._began = asyncio.get_running_loop().time()
        self._backoff = wait_random_exponential(multiplier=1, max=30)

    def should_retry(self, error: BaseException) -> bool:
        if not isinstance(error, EngineError) or not error.retryable:
            return False
        self._waits += _is_wait(error)
        self._refusals += isinstance(error, EngineRateLimited)
        if not _is_away(error):
            self._away_since = None
        elif self._away_since is None:
            self._away_since = asyncio.get_running_loop().time()
        if not _is_wait(error):
            self.failure = error
        return True

    def should_stop(self, state: RetryCallState) -> bool:
        now = asyncio.get_running_loop().time()
        if self._away_since is not None:
            error = _error(state)
            # A gateway returns the same for a chunk that crashes its engine each time: end earlier then.
            certain = isinstance(error, EngineUnreachable) or (
                isinstance(error, EngineUnavailable) and error.loading
            )
            most_s = self._outage_wait_s if certain else min(self._outage_wait_s, MOST_WAITING_S)
            return now - self._away_since >= most_s
        refused_for_good = self._refusals >= MOST_WAITS and now - self._began >= MOST_WAITING_S
        return state.attempt_number - self._waits >= ATTEMPTS or refused_for_good

    def wait_s(self, state: RetryCallState) -> float:
        error, backoff = _error(state), self._backoff(state)
        log.info("attempt %d failed (%s: %s)", state.attempt_number, error.code, error)
        # Retry-After: 0 from a failing server would use up all attempts at once.
        if not error.retry_after_s and not _is_wait(error):
            return backoff
        wished = backoff if error.retry_after_s is None else error.retry_after_s
        self._limiter.wait(min(wished, LONGEST_PAUSE_S), error.code, _reason(error))
        return 0.0  # the limiter delays it


def _is_wait(error: EngineError) -> bool:
    """Whether the error does not count as an attempt: it passes with time, and nothing was processed."""
    return _is_away(error) or isinstance(error, EngineRateLimited)


def _is_away(error: EngineError) -> bool:
    return isinstance(error, EngineUnavailable) and bool(error.away)


def _reason(error: EngineError) -> str:
    """Return the reason for waiting, with the time that the provider named, or what is assumed."""
    wish = error.retry_after_s
    if wish is not None:
        asked = f"{wish:.0f} s" if wish < 120 else f"{wish / 60:.0f} min"
        return f"The provider asked to wait {asked} before retrying. {error.message}"
    if isinstance(error, EngineUnavailable) and error.assumed_loading:
        most = f"{LOADING_WAIT_S / 60:.0f} minutes"
        return (
            f"{error.message.rstrip('.')}. It may be loading its model; this is assumed for {most} at most."
        )
    return error.message


def _error(state: RetryCallState) -> EngineError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, EngineError)
    return error
