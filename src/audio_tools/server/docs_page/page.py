"""The documentation page: contents, routes with examples, errors, and schemas."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from fastapi.responses import HTMLResponse

from audio_tools.server.docs_page.curl import curl
from audio_tools.server.docs_page.errors import ErrorCode, error_table, errors_of, is_error, links
from audio_tools.server.docs_page.markup import code, example, prose, table
from audio_tools.server.docs_page.schemas import OPTIONAL, schema_html, type_html
from audio_tools.server.docs_page.style import STYLE
from audio_tools.server.openapi.errors import EVERYWHERE
from audio_tools.transcript import Json

CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
COMMON_CODES = {error.code for error in EVERYWHERE}
METHODS = ("get", "post", "head", "patch", "delete", "options")
COMMANDS = """\
In the commands below, `JOB_ID` and `UPLOAD_ID` are shell variables. With API_TOKEN set, add \
`-H "Authorization: Bearer $API_TOKEN"`.
"""
VIEWPORT = '<meta name=viewport content="width=device-width, initial-scale=1">'


def docs_page(document: Json) -> HTMLResponse:
    """Render all routes, errors and schemas of an OpenAPI document."""
    routes = list(_routes(document))
    errors = [errors_of(route) for _, _, route in routes]
    everywhere = {error for error in errors[0] if error.code in COMMON_CODES}
    title = escape(f"{document['info']['title']} {document['info']['version']}")
    body = (
        f"<h1>{title}</h1>{prose(document['info']['description'])}{prose(COMMANDS)}"
        f"{''.join(_route(*each, everywhere, document) for each in routes)}"
        f"<section id=errors><h1>Errors</h1>{_common_errors(everywhere)}"
        f"{error_table([error for each in errors for error in each])}</section>"
        f"<section id=schemas><h1>Bodies and messages</h1>{_schemas(document)}</section>"
    )
    return HTMLResponse(
        f"<!doctype html><html lang=en><meta charset=utf-8>{VIEWPORT}<title>{title}</title>"
        f"<style>{STYLE}</style><body>{_contents(routes, document)}<main>{body}</main></html>",
        headers={"Content-Security-Policy": CONTENT_SECURITY_POLICY},
    )


def _routes(document: Json) -> Iterable[tuple[str, str, Json]]:
    """Method, path and operation of each route, with the parameters of the path in the operation."""
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                parameters = [*item.get("parameters", ()), *item[method].get("parameters", ())]
                yield method, path, item[method] | {"parameters": parameters}


def _contents(routes: list[tuple[str, str, Json]], document: Json) -> str:
    """The table of contents: routes by their tag, then what follows them."""
    groups = "".join(
        f"<h2>{escape(tag)}</h2><ul>{''.join(_entry(*each) for each in routes if _tag(each[2]) == tag)}</ul>"
        for tag in dict.fromkeys(_tag(route) for _, _, route in routes)
    )
    others = "<li><a href=#errors>Errors</a><li><a href=#schemas>Bodies and messages</a>"
    links_for_programs = "<li><a href=openapi.json>openapi.json</a>"
    name = escape(document["info"]["title"])
    return (
        f"<nav aria-label=Contents><details open><summary>{name}</summary>{groups}"
        f"<h2>reference</h2><ul>{others}{links_for_programs}</ul></details></nav>"
    )


def _entry(method: str, _: str, route: Json) -> str:
    marked = f"<span class={method}>{method.upper()}</span>"
    return f"<li><a href=#{route['operationId']}>{escape(route['summary'])} <small>{marked}</small></a>"


def _tag(route: Json) -> str:
    tag: str = route["tags"][0]
    return tag


def _route(method: str, path: str, route: Json, everywhere: set[ErrorCode], document: Json) -> str:
    parameters = table(
        (
            f"{code(each['name'])} <span class=muted>{each['in']}</span>",
            type_html(each["schema"]) + ("" if each["required"] else OPTIONAL),
            each["description"],
        )
        for each in route["parameters"]
    )
    own_errors = links([error for error in errors_of(route) if error not in everywhere])
    heading = f"<span class={method}>{method.upper()}</span> {escape(path)}"
    return (
        f"<section class=route id={route['operationId']}><h2>{escape(route['summary'])}</h2>"
        f"<p class=path><code>{heading}</code></p>{prose(route.get('description', ''))}"
        f"<pre><code>{escape(curl(method, path, route, document), quote=False)}</code></pre>"
        f"{parameters and '<h3>Parameters</h3>'}{parameters}{_bodies(route)}"
        f"<h3>Responses</h3>{_responses(route)}"
        f"{own_errors and f'<h3>Errors</h3><ul>{own_errors}</ul>'}</section>"
    )


def _bodies(route: Json) -> str:
    return "".join(
        f"<h3>Body: {escape(kind)}</h3>{schema_html(body['schema'])}"
        for kind, body in route.get("requestBody", {}).get("content", {}).items()
    )


def _responses(route: Json) -> str:
    successes = {
        status: response for status, response in route["responses"].items() if not is_error(status, response)
    }
    examples = "".join(
        example(body["example"])
        for response in successes.values()
        for body in response.get("content", {}).values()
        if "example" in body
    )
    return (
        table(
            (code(status), _types(response.get("content", {})), _with_headers(response))
            for status, response in successes.items()
        )
        + examples
    )


def _types(content: Json) -> str:
    return "<br>".join(
        type_html(body["schema"]) if kind == "application/json" else code(kind)
        for kind, body in content.items()
    )


def _with_headers(response: Json) -> str:
    headers = [f"- `{name}`: {header['description']}" for name, header in response.get("headers", {}).items()]
    return "\n".join([response["description"], *headers])


def _common_errors(errors: set[ErrorCode]) -> str:
    return f"<p>Every route may return:</p><ul>{links(sorted(errors))}</ul>"


def _schemas(document: Json) -> str:
    return "".join(
        f"<h3 id={name}>{name}</h3>{schema_html(schema)}"
        for name, schema in document["components"]["schemas"].items()
    )
