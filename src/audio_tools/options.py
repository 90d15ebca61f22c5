"""The processing options of one job: the options of `spec.md` and those added by audio-tools."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from audio_tools.errors import InvalidOption, MalformedRequest

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

Json = dict[str, Any]
AudioFormat = Literal["flac", "wav", "mp3", "ogg", "opus"]
EngineName = Literal["auto", "openai", "whisper"]
Task = Literal["transcribe", "translate"]
WebhookEvent = Literal["completed", "failed", "cancelled", "progress"]
NOT_ALLOWED = "not_allowed"
"""Type of a validation error whose message says what is allowed."""
ChannelMode = Literal["mix", "separate"]
MULTI = "multi"
"""The value of `language` for speech in several languages."""


class OptionsModel(BaseModel):
    """Options from a client: camelCase in JSON, checked field by field, unknown names reported."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True, strict=True)

    @classmethod
    def parse(cls, given: object, field: str = "options") -> tuple[Self, list[str]]:
        """
        Check what a client sent in `field`; None stands for no options.

        Returns:
            The options, and the names that are unknown (old clients send extras).

        Raises:
            MalformedRequest: it is not a JSON object. InvalidOption: an option is ill-typed or out of range.
        """
        given = {} if given is None else given
        if not isinstance(given, dict):
            raise MalformedRequest(f"The field {field} must be a JSON object.")
        known = {entry.alias for entry in cls.model_fields.values()} | set(cls.model_fields)
        taken = {name: value for name, value in given.items() if name in known and value is not None}
        try:
            options = cls.model_validate(taken)
        except ValidationError as error:
            raise _invalid(cls, error.errors(include_url=False)[0]) from None
        return options, sorted(set(given) - known)


class Options(OptionsModel):
    """What one job asks for. Options that are left out follow the settings of the service, if any."""

    chunk_size: int | None = Field(
        None, ge=65_536, le=1_073_741_824, description="Maximum size of an encoded chunk, bytes."
    )
    max_concurrent: int | None = Field(
        None, ge=1, le=64, description="Maximum number of concurrent requests of this job."
    )
    rate_limit_delay: int | None = Field(
        None,
        ge=0,
        le=600_000,
        description="Rate-limit window, ms: at most as many requests start within it as may run at once.",
    )
    silence_threshold: float = Field(
        2.0, ge=0.3, le=3600.0, description="Shortest silence to report, seconds."
    )
    audio_format: AudioFormat = Field("flac", description="Audio format sent to the engine.")
    sample_rate: int = Field(16_000, ge=8_000, le=48_000, description="Sample rate of the chunks, Hz.")
    channels: int = Field(
        1,
        ge=1,
        le=2,
        description="Number of channels in the audio sent to the engine; speech engines require 1.",
    )
    engine: EngineName | None = Field(None, description="Transcription engine.")
    model: str | None = Field(None, min_length=1, max_length=200, description="Name of the model to use.")
    language: str | None = Field(
        None,
        pattern=rf"^([a-z]{{2,3}}|{MULTI})$",
        description="Spoken language, ISO 639-1 (`en`); `multi`: detect it for each stretch of speech; "
        "default: detect it from the first speech.",
    )
    task: Task = Field(
        "transcribe",
        description="`translate`: return the text in English, if the model can translate speech.",
    )
    prompt: str | None = Field(
        None, max_length=4_000, description="Prompt for the model: expected names, terms and style."
    )
    audio_stream: int | None = Field(
        None,
        ge=0,
        le=63,
        description="Audio stream, counted from 0; default: the default stream of the file.",
    )
    channel_mode: ChannelMode = Field(
        "mix",
        description="`separate`: transcribe each channel on its own (one microphone per channel).",
    )
    word_timestamps: bool = Field(True, description="Include words in the result.")
    max_cost: float | None = Field(
        None,
        ge=0.0,
        le=1_000_000.0,
        description="Cost limit in US dollars; the job stops before it is exceeded.",
    )
    dry_run: bool = Field(False, description="Estimate requests and cost without transcribing.")
    silence_detection: Literal["auto", "level", "vad"] = Field(
        "auto", description="Silence detection: by level, by voice activity (vad), or by both (auto)."
    )
    webhook_url: str | None = Field(
        None,
        max_length=2_000,
        pattern=r"^https?://[^\s/@?#]+([/?#]\S*)?$",
        examples=["https://example.com/hooks/transcripts"],
        description="URL that receives a signed message when the job ends; default: WEBHOOK_URL.",
    )
    webhook_events: tuple[WebhookEvent, ...] | None = Field(
        None,
        min_length=1,
        max_length=4,
        strict=False,
        description="Events to send to `webhookUrl`; default: `completed`, `failed` and `cancelled`.",
    )

    @property
    def separates_channels(self) -> bool:
        """Whether each channel is transcribed on its own."""
        return self.channel_mode == "separate"

    @property
    def one_language(self) -> str | None:
        """The language of all speech; None if it is to be detected."""
        return None if self.language == MULTI else self.language

    @property
    def is_multilingual(self) -> bool:
        """Whether each stretch of speech has a language of its own."""
        return self.language == MULTI


