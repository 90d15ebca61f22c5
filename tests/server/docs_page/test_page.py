"""`GET /docs`: what people read of the interface, held to the OpenAPI document."""

from __future__ import annotations

import re
import shlex
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise

import jsonschema_rs
import pytest
from tools.openapi_document import openapi_document

from audio_tools.json_value import Json
from audio_tools.server.docs_page import docs_page
from audio_tools.server.docs_page.curl import BODIES

METHODS = {"get", "post", "head", "patch", "delete", "options"}
VARIABLES = {"{job_id}": "$JOB_ID", "{upload_id}": "$UPLOAD_ID", "{model}": "whisper-1"}


@pytest.fixture(scope="module")
def document() -> Json:
    return openapi_document()


@pytest.fixture(scope="module")
def html(document: Json) -> str:
    return bytes(docs_page(document).body).decode()


class Page(HTMLParser):
    """Collects the places of a page, its links to them, and whatever it would load or run."""

    def __init__(self) -> None:
        super().__init__()
        self.places: list[str] = []
        self.links: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.places += [found["id"] or ""] if "id" in found else []
        self.links += [found["href"] or ""] if tag == "a" else []
        loads = {"script", "link", "img", "iframe", "object", "embed"}
        self.loaded += [tag] if tag in loads else [name for name in found if name in {"src", "style"}]


def routes(document: Json) -> dict[str, Json]:
    """The operations by method and path."""
    paths = document["paths"].items()
    return {f"{name.upper()} {path}": item[name] for path, item in paths for name in METHODS & {*item}}


def commands(html: str) -> list[list[str]]:
    """The words of each command on the page."""
    return [shlex.split(unescape(text)) for text in re.findall(r"<pre><code>(curl .*?)</code>", html, re.S)]


def test_the_page_shows_every_route_and_loads_nothing(document: Json, html: str) -> None:
    """It works offline, and nothing on it can run."""
    page = Page()
    page.feed(html)
    headings = re.findall(r"<p class=path><code><span class=\w+>(\w+)</span> (\S+)</code>", html)

    assert sorted(map(" ".join, headings)) == sorted(routes(document))
    assert page.loaded == []
    csp = docs_page(document).headers["content-security-policy"]
    assert csp == "default-src 'none'; style-src 'unsafe-inline'"


def test_every_link_leads_to_one_place(document: Json, html: str) -> None:
    """The contents name every route; every error and schema has its place once."""
    page = Page()
    page.feed(html)
    inside = {link.removeprefix("#") for link in page.links if link.startswith("#")}

    assert len(page.places) == len(set(page.places))
    assert inside <= set(page.places)
    assert {route["operationId"] for route in routes(document).values()} <= inside
    assert {*document["components"]["schemas"]} <= set(page.places)


def test_the_meaning_of_an_error_is_stated_once(document: Json, html: str) -> None:
    """A route names its codes; those of every route are named in one list."""
    meaning = "The queue is temporarily unavailable."
    assert meaning in str(document)

    assert html.count(meaning) == 1
    assert html.count("#error-503-service_stopping") == 1
    assert html.count("#error-503-queue_unavailable") > 3


def test_the_text_is_for_people(html: str) -> None:
    """Nothing is left of Markdown and JSON schema."""
    optional = "<br><span class=optional>optional</span>"
    assert f"<td>integer from 1 to 64{optional}<td><p>Maximum number of concurrent requests" in html
    assert [sign for sign in ("`", "$ref", "anyOf", "None") if sign in html] == []


def test_every_route_has_a_command(document: Json, html: str) -> None:
    """With its method and address; required headers and queries are filled in."""
    found = {}
    for words in commands(html):
        flags = dict(pairwise(words))
        body = {"-d", "-F"} & {*words}
        method = "HEAD" if "-I" in words else flags.get("-X", "POST" if body else "GET")
        url = next(word for word in words if word.startswith("http://127.0.0.1:3001/"))
        path, _, query = url.removeprefix("http://127.0.0.1:3001").partition("?")
        for name, variable in VARIABLES.items():
            path = path.replace(variable, name)
        found[f"{method} {path}"] = (query, [words[n + 1] for n, word in enumerate(words) if word == "-H"])

    assert found.keys() == routes(document).keys()
    for name, route in routes(document).items():
        query, headers = found[name]
        for parameter in (each for each in route.get("parameters", ()) if each["required"]):
            if parameter["in"] == "query":
                assert f"{parameter['name']}=" in query
            if parameter["in"] == "header":
                assert any(header.startswith(f"{parameter['name']}: ") for header in headers)


@pytest.mark.parametrize("name", list(BODIES))
def test_the_bodies_of_the_commands_are_valid(name: str, document: Json) -> None:
    """What a reader copies is accepted."""
    schema = {"$ref": f"#/components/schemas/{name}", "components": document["components"]}

    jsonschema_rs.Draft202012Validator(schema).validate(BODIES[name])
