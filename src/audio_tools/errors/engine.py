"""An engine cannot start, or did not transcribe a chunk."""

from __future__ import annotations

from audio_tools.errors.base import AudioToolsError


class EngineError(AudioToolsError):
    """
    An engine did not transcribe a chunk.

    `retry_after_s` is the delay that the provider requested, in seconds, or None; `restartable` replaces the
    value of the class, unless it is None.
    """

    code, status, exit_code = "engine_error", 502, 4

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        retry_after_s: float | None = None,
        restartable: bool | None = None,
    ) -> None:
        super().__init__(message, hint=hint)
        self.retry_after_s = retry_after_s
        if restartable is not None:
            self.restartable = restartable


class EngineUnavailable(EngineError):
    """
    The engine's server cannot be reached, closed the connection, or returned a 5xx.

    `received`: whether it may have received the request, which is then charged. `away`: whether there is no
    engine behind the reply yet, as a gateway reports; None if the reply alone does not show it. `loading`:
    whether the reply says that the engine is loading its model. `assumed_loading`: whether that is assumed.
    """

    code, retryable = "engine_unavailable", True
    assumed_loading = False

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        retry_after_s: float | None = None,
        received: bool = True,
        away: bool | None = False,
        loading: bool = False,
    ) -> None:
        super().__init__(message, hint=hint, retry_after_s=retry_after_s)
        self.received = received
        self.away = True if loading else away
        self.loading = loading


class EngineUnreachable(EngineUnavailable):
    """The engine's server cannot be connected to; nothing was sent or charged."""

    code = "engine_unreachable"

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint, received=False, away=True)


class EngineTimeout(EngineError):
    """The engine did not respond in time."""

    code, status, retryable = "engine_timeout", 504, True


class EngineRateLimited(EngineError):
    """The engine's rate limit is exceeded."""

    code, status, retryable = "engine_rate_limited", 429, True


class BadEngineReply(EngineError):
    """The engine's reply is truncated, garbled or in an unknown format."""

    code, retryable = "bad_engine_reply", True


class ChunkRefused(EngineError):
    """The provider permanently rejects this chunk (too long, too large, unreadable)."""

    code, restartable = "chunk_refused", False


class EngineRefused(EngineError):
    """The provider rejects all requests: the key is invalid or the quota is used up."""

    code, restartable = "engine_refused", False


class OptionRefused(EngineRefused):
    """The engine does not accept the model, language or prompt; `option` names it, where it is known."""

    code, exit_code = "option_refused", 2

    def __init__(self, message: str, *, hint: str = "", option: str = "") -> None:
        super().__init__(message, hint=hint)
        self.option = option

    def facts(self) -> dict[str, object]:
        return {"option": self.option} if self.option else {}


class CostLimitReached(EngineRefused):
    """The cost limit of the job is reached; `done` is a sentence about the cost and the stored chunks."""

    code, status, restartable = "cost_limit_reached", 402, True

    def __init__(self, max_cost_usd: float, done: str = "") -> None:
        super().__init__(
            f"Cost limit of {max_cost_usd:g} USD reached. {done}".strip(),
            hint="Run the same command again with a higher limit (maxCost, --max-cost): finished chunks are "
            "not charged again.",
        )
        self.max_cost_usd = max_cost_usd

    def facts(self) -> dict[str, object]:
        return {"maxCost": self.max_cost_usd}


class EngineNotReady(EngineError):
    """The engine cannot start: a package, a model or a key is missing."""

    code, status, exit_code = "engine_not_ready", 503, 2


class AllChunksFailed(EngineError):
    """No chunk could be transcribed."""

    code = "all_chunks_failed"
