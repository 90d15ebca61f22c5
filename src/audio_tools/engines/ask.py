"""The one retry policy: how an engine is asked for a chunk until it answers or there is no sense in it."""

from __future__ import annotations

import logging

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, wait_random_exponential

from audio_tools.engines.base import Engine, Request
from audio_tools.engines.limits import Lanes
from audio_tools.errors import EngineError, EngineRateLimited
from audio_tools.transcript import Reply

ATTEMPTS = 3
"""How often a chunk is tried, as `spec.md` promises. Being told to wait is no attempt."""
MOST_WAITS = 50
"""But whoever is told to wait so often will not be served."""
LONGEST_PAUSE_S = 120.0
"""A provider that asks for more is obeyed only so far, then asked again."""

log = logging.getLogger(__name__)


class Asker:
    """Asks one engine within the limits of `lanes`; counts what was sent."""

    def __init__(self, engine: Engine, lanes: Lanes) -> None:
        self.calls = 0
        self.seconds = 0.0  # of audio sent, failed calls included
        self.seconds_paid = 0.0  # of audio that was answered
        self._engine = engine
        self._lanes = lanes

    async def ask(self, request: Request) -> Reply:
        """
        Ask until there is an answer.

        Raises:
            EngineError: the last attempt's; at once if it is not retryable.
        """
        patience = _Patience(self._lanes)
        attempts = AsyncRetrying(
            retry=retry_if_exception(patience.has_a_chance),
            wait=patience.seconds,
            stop=patience.is_over,
            reraise=True,
        )
        return await attempts(self._ask_once, request)

    async def _ask_once(self, request: Request) -> Reply:
        async with self._lanes.lane():
            self.calls += 1
            self.seconds += request.audio.seconds
            reply = await self._engine.transcribe(request)
        self.seconds_paid += request.audio.seconds
        if reply.pause_s:
            self._lanes.pause(min(reply.pause_s, LONGEST_PAUSE_S))
        return reply


class _Patience:
    """How long to go on with one chunk; where the provider names a time, all chunks of the key wait."""

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self._waits = 0
        self._backoff = wait_random_exponential(multiplier=1, max=30)

    def has_a_chance(self, error: BaseException) -> bool:
        self._waits += isinstance(error, EngineRateLimited)
        return isinstance(error, EngineError) and error.retryable

    def is_over(self, state: RetryCallState) -> bool:
        return state.attempt_number - self._waits >= ATTEMPTS or self._waits >= MOST_WAITS

    def seconds(self, state: RetryCallState) -> float:
        error, backoff = _error(state), self._backoff(state)
        log.info("attempt %d failed (%s: %s)", state.attempt_number, error.code, error)
        if error.retry_after_s is None and not isinstance(error, EngineRateLimited):
            return backoff
        wished = backoff if error.retry_after_s is None else error.retry_after_s
        self._lanes.pause(min(wished, LONGEST_PAUSE_S))
        return 0.0  # the lanes hold it back


def _error(state: RetryCallState) -> EngineError:
    error = state.outcome.exception() if state.outcome else None
    assert isinstance(error, EngineError)
    return error
