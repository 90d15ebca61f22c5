"""The form fields of a call: read with their bracket forms, ignored with a sentence, or refused by name."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
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
DETECTED = "auto"
"""What many tools send as `language` to have it detected."""


@dataclass(frozen=True, slots=True)
class Call:
    """What a call asks for: the options of its job, and the form of the reply."""

    options: Options
    response_format: ResponseFormat = "json"
    granularities: tuple[Granularity, ...] = ("segment",)
    stream: bool = False
    ignored: tuple[str, ...] = ()
    """What has no effect, one sentence each, for `warnings` of the reply."""

    @property
    def is_json(self) -> bool:
        """Whether the reply is JSON."""
        return self.response_format.endswith("json")


def parse_call(texts: Texts, engines: EngineFacts, *, translate: bool) -> Call:
    """
    Read the fields of a form, empty ones as missing.

    Fields that are unknown are ignored, as OpenAI does: tools send fields of other servers.

    Raises:
        FieldRefused: a field has a value that is not valid, or that would change the reply and cannot be
            honoured; it is named.
    """
    given = _by_name(texts)
    known = TRANSLATED if translate else TRANSCRIBED
    fields = {name: values for name, values in given.items() if name in known}
    _refuse_speaker_samples(fields)
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
        tuple(_ignored(fields, sorted(given.keys() - known))),
    )


def _by_name(texts: Texts) -> dict[str, list[str]]:
    """
    The values of each field. `name[]`, `name[0]`, a repeated `name` and a JSON list are lists; `name[key]` is
    one value of an object.
    """
    fields: dict[str, list[str]] = {}
    for name, text in texts:
        bare, _, rest = name.partition("[")
        if not text.strip():
            continue
        key = rest.removesuffix("]")
        values = fields.setdefault(bare, [])
        if bare in LISTS:
            values.extend(_items(text))
        elif bare in TRANSCRIBED and key == "" and values:
            raise FieldRefused(bare, f"The form has the field {bare[:80]} twice.")
        else:
            values.append(f"{key}={text}" if key else text)
    return fields


def _items(text: str) -> list[str]:
    """The items of a list that may be JSON: `["word", "segment"]`."""
    with suppress(ValueError, RecursionError):
        if isinstance(items := json.loads(text), list):
            return [str(item) for item in items]
    return [text]


def _refuse_speaker_samples(fields: Mapping[str, list[str]]) -> None:
    for name in ("known_speaker_names", "known_speaker_references"):
        if name in fields:
            raise FieldRefused(name, f"Speaker references are not supported; omit {name}.")


def _ignored(fields: Mapping[str, list[str]], unknown: Sequence[str]) -> Iterator[str]:
    if unknown:
        yield f"Unknown fields were ignored: {', '.join(name[:80] for name in unknown)}."
    if _temperature(fields):
        yield "The temperature was ignored: the engine chooses it."
    if "include" in fields:
        yield "The field include was ignored: log probabilities are not available."
    if len(fields.get("languages", ())) > 1:
        yield "Several languages were ignored: the language is detected."
    if not _is_plain_strategy(fields.get("chunking_strategy", [DETECTED])):
        yield "The parameters of chunking_strategy were ignored: chunks end in pauses."


def _temperature(fields: Mapping[str, list[str]]) -> float:
    text = fields.get("temperature", ["0"])[0]
    with suppress(ValueError):
        if 0.0 <= (temperature := float(text)) <= 1.0:
            return temperature
    raise FieldRefused("temperature", f"temperature must be a number from 0 to 1, not {text[:80]!r}.")


def _is_plain_strategy(values: Sequence[str]) -> bool:
    """Whether a chunking strategy is the name of one alone; some clients send the object as JSON."""
    if values in (["auto"], ["server_vad"], ["type=auto"], ["type=server_vad"]):
        return True
    with suppress(ValueError, RecursionError):
        return bool(json.loads(values[0]) in ("auto", {"type": "auto"}, {"type": "server_vad"}))
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
            "timestamp_granularities", "timestamp_granularities requires response_format verbose_json."
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
            "diarized_json requires a model that separates speakers, such as gpt-4o-transcribe-diarize.",
        )
    return options


def _language(fields: Mapping[str, list[str]]) -> str | None:
    """The language, as the client names it; None if it is to be detected."""
    named = fields.get("language") or fields.get("languages", [])
    return named[0] if len(named) == 1 and named[0].strip().lower() != DETECTED else None


def _prompt(fields: Mapping[str, list[str]]) -> str:
    """The prompt and the keywords: an engine takes both as words to expect."""
    keywords = ", ".join(fields.get("keywords", ()))
    return " ".join(filter(None, (*fields.get("prompt", ()), keywords)))
