"""What each model of the OpenAI API, and of servers like it, gives, takes and costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from audio_tools.engines.base import Capabilities

ResponseFormat = Literal["verbose_json", "json", "diarized_json"]

MAX_BODY_BYTES = 25 * 1024 * 1024
"""The API counts the whole multipart body, not the file alone."""
BODY_OVERHEAD_BYTES = 64 * 1024

SHORT_OF_OUTPUT_S = 420.0
"""2,000 output tokens are about ten minutes of speech, and longer audio is cut off silently: stay below half
of the 1,400 s that the API lets in."""


@dataclass(frozen=True, slots=True)
class Form:
    """One way to ask: the response format, and whether word and segment times are asked for by name."""

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
"""How to ask for each response format, best first."""


@dataclass(frozen=True, slots=True)
class TokenPrices:
    """US dollars for a million tokens of audio and of text that go in, and of text that comes out."""

    audio: float
    text: float
    output: float


@dataclass(frozen=True, slots=True)
class Model:
    """
    The rules of one model.

    `forms`: how it may be asked, best first; a server that refuses one is asked by the next. `tokens`: what
    they cost where they are what is paid; `usd_per_minute` is then an estimate. `translates`: whether the
    server's route for translations takes it (of other servers that is tried). `ends`: the day on which
    OpenAI shuts it down.
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
        """What it gives when it is asked by its best form."""
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
        """What the `usage` of an answer costs in US dollars; None where it cannot be told from it."""
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
    """How many tokens the `usage` of an answer counts, in and out; 0 if it counts none."""
    total = _count(usage.get("total_tokens")) if isinstance(usage, Mapping) else None
    return int(total or 0)


def _count(value: object) -> float | None:
    """A number of something, as JSON has it."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    return float(value) if 0 <= value <= 1e12 and math.isfinite(value) else None


UNKNOWN = Model((WORDS, SEGMENTS, TEXT), translates=True)
"""Of other servers nothing is known: they are asked for all, then for less; the user knows their price."""

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
        name: as the server knows it; a date behind it (`-2025-12-15`) and a provider before it (`openai/`)
            change nothing.
        response_format: asked for whatever the table says; `auto`: what the table says.
        usd_per_minute: what a minute of audio costs; None: what the table says.
    """
    bare = name.rpartition("/")[2]
    known = max((known for known in MODELS if bare.startswith(known)), key=len, default=None)
    model = UNKNOWN if known is None else MODELS[known]
    if response_format != "auto":
        model = replace(model, forms=FORMS[response_format])
    if usd_per_minute is not None:
        model = replace(model, usd_per_minute=usd_per_minute, tokens=None)
    return model
