"""Values and their JSON: one description of each field reads it, writes it and documents it."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, PlainSerializer, TypeAdapter
from pydantic.alias_generators import to_camel

Json = dict[str, Any]

CONFIG = ConfigDict(
    alias_generator=to_camel,
    validate_by_name=True,
    validate_by_alias=True,
    use_attribute_docstrings=True,
    # A field with a default is always written, so readers may rely on it.
    json_schema_serialization_defaults_required=True,
)
"""JSON names are camelCase, and the docstring below a field is its description."""

Moment = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
"""A point in time: ISO 8601 in UTC, see `iso`."""

SECONDS_DECIMALS = 4
Seconds = Annotated[float, PlainSerializer(lambda value: round(value, SECONDS_DECIMALS), return_type=float)]
"""A tenth of a millisecond is finer than one sample at 16 kHz and keeps float noise out of the JSON."""


def iso(epoch_s: float) -> str:
    """Return a point in time for clients: ISO 8601 in UTC, with milliseconds."""
    return datetime.fromtimestamp(epoch_s, UTC).isoformat(timespec="milliseconds")


def omit_if_none(**schema: Any) -> Any:
    """A field that is left out of the JSON while it is None; `schema` adds to its JSON Schema."""
    return Field(exclude_if=_is_none, json_schema_extra=schema or None)


def _is_none(value: object) -> bool:
    return value is None


class JsonValue:
    """Base of dataclasses that are stored or sent as JSON; their annotations are the description."""

    __slots__ = ()
    __pydantic_config__ = CONFIG

    def to_json(self) -> Json:
        """The value as plain JSON types."""
        record: Json = _adapter(type(self)).dump_python(self, mode="json", by_alias=True)
        return record

    def to_json_text(self, indent: int | None = None) -> bytes:
        """The value as JSON in UTF-8."""
        return _adapter(type(self)).dump_json(self, by_alias=True, indent=indent)

    @classmethod
    def from_json(cls, record: Json) -> Self:
        """
        Read what `to_json` wrote; unknown fields are ignored.

        Raises:
            ValueError: a field is missing or has the wrong type.
        """
        value: Self = _adapter(cls).validate_python(record)
        return value

    @classmethod
    def from_json_text(cls, text: bytes) -> Self:
        """As `from_json`, from JSON in UTF-8."""
        value: Self = _adapter(cls).validate_json(text)
        return value


_ADAPTERS: dict[type, TypeAdapter[Any]] = {}
"""One for each type, made when it is first used: making one takes milliseconds."""

READING_DOCSTRINGS = threading.Lock()
"""To be held while a TypeAdapter is made: `ast.parse` fails in CPython 3.11 while another thread is in it."""


def _adapter(kind: type) -> TypeAdapter[Any]:
    if kind not in _ADAPTERS:
        with READING_DOCSTRINGS:
            if kind not in _ADAPTERS:
                _ADAPTERS[kind] = TypeAdapter(kind)
    return _ADAPTERS[kind]
