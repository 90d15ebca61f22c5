"""Response formats, limits and prices of the models of the OpenAI API and compatible servers."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from audio_tools.engines.base import Capabilities

ResponseFormat = Literal["verbose_json", "json", "diarized_json"]

MAX_BODY_BYTES = 25 * 1024 * 1024
"""The API limits the whole multipart body, not only the file."""
BODY_OVERHEAD_BYTES = 64 * 1024

SHORT_OF_OUTPUT_S = 420.0
"""2,000 output tokens are about ten minutes of speech, and longer transcripts are truncated silently: stay
below half of the 1,400 s that the API accepts."""


@dataclass(frozen=True, slots=True)
class Form:
    """
    A request format: the response format, and whether word and segment timestamps are requested by name.
    """

    response_format: ResponseFormat
    granularities: bool = False


WORDS = Form("verbose_json", granularities=True)
SEGMENTS = Form("verbose_json")
TEXT = Form("json")
SPEAKERS = Form("diarized_json")

FORMS: Mapping[ResponseFormat, tuple[Form, ...]] = {
    "verbose_json": (WORDS, SEGMENTS),
    "json": (TEXT,),
    "diarized_json": (SPEAKERS,),
}
"""Request formats by response format, best first."""


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """US dollars per million tokens of audio input, text input and text output."""

    audio: float
    text: float
    output: float


@dataclass(frozen=True, slots=True)
class Model:
    """
    The rules of one model.

    `forms`: request formats, best first; if a server rejects one, the next is used. `tokens`: token prices if
    billed by tokens; `usd_per_minute` is then an estimate. `translates`: whether the translation route
    accepts the model (on other servers it is tried). `ends`: the day on which OpenAI shuts it down.
    """

    forms: tuple[Form, ...]
    usd_per_minute: float = 0.0
    tokens: TokenPrices | None = None
    max_seconds: float | None = None
    takes_prompt: bool = True
    translates: bool = False
    ends: str | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Capabilities with the best request format."""
        best = self.forms[0]
        return Capabilities(
            words=best.granularities,
            segments=best.response_format != "json",
            speakers=best.response_format == "diarized_json",
            prompt=self.takes_prompt,
            max_bytes=MAX_BODY_BYTES - BODY_OVERHEAD_BYTES,
            max_seconds=self.max_seconds,
            usd_per_minute=self.usd_per_minute,
            translates=self.translates,
        )

    def cost_usd(self, usage: object) -> float | None:
        """Return the cost of a reply's `usage` in US dollars; None if it cannot be computed."""
        if not isinstance(usage, Mapping):
            return None
        if usage.get("type") == "duration":
            seconds = _count(usage.get("seconds"))
            return None if seconds is None else seconds / 60 * self.usd_per_minute
        sent, received = _count(usage.get("input_tokens")), _count(usage.get("output_tokens"))
        if self.tokens is None or sent is None or received is None:
            return None
        details = usage.get("input_token_details")
        text = (_count(details.get("text_tokens")) or 0.0) if isinstance(details, Mapping) else 0.0
        audio = max(sent - text, 0.0)
        prices = self.tokens
        return (audio * prices.audio + text * prices.text + received * prices.output) / 1e6


def count_tokens(usage: object) -> int:
    """Return the tokens of a reply's `usage`, input and output; 0 if not given."""
    total = _count(usage.get("total_tokens")) if isinstance(usage, Mapping) else None
    return int(total or 0)


def _count(value: object) -> float | None:
    """Return a count from JSON."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if 0 <= value <= 1e12 and math.isfinite(value) else None


UNKNOWN = Model((WORDS, SEGMENTS, TEXT), translates=True)
"""Rules for unknown models: request everything, then less; the price comes from the settings."""

_4O_TOKENS = TokenPrices(audio=6.0, text=2.5, output=10.0)
_END = "2027-02-26"

MODELS: Mapping[str, Model] = {
    "whisper-1": replace(UNKNOWN, usd_per_minute=0.006, ends=_END),
    "gpt-transcribe": Model((TEXT,), 0.0045, max_seconds=SHORT_OF_OUTPUT_S),
    "gpt-4o-transcribe": Model((TEXT,), 0.006, _4O_TOKENS, SHORT_OF_OUTPUT_S, ends=_END),
    "gpt-4o-mini-transcribe": Model(
        (TEXT,), 0.003, TokenPrices(3.0, 1.25, 5.0), SHORT_OF_OUTPUT_S, ends=_END
    ),
    "gpt-4o-transcribe-diarize": Model(
        (SPEAKERS,), 0.006, _4O_TOKENS, SHORT_OF_OUTPUT_S, takes_prompt=False, ends=_END
    ),
}
"""OpenAI's models by name, November 2026."""


def find_model(
    name: str, response_format: ResponseFormat | Literal["auto"] = "auto", usd_per_minute: float | None = None
) -> Model:
    """
    The rules of a model.

    Args:
        name: name on the server; a date suffix (`-2025-12-15`) and a provider prefix (`openai/`) are ignored.
        response_format: overrides the table; `auto`: use the table.
        usd_per_minute: price per minute of audio; None: use the table.
    """
    bare = name.rpartition("/")[2]
    known = max((known for known in MODELS if bare.startswith(known)), key=len, default=None)
    model = UNKNOWN if known is None else MODELS[known]
    if response_format != "auto":
        model = replace(model, forms=FORMS[response_format])
    if usd_per_minute is not None:
        model = replace(model, usd_per_minute=usd_per_minute, tokens=None)
    return model