def _invalid(model: type[BaseModel], problem: ErrorDetails) -> InvalidOption:
    """The error of the element that is wrong: `cut[5].start`."""
    place, value = problem["loc"], problem["input"]
    if problem["type"] == "extra_forbidden":
        *parent, name = place
        known = ", ".join(_entry(model, parent)["properties"])
        return InvalidOption(_path(parent), {name: value}, f"an object with only {known}")
    if problem["type"] == NOT_ALLOWED:
        return InvalidOption(_path(place), value, problem["msg"])
    return InvalidOption(_path(place), value, _allowed(model, place))


def _path(place: Sequence[int | str]) -> str:
    parts = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place)
    return parts[1:]


def _entry(model: type[BaseModel], place: Sequence[int | str]) -> Json:
    """The JSON schema of an option, or of an element within it."""
    schema = model.model_json_schema(by_alias=True)
    names = {name: field.alias or name for name, field in model.model_fields.items()}
    entry: Json = schema
    for part in place:
        rule = _rule(entry)
        rule = schema["$defs"][rule["$ref"].rsplit("/", 1)[-1]] if "$ref" in rule else rule
        entry = rule["items"] if isinstance(part, int) else rule["properties"][names.get(part, part)]
    return schema["$defs"][entry["$ref"].rsplit("/", 1)[-1]] if "$ref" in entry else entry


def _rule(entry: Json) -> Json:
    return next((kind for kind in entry.get("anyOf", [entry]) if kind.get("type") != "null"), entry)


def _allowed(model: type[BaseModel], place: Sequence[int | str]) -> str:
    """The range of an option in words, from its JSON schema: `a number from 0.3 to 3600`."""
    entry = _entry(model, place)
    rule = _rule(entry)
    if "properties" in rule:
        return f"an object with {', '.join(rule['properties'])}"
    if "enum" in rule:
        return "one of " + ", ".join(str(value) for value in rule["enum"])
    kinds = {
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "string": "text",
        "array": "a list",
        "object": "an object",
    }
    types = rule.get("type", "")
    words = kinds.get(types if isinstance(types, str) else types[0], "valid")
    if "minimum" in rule:
        words += f" from {rule['minimum']:g} to {rule['maximum']:.10g}"
    if "maxLength" in rule:
        least = f"{rule['minLength']} to" if rule.get("minLength") else "at most"
        words += f" of {least} {rule['maxLength']} characters"
    if "enum" in rule.get("items", {}):
        words += " with " + ", ".join(rule["items"]["enum"])
    if examples := entry.get("examples"):
        words += f" like {examples[0]}"
    elif "pattern" in rule:
        words += f" like en (ISO 639-1, lower case), or {MULTI}"
    return words
