"""The OpenAPI document as an HTML page without scripts or external resources; works offline."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape

from fastapi.responses import HTMLResponse

from audio_tools.transcript import Json

CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { border-top: 1px solid #ccc; padding-top: 1rem; } code { font-size: 90%; }
td { padding: 0.1rem 1rem 0.1rem 0; vertical-align: top; }
td p { margin: 0; } ul { margin: 0; padding-left: 1.2rem; }
"""
MISSING = "<br>may be missing"
METHODS = ("get", "post", "head", "patch", "delete", "options")
RULES = {
    "minimum": " from {}",
    "maximum": " to {}",
    "maxLength": ", at most {} characters",
    "pattern": ", like {}",
    "default": ", {} if left out",
}
"""Text for further keywords of a schema."""


def docs_page(document: Json) -> HTMLResponse:
    """Render all routes of an OpenAPI document with parameters, bodies and responses, and all schemas."""
    info = document["info"]
    title = escape(f"{info['title']} {info['version']}")
    routes = "".join(
        _route(method, path, item[method], item.get("parameters", []))
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    )
    schemas = "".join(
        f"<h3 id={name}>{name}</h3>{_schema(schema)}"
        for name, schema in document["components"]["schemas"].items()
    )
    return HTMLResponse(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{STYLE}</style>"
        f"<h1>{title}</h1>{_prose(info['description'])}<p>For programs: "
        f"<a href=openapi.json>openapi.json</a>.</p>{routes}<h1>Bodies and messages</h1>{schemas}</html>",
        headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY},
    )


def _route(method: str, path: str, route: Json, shared: list[Json]) -> str:
    parameters = _table(
        (
            f"{parameter['name']} ({parameter['in']})",
            _type(parameter["schema"]) + ("" if parameter["required"] else MISSING),
            parameter["description"],
        )
        for parameter in [*shared, *route.get("parameters", ())]
    )
    bodies = "".join(
        f"<h3>Body: {escape(kind)}</h3>{_schema(body['schema'])}"
        for kind, body in route.get("requestBody", {}).get("content", {}).items()
    )
    answers = _table(
        (status, _bodies(answer.get("content", {})), _with_headers(answer))
        for status, answer in route["responses"].items()
    )
    return (
        f"<h2><code>{method.upper()} {escape(path)}</code></h2><p><b>{escape(route['summary'])}.</b></p>"
        f"{_prose(route.get('description', ''))}{parameters and '<h3>Parameters</h3>'}{parameters}"
        f"{bodies}<h3>Answers</h3>{answers}"
    )


def _with_headers(answer: Json) -> str:
    headers = [f"- `{name}`: {header['description']}" for name, header in answer.get("headers", {}).items()]
    return "\n".join([answer["description"], *headers])


def _bodies(content: Json) -> str:
    return "<br>".join(
        _type(body["schema"]) if kind == "application/json" else f"<code>{escape(kind)}</code>"
        for kind, body in content.items()
    )


def _schema(schema: Json) -> str:
    """Render the description of a schema, and a table of its fields."""
    properties = schema.get("properties", {})
    certain = {*schema.get("required", ()), *(name for name in properties if "default" in properties[name])}
    fields = _table(
        (name, _type(field) + ("" if name in certain else MISSING), _description(field))
        for name, field in properties.items()
    )
    return f"{_prose(schema.get('description', ''))}{fields or f'<p>{_type(schema)}</p>'}"


def _description(schema: Json) -> str:
    """Its own description, and those of the fields of an anonymous object."""
    inner = [
        f"- `{name}`: {_description(field)}"
        for name, field in schema.get("items", schema).get("properties", {}).items()
    ]
    own: str = schema.get("description", "")
    return "\n".join([own, *inner]) if "$ref" not in schema and inner else own


def _type(schema: Json) -> str:
    """Describe the type of a value: `number or null`, `list of Word`, `from 1 to 64`."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"<a href=#{name}>{name}</a>"
    for several in ("oneOf", "anyOf"):
        if kinds := [kind for kind in schema.get(several, ()) if "required" not in kind]:
            return " or ".join(map(_type, kinds))
    if "const" in schema or "enum" in schema:
        values = schema.get("enum", [schema.get("const")])
        words = " or ".join(f"<code>{escape(_value(value))}</code>" for value in values)
    elif schema.get("type") == "array":
        words = f"list of {_type(schema['items'])}"
    else:
        kinds = schema.get("type", "anything")
        words = " or ".join([kinds] if isinstance(kinds, str) else kinds)
    return words + "".join(
        text.format(escape(_value(schema[key]))) for key, text in RULES.items() if key in schema
    )


def _value(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    return value if isinstance(value, str) else json.dumps(value)


def _table(rows: Iterable[tuple[str, str, str]]) -> str:
    """Rows of a name, its type as HTML, and a description; nothing for none."""
    lines = "".join(
        f"<tr><td><code>{escape(name)}</code><td>{kind}<td>{_prose(text)}" for name, kind, text in rows
    )
    return lines and f"<table>{lines}</table>"


def _prose(text: str) -> str:
    """The little Markdown that descriptions use: paragraphs, lists, and code in backticks."""
    html = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
    items = re.sub(r"^- (.*)$", r"<li>\1", html, flags=re.MULTILINE)
    lists = re.sub(r"(?:^<li>.*\n?)+", lambda found: f"<ul>{found[0]}</ul>", items, flags=re.MULTILINE)
    return "".join(
        part if part.startswith("<ul>") else f"<p>{part}</p>" for part in re.split(r"\n\s*\n", lists) if part
    )
