"""Chunk to words through the OpenAI transcription API, or any server that speaks it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from audio_tools.engines.base import Capabilities, Request
from audio_tools.engines.languages import language_code
from audio_tools.errors import (
    BadEngineReply,
    ChunkRefused,
    EngineError,
    EngineNotReady,
    EngineRateLimited,
    EngineRefused,
    EngineTimeout,
    EngineUnavailable,
)
from audio_tools.transcript import Reply, Segment, Word

if TYPE_CHECKING:
    from openai import APIStatusError, AsyncOpenAI

MAX_BODY_BYTES = 25 * 1024 * 1024
"""The API counts the whole multipart body, not the file alone."""
BODY_OVERHEAD_BYTES = 64 * 1024

VERBOSE = Capabilities(
    words=True, segments=True, max_bytes=MAX_BODY_BYTES - BODY_OVERHEAD_BYTES, usd_per_minute=0.006
)
"""`whisper-1`; also what servers like OpenAI's (Groq, speaches) are taken to give."""


def _text_only(usd_per_minute: float) -> Capabilities:
    # 2,000 output tokens are about ten minutes of speech, and longer audio is cut off silently: stay below
    # half of the 1,400 s that the API lets in.
    return Capabilities(
        words=False,
        segments=False,
        max_bytes=VERBOSE.max_bytes,
        max_seconds=420,
        usd_per_minute=usd_per_minute,
    )


MODELS: Mapping[str, Capabilities] = {
    "whisper-1": VERBOSE,
    "gpt-transcribe": _text_only(0.0045),
    "gpt-4o-transcribe": _text_only(0.006),
    "gpt-4o-mini-transcribe": _text_only(0.003),
}
"""What each model gives and costs, November 2026. All but gpt-transcribe are shut down on 2027-02-26."""

SPENT = {"insufficient_quota", "credit_balance_exhausted", "billing_hard_limit_reached", "billing_not_active"}
"""A 429 that no waiting mends."""


class OpenAIEngine:
    """One client for one key, server and model; see `engines.base.Engine`."""

    name = "openai"

    def __init__(self, *, api_key: str | None, base_url: str, model: str, timeout_s: float) -> None:
        self.model = model
        self.capabilities = MODELS.get(model, VERBOSE)
        self._api_key = api_key
        self._base_url = base_url.rstrip("/")
        self._timeout_s = timeout_s
        self._client: AsyncOpenAI | None = None

    def identity(self) -> tuple[str, ...]:
        """Server and model; the key does not shape an answer."""
        return (self.name, self._base_url, self.model)

    async def start(self) -> None:
        """
        Make the client; nothing is sent.

        Raises:
            EngineNotReady: there is no key.
        """
        if self._client is not None:
            return
        if not self._api_key:
            raise EngineNotReady(
                "The openai engine has no key.",
                hint="Set OPENAI_API_KEY, or use the local engine: --engine whisper.",
            )
        from openai import AsyncOpenAI

        # The SDK's own retries are off: it would also retry a spent quota, and knows nothing of other chunks.
        self._client = AsyncOpenAI(
            api_key=self._api_key, base_url=self._base_url, max_retries=0, timeout=self._timeout_s
        )

    async def transcribe(self, request: Request) -> Reply:
        """See `engines.base.Engine.transcribe`."""
        assert self._client is not None, "start() comes first"
        from openai import omit

        timed = self.capabilities.words
        with _map_openai_errors():
            response = await self._client.audio.transcriptions.with_raw_response.create(
                file=(f"chunk.{request.audio.extension}", request.audio.data),
                model=self.model,
                response_format="verbose_json" if timed else "json",
                timestamp_granularities=["word", "segment"] if timed else omit,
                language=request.language or omit,
                prompt=request.prompt or omit,
            )
        return _read_reply(response.http_response.text, response.headers, request.audio.seconds)

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()


def _read_reply(body: str, headers: Mapping[str, str], seconds: float) -> Reply:
    """Read an answer, whatever of words and segments it holds; times within the chunk's `seconds`."""
    try:
        answer = json.loads(body)
        words = [_read_word(item, seconds) for item in answer.get("words") or ()]
        segments = [_read_segment(item, seconds) for item in answer.get("segments") or ()]
        text = answer["text"]
        if not isinstance(text, str):
            raise TypeError("text is no text")
    except (ValueError, TypeError, KeyError, AttributeError, LookupError) as error:
        raise BadEngineReply(f"The answer is not a transcription ({_shorten(body)}): {error}.") from error
    return Reply(
        text=text.strip(),
        words=tuple(sorted((word for word in words if word.word), key=lambda word: word.start)),
        segments=tuple(segments),
        language=language_code(answer.get("language")),
        pause_s=_pause_seconds(headers),
    )


