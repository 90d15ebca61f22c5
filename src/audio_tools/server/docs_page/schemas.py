"""Describe JSON schemas as HTML."""

from __future__ import annotations

import json
from html import escape

from audio_tools.server.docs_page.markup import code, prose, table
from audio_tools.transcript import Json

OPTIONAL = "<br><span class=optional>optional</span>"
RULES = {
    "minimum": " from {}",
    "maximum": " to {}",
    "maxLength": ", at most {} characters",
    "pattern": ", like {}",
    "default": ", default {}",
}
"""Text for further keywords of a schema."""


def schema_html(schema: Json) -> str:
    """Render the description of a schema, and a table of its fields."""
    properties = schema.get("properties", {})
    certain = {*schema.get("required", ()), *(name for name in properties if "default" in properties[name])}
    fields = table(
        (code(name), type_html(field) + ("" if name in certain else OPTIONAL), _description(field))
        for name, field in properties.items()
    )
    return f"{prose(schema.get('description', ''))}{fields or f'<p>{type_html(schema)}</p>'}"


def type_html(schema: Json) -> str:
    """Describe the type of a value: `number or null`, `list of Word`, `from 1 to 64`."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"<a href=#{name}>{name}</a>"
    for several in ("oneOf", "anyOf"):
        if kinds := [kind for kind in schema.get(several, ()) if "required" not in kind]:
            return " or ".join(map(type_html, kinds))
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        words = " or ".join(code(_value(value)) for value in values)
    elif schema.get("type") == "array":
        words = f"list of {type_html(schema['items'])}"
    else:
        kinds = schema.get("type", "any")
        words = " or ".join([kinds] if isinstance(kinds, str) else kinds)
    return words + "".join(
        text.format(escape(_value(schema[key]))) for key, text in RULES.items() if key in schema
    )


def _description(schema: Json) -> str:
    """Its own description, and those of the fields of an anonymous object."""
    inner = [
        f"- `{name}`: {_description(field)}"
        for name, field in schema.get("items", schema).get("properties", {}).items()
    ]
    own: str = schema.get("description", "")
    return "\n".join([own, *inner]) if "$ref" not in schema and inner else own


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    return value if isinstance(value, str) else json.dumps(value)
