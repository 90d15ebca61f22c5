"""What a request asks for: its form checked against the rules of its model."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from tests.simulator import errors
from tests.simulator.form import Form

_FORMATS = ("json", "text", "srt", "verbose_json", "vtt", "diarized_json")
_LISTS = ("timestamp_granularities", "include", "keywords", "languages", "known_speaker_names")
_STRATEGY = ("type", "prefix_padding_ms", "silence_duration_ms", "threshold")
_FIELDS = {
    *("model", "language", "prompt", "response_format", "temperature", "stream", "chunking_strategy"),
    *(f"chunking_strategy[{name}]" for name in _STRATEGY),
    *(f"{name}[]" for name in (*_LISTS, "known_speaker_references")),
}
_SHORTEST_SECONDS = 0.1
_DIARIZED_AS_ONE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Model:
    """
    A model's rules.

    `snapshot` is the name it goes by in messages; `lacks` are the fields it refuses.
    """

    snapshot: str
    formats: tuple[str, ...]
    max_seconds: int | None
    billed: Literal["tokens", "duration"]
    streams: bool = True
    lacks: frozenset[str] = frozenset()


_ONLY_GPT_TRANSCRIBE = {"keywords", "languages"}
_ONLY_DIARIZE = {"known_speaker_names", "known_speaker_references"}
_4O_FORMATS, _4O_LACKS = ("json", "text"), frozenset(_ONLY_GPT_TRANSCRIBE | _ONLY_DIARIZE)

MODELS = {
    "whisper-1": Model(
        "whisper-1",
        ("json", "text", "srt", "verbose_json", "vtt"),
        None,
        "duration",
        streams=False,
        lacks=_4O_LACKS | {"include", "chunking_strategy"},
    ),
    # The cap is not documented; the research says to treat it like those of its elders.
    "gpt-transcribe": Model(
        "gpt-transcribe", ("json",), 1400, "duration", lacks=frozenset(_ONLY_DIARIZE | {"include"})
    ),
    "gpt-4o-transcribe": Model("gpt-4o-transcribe-api-ev3", _4O_FORMATS, 1400, "tokens", lacks=_4O_LACKS),
    "gpt-4o-mini-transcribe": Model(
        "gpt-4o-mini-transcribe-api-ev3", _4O_FORMATS, 1400, "tokens", lacks=_4O_LACKS
    ),
    "gpt-4o-mini-transcribe-2025-12-15": Model(
        "gpt-4o-mini-transcribe-2025-12-15", _4O_FORMATS, 1400, "tokens", lacks=_4O_LACKS
    ),
    "gpt-4o-transcribe-diarize": Model(
        "gpt-4o-transcribe-diarize",
        ("json", "text", "diarized_json"),
        1400,
        "tokens",
        lacks=frozenset(_ONLY_GPT_TRANSCRIBE | {"prompt", "include", "timestamp_granularities"}),
    ),
}


@dataclass(frozen=True, slots=True)
class Order:
    """A valid request, all but its audio."""

    model: str
    response_format: str
    language: str | None
    prompt: str
    temperature: float
    words: bool
    segments: bool
    logprobs: bool
    stream: bool
    cuts_itself: bool
    speakers: tuple[str, ...] = field(default=())

    @property
    def rules(self) -> Model:
        """The rules of its model."""
        return MODELS[self.model]

    def check_length(self, seconds: float) -> None:
        """
        See whether the model takes audio of this length.

        Raises:
            ApiError: too short, too long, or too long to be diarized as one.
        """
        if seconds < _SHORTEST_SECONDS:
            raise errors.too_short()
        if self.rules.max_seconds is not None and seconds > self.rules.max_seconds:
            raise errors.too_long(seconds, self.rules.max_seconds)
        if "diarize" in self.model and seconds > _DIARIZED_AS_ONE_SECONDS and not self.cuts_itself:
            raise errors.chunking_strategy_required()


def read_order(form: Form, *, foreign: bool = False) -> Order:
    """
    Check a form; a foreign server knows its own models, which are all like whisper-1.

    Raises:
        ApiError: the first rule that it breaks.
    """
    model = "whisper-1" if foreign else _check_names(form)
    response_format = _check_format(form, model)
    granularities = _check_granularities(form, response_format)
    include = _choices(form, "include", ("logprobs",))
    return Order(
        model=model,
        response_format=response_format,
        language=_check_language(form),
        prompt=form.get("prompt") or "",
        temperature=_check_temperature(form),
        words="word" in granularities,
        segments="segment" in granularities,
        logprobs="logprobs" in include and response_format == "json",
        stream=_check_stream(form) and MODELS[model].streams,
        cuts_itself=any(name.startswith("chunking_strategy") for name in form.fields),
        speakers=tuple(form.fields.get("known_speaker_names[]", ())),
    )


def _check_names(form: Form) -> str:
    for name in form.fields:
        if name not in _FIELDS:
            raise errors.unknown_parameter(name)
    model = form.get("model")
    if model is None:
        raise errors.missing_parameter("model")
    if model not in MODELS:
        raise errors.unknown_model(model)
    if form.file_name is None:
        raise errors.missing_parameter("file")
    if not errors.has_known_suffix(form.file_name):
        raise errors.unreadable_file()
    for name in form.fields:
        if (plain := re.sub(r"\[.*", "", name)) in MODELS[model].lacks:
            raise errors.not_supported(plain, model)
    return model


def _check_format(form: Form, model: str) -> str:
    response_format = form.get("response_format") or "json"
    rules = MODELS[model]
    if response_format not in _FORMATS:
        raise errors.invalid_value("response_format", response_format, _FORMATS)
    if response_format not in rules.formats:
        raise errors.incompatible_format(response_format, rules.snapshot, rules.formats)
    return response_format


def _check_granularities(form: Form, response_format: str) -> list[str]:
    granularities = _choices(form, "timestamp_granularities", ("word", "segment"))
    if granularities and response_format != "verbose_json":
        raise errors.granularities_need_verbose_json()
    return granularities or ["segment"]


def _choices(form: Form, name: str, allowed: tuple[str, ...]) -> list[str]:
    values = form.fields.get(f"{name}[]", [])
    for value in values:
        if value not in allowed:
            raise errors.invalid_value(name, value, allowed)
    return values


def _check_language(form: Form) -> str | None:
    language = form.get("language")
    for code in [*form.fields.get("languages[]", ()), *([language] if language else ())]:
        if not re.fullmatch("[a-z]{2}", code):
            raise errors.invalid_language(code)
    if language and "languages[]" in form.fields:
        raise errors.not_supported("language", "gpt-transcribe together with 'languages'")
    return language or None


def _check_temperature(form: Form) -> float:
    value = form.get("temperature") or "0"
    try:
        temperature = float(value)
    except ValueError:
        raise errors.invalid_temperature(value) from None
    if not 0 <= temperature <= 1:
        raise errors.invalid_temperature(value)
    return temperature


def _check_stream(form: Form) -> bool:
    value = form.get("stream") or "false"
    if value not in ("true", "false"):
        raise errors.invalid_value("stream", value, ("true", "false"))
    return value == "true"