def _read_word(item: Mapping[str, Any], seconds: float) -> Word:
    start, end = _read_times(item, seconds)
    return Word(word=str(item["word"]).strip(), start=start, end=end)


def _read_segment(item: Mapping[str, Any], seconds: float) -> Segment:
    start, end = _read_times(item, seconds)
    return Segment(
        id=0,
        start=start,
        end=end,
        text=str(item["text"]).strip(),
        avg_logprob=_optional_float(item.get("avg_logprob")),
        compression_ratio=_optional_float(item.get("compression_ratio")),
        no_speech_prob=_optional_float(item.get("no_speech_prob")),
    )


def _read_times(item: Mapping[str, Any], seconds: float) -> tuple[float, float]:
    start, end = float(item["start"]), float(item["end"])
    if not (math.isfinite(start) and math.isfinite(end)):
        raise ValueError(f"a time is {start} to {end}")
    # Whisper thinks in windows of 30 s and may end a word behind the end of the chunk.
    start = min(max(start, 0.0), seconds)
    return start, min(max(end, start), seconds)


def _optional_float(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def _pause_seconds(headers: Mapping[str, str]) -> float:
    """How long to hold back when the answer says that no request is left in the window."""
    if headers.get("x-ratelimit-remaining-requests") != "0":
        return 0.0
    return go_duration_seconds(headers.get("x-ratelimit-reset-requests", "")) or 0.0


def go_duration_seconds(text: str) -> float | None:
    """Read a duration as Go writes it (`1m3.5s`, `20ms`), in seconds; None if it is none."""
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text.strip():
        return None
    return sum(float(number) * units[unit] for number, unit in parts)


@contextmanager
def _map_openai_errors() -> Iterator[None]:
    """Translate the SDK's errors into ours."""
    import openai

    try:
        yield
    except openai.APIStatusError as error:
        raise _status_error(error) from error
    except openai.APITimeoutError as error:
        raise EngineTimeout(
            "The server did not answer in time.", hint="ENGINE_TIMEOUT is too short?"
        ) from error
    except openai.APIError as error:
        cause = error.__cause__ or error
        raise EngineUnavailable(
            f"The server cannot be reached: {_shorten(str(cause)) or 'no answer'}."
        ) from error


def _status_error(error: APIStatusError) -> EngineError:
    status, code, message = error.status_code, error.code or error.type, _provider_message(error)
    said = f"The provider answers {status}: {message}"
    retry_after_s = _retry_after_seconds(error.response.headers)
    if status in {401, 403}:
        return EngineRefused(said, hint="Check OPENAI_API_KEY and OPENAI_BASE_URL.")
    if status == 404:
        return EngineRefused(said, hint="Check the model's name and OPENAI_BASE_URL.")
    if status == 429 and (code in SPENT or error.type in SPENT):
        return EngineRefused(said, hint="The account's quota is spent: add credit, then run the same again.")
    if status == 429:
        # Without Retry-After the end of the window is the best there is; of other errors it says nothing.
        reset_s = go_duration_seconds(error.response.headers.get("x-ratelimit-reset-requests", ""))
        return EngineRateLimited(said, retry_after_s=retry_after_s or reset_s or None)
    if status in {408, 409} or status >= 500:
        return EngineUnavailable(said, retry_after_s=retry_after_s)
    if error.param in {"model", "response_format", "language", "prompt"}:
        return EngineRefused(said, hint=f"The provider does not take this {error.param}.")
    return ChunkRefused(said)


def _provider_message(error: APIStatusError) -> str:
    body = error.body
    if isinstance(body, Mapping) and isinstance(body.get("message"), str):
        return _shorten(body["message"])
    return _shorten(error.response.text) or error.response.reason_phrase


def _retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    try:
        return max(float(headers["retry-after"]), 0.0)
    except (KeyError, ValueError):
        return None


def _shorten(text: str, length: int = 300) -> str:
    line = " ".join(text.split())
    return line if len(line) <= length else line[: length - 1] + "…"
