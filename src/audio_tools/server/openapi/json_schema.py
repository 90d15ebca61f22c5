"""The words in which `schemas.py` describes what is sent: JSON Schema 2020-12, as OpenAPI 3.1 has it."""

from __future__ import annotations

from typing import Any

from audio_tools.transcript import Json


def ref(name: str, description: str = "") -> Json:
    """A schema of `SCHEMAS` by its name."""
    return {"$ref": f"#/components/schemas/{name}"} | ({"description": description} if description else {})


def content(name: str) -> Json:
    """A JSON body of a schema of `SCHEMAS`, for `requestBody` and `responses`."""
    return {"application/json": {"schema": ref(name)}}


def plain(schema: Json) -> Json:
    """A schema as Pydantic writes it without what only repeats the name, or says that it may be left out."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    rest = {key: value for key, value in schema.items() if key not in {"title", "anyOf"}}
    if rest.get("default", ...) is None:
        del rest["default"]
    return rest | (kinds[0] if len(kinds) == 1 else {"anyOf": kinds} if kinds else {})


def record(description: str, fields: Json, optional: Json | None = None) -> Json:
    """An object: `fields` are always there, `optional` ones may be missing."""
    return {
        "type": "object",
        "description": description,
        "properties": fields | (optional or {}),
        "required": [*fields],
    }


def text(description: str, **rules: Any) -> Json:
    """A string."""
    return {"type": "string", "description": description} | rules


def number(description: str, **rules: Any) -> Json:
    """A number; the description says its unit."""
    return {"type": "number", "description": description} | rules


def whole(description: str, **rules: Any) -> Json:
    """A count."""
    return {"type": "integer", "description": description, "minimum": 0} | rules


def flag(description: str, **rules: Any) -> Json:
    """True or false."""
    return {"type": "boolean", "description": description} | rules


def list_of(of: Json, description: str) -> Json:
    """An array."""
    return {"type": "array", "items": of, "description": description}


def or_null(schema: Json) -> Json:
    """The same, or null."""
    nullable = schema | {"type": [schema["type"], "null"]}
    return nullable | ({"enum": [*schema["enum"], None]} if "enum" in schema else {})


def moment(description: str) -> Json:
    """A moment, as `iso` writes it."""
    return text(f"{description}, ISO 8601 in UTC.", format="date-time")
