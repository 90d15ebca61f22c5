"""The form fields of a call: read with their bracket forms, or refused by name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Literal, cast, get_args

from audio_tools.options import Options
from audio_tools.server.multipart import Layout, Texts
from audio_tools.server.openai_api.engine_facts import EngineFacts
from audio_tools.server.openai_api.errors import FieldRefused

ResponseFormat = Literal["json", "text", "srt", "verbose_json", "vtt", "diarized_json"]
Granularity = Literal["word", "segment"]

FORM = Layout("file", None)
STREAMED: tuple[ResponseFormat, ...] = ("json", "text", "diarized_json")
"""Formats that can be streamed: the others need the end first."""
LISTS = {
    "include",
    "keywords",
    "known_speaker_names",
    "known_speaker_references",
    "languages",
    "timestamp_granularities",
}
TRANSLATED = {"model", "prompt", "response_format", "temperature"}
"""Fields of a translation."""
TRANSCRIBED = TRANSLATED | LISTS | {"chunking_strategy", "language", "stream"}
"""Fields of a transcription."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a call asks for: the options of its job, and the form of the reply."""

    options: Options
    response_format: ResponseFormat = "json"
    granularities: tuple[Granularity, ...] = ("segment",)
    stream: bool = False


def parse_call(texts: Texts, engines: EngineFacts, *, translate: bool) -> Call:
    """
    Read the fields of a form, empty ones as missing.

    Raises:
        FieldRefused: a field is unknown, or has a value that cannot be honoured; it is named.
    """
    fields = _by_name(texts)
    known = TRANSLATED if translate else TRANSCRIBED
    for name in fields:
        if name not in known:
            raise FieldRefused(name, f"Unknown field {name[:80]}. Known fields: {', '.join(sorted(known))}.")
    _refuse_unsupported(fields)
    response_format = _response_format(fields, translate)
    stream = _stream(fields)
    if stream and response_format not in STREAMED:
        raise FieldRefused(
            "response_format",
            f"{response_format} cannot be streamed; use one of {', '.join(STREAMED)}, or omit stream.",
        )
    return Call(
        _options(fields, engines, response_format, translate),
        response_format,
        _granularities(fields, response_format),
        stream,
    )


def _by_name(texts: Texts) -> dict[str, list[str]]:
    """The values of each field; `name[]` is a list, and `name[key]` one value of an object."""
    fields: dict[str, list[str]] = {}
    for name, text in texts:
        bare, _, rest = name.partition("[")
        if not text.strip():
            continue
        key = rest.removesuffix("]")
        values = fields.setdefault(bare, [])
        if bare not in LISTS and key == "" and values:
            raise FieldRefused(bare, f"The form has the field {bare[:80]} twice.")
        values.append(f"{key}={text}" if key else text)
    return fields


def _refuse_unsupported(fields: Mapping[str, list[str]]) -> None:
    temperature = fields.get("temperature", ["0"])[0]
    if _number(temperature) != 0.0:
        raise FieldRefused("temperature", "A temperature other than 0 is not supported: the engine sets it.")
    for name, message in (
        ("include", "Log probabilities of tokens are not available: omit include."),
        ("known_speaker_names", "Speakers are not recognised by samples: omit known_speaker_names."),
        (
            "known_speaker_references",
            "Speakers are not recognised by samples: omit known_speaker_references.",
        ),
    ):
        if name in fields:
            raise FieldRefused(name, message)
    strategy = fields.get("chunking_strategy", ["auto"])
    if strategy not in (["auto"], ["type=auto"], ["type=server_vad"]) and not _is_plain_vad(strategy[0]):
        raise FieldRefused(
            "chunking_strategy",
            "Only auto and server_vad without parameters are supported: chunks end in pauses.",
        )


def _is_plain_vad(text: str) -> bool:
    """Some clients send the object as JSON."""
    with suppress(ValueError, RecursionError):
        return bool(json.loads(text) in ("auto", {"type": "auto"}, {"type": "server_vad"}))
    return False


def _response_format(fields: Mapping[str, list[str]], translate: bool) -> ResponseFormat:
    name = fields.get("response_format", ["json"])[0]
    known = [each for each in get_args(ResponseFormat) if not (translate and each == "diarized_json")]
    if name not in known:
        raise FieldRefused(
            "response_format", f"Unknown response_format {name[:80]!r}; use one of {', '.join(known)}."
        )
    return cast(ResponseFormat, name)


def _stream(fields: Mapping[str, list[str]]) -> bool:
    text = fields.get("stream", ["false"])[0].strip().lower()
    if text not in {"true", "false", "1", "0"}:
        raise FieldRefused("stream", f"stream must be true or false, not {text[:80]!r}.")
    return text in {"true", "1"}


def _granularities(
    fields: Mapping[str, list[str]], response_format: ResponseFormat
) -> tuple[Granularity, ...]:
    if (names := fields.get("timestamp_granularities")) is None:
        return ("segment",)
    if response_format != "verbose_json":
        raise FieldRefused(
            "timestamp_granularities", "timestamp_granularities needs response_format verbose_json."
        )
    for name in names:
        if name not in get_args(Granularity):
            raise FieldRefused(
                "timestamp_granularities",
                f"timestamp_granularities must be word or segment, not {name[:80]!r}.",
            )
    return tuple(cast(Granularity, name) for name in names)


def _options(
    fields: Mapping[str, list[str]], engines: EngineFacts, response_format: ResponseFormat, translate: bool
) -> Options:
    if "model" not in fields:
        raise FieldRefused("model", "The field model is missing; GET /v1/models lists the models.")
    given = engines.options_for(fields["model"][0].strip())
    if language := _language(fields):
        given["language"] = engines.language_code(language)
    if prompt := _prompt(fields):
        given["prompt"] = prompt
    if translate:
        given["task"] = "translate"
    options = Options.parse(given)[0]
    if response_format == "diarized_json" and not engines.separates_speakers(options):
        raise FieldRefused(
            "response_format",
            "diarized_json needs a model that separates speakers, such as gpt-4o-transcribe-diarize.",
        )
    return options


def _language(fields: Mapping[str, list[str]]) -> str | None:
    several = fields.get("languages", [])
    if len(several) > 1:
        raise FieldRefused("languages", "More than one language is not supported: omit them to detect it.")
    named = fields.get("language", several)
    return named[0] if named else None


def _prompt(fields: Mapping[str, list[str]]) -> str:
    """The prompt and the keywords: an engine takes both as words to expect."""
    keywords = ", ".join(fields.get("keywords", ()))
    return " ".join(filter(None, (*fields.get("prompt", ()), keywords)))


def _number(text: str) -> float | None:
    with suppress(ValueError):
        return float(text)
    return None
