"""Whether an answer is what the OpenAPI document says, and has no field that the document does not know."""

from __future__ import annotations

from typing import Any

import jsonschema_rs

from audio_tools.server.openapi.schemas import schemas
from audio_tools.transcript import Json


def assert_described(value: object, name: str, known: Json | None = None) -> None:
    """`value` is what the schema of this name says: each field, its type, its range."""
    document = {
        "$ref": f"#/components/schemas/{name}",
        "components": {"schemas": _closed(known or schemas())},
    }
    jsonschema_rs.Draft202012Validator(document, validate_formats=True).validate(value)


def _closed(schema: Any) -> Any:
    """The same, and no field that it does not name may be there."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    # A field may be called `properties`, but no field of this API is.
    rule = {"additionalProperties": False} if "properties" in schema else {}
    return {key: _closed(value) for key, value in schema.items()} | rule
