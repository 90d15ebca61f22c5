"""The OpenAPI document as a page of HTML: no script, nothing from elsewhere, so it works offline."""

from __future__ import annotations

import json
from html import escape
from typing import Any

from fastapi.responses import HTMLResponse

CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h2 { border-top: 1px solid #ccc; padding-top: 1rem; } code, pre { font-size: 0.9rem; }
pre { background: #f4f4f4; padding: 0.5rem; overflow: auto; } td { padding: 0 1rem 0 0; vertical-align: top; }
"""
METHODS = ("get", "post", "head", "patch", "delete", "options")


def docs_page(document: dict[str, Any]) -> HTMLResponse:
    """Every route of an OpenAPI document with its parameters, bodies and answers."""
    info = document["info"]
    title = escape(f"{info['title']} {info['version']}")
    routes = "".join(
        _route(method, path, item[method], item.get("parameters", []))
        for path, item in document["paths"].items()
        for method in METHODS
        if method in item
    )
    return HTMLResponse(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{STYLE}</style>"
        f"<h1>{title}</h1><p>{escape(info['description'])} For programs: "
        f"<a href=openapi.json>openapi.json</a>.</p>{routes}</html>",
        headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY},
    )


def _route(method: str, path: str, route: dict[str, Any], shared: list[dict[str, Any]]) -> str:
    parameters = [
        (f"{parameter['name']} ({parameter['in']})", parameter.get("description", ""), parameter["schema"])
        for parameter in [*shared, *route.get("parameters", ())]
    ]
    bodies = "".join(
        f"<h3>Body: {escape(kind)}</h3>{_schema(content['schema'])}"
        for kind, content in route.get("requestBody", {}).get("content", {}).items()
    )
    answers = [(status, answer["description"], None) for status, answer in route["responses"].items()]
    return (
        f"<h2><code>{method.upper()} {escape(path)}</code></h2><p><b>{escape(route.get('summary', ''))}.</b> "
        f"{escape(route.get('description', ''))}</p>"
        f"{_table('Parameters', parameters)}{bodies}{_table('Answers', answers)}"
    )


def _table(title: str, rows: list[tuple[str, str, Any]]) -> str:
    if not rows:
        return ""
    lines = "".join(
        f"<tr><td><code>{escape(name)}</code><td>{escape(text)}"
        f"{'' if schema is None else f'<td><code>{escape(json.dumps(schema))}</code>'}"
        for name, text, schema in rows
    )
    return f"<h3>{title}</h3><table>{lines}</table>"


def _schema(schema: dict[str, Any]) -> str:
    return f"<pre>{escape(json.dumps(schema, indent=1))}</pre>"
