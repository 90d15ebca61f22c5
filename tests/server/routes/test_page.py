"""The files of the page: what is served, to whom, and what never is."""

from __future__ import annotations

import re
from pathlib import Path

import httpx2
import pytest
from fastapi import FastAPI

from audio_tools.server.access_rules import AccessRules
from audio_tools.server.middleware.access_control import AccessControl
from audio_tools.server.routes import page

WEB = Path(__file__).parents[3] / "web" / "src"
TOKEN = "0123456789abcdef-the.token~"


@pytest.fixture
def client() -> httpx2.AsyncClient:
    """A client without a token of a service that has one."""
    app = FastAPI()
    app.include_router(page.page_router())
    guarded = AccessControl(app, AccessRules(ports=(3001,), token=TOKEN))
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(guarded), base_url="http://127.0.0.1:3001")


async def test_the_page_is_served_without_a_token(client: httpx2.AsyncClient) -> None:
    """It contains no data, and asks for the token itself."""
    response = await client.get("/")

    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert (await client.get("/page/web/src/main.js")).headers["content-type"].startswith("text/javascript")


async def test_the_page_loads_nothing_but_its_own_files(client: httpx2.AsyncClient) -> None:
    """Its policy allows no inline script, no eval, no other origin; every file that it names is served."""
    response = await client.get("/")
    policy = response.headers["content-security-policy"]
    links = re.findall(r'(?:src|href)="([^"]+)"', response.text)

    assert "default-src 'none'; script-src 'self'; style-src 'self'" in policy
    assert "unsafe" not in policy and "http" not in policy
    assert not re.search(r"<script[^>]*>[^<]|<style|\son\w+=", response.text)
    assert len(links) > 3
    assert {(await client.get(f"/{link}")).status_code for link in links} == {200}


async def test_every_module_is_served(client: httpx2.AsyncClient) -> None:
    """Whatever a module imports is a file of the page or of the JavaScript client."""
    wanted, seen = ["/page/web/src/main.js"], set[str]()
    while wanted:
        url = wanted.pop()
        if url in seen:
            continue
        seen.add(url)
        response = await client.get(url)
        assert response.status_code == 200, url
        imports = re.findall(r"^(?:import|export)[^;]*?'(\.[^']+)';", response.text, re.MULTILINE)
        wanted += [str(httpx2.URL(f"http://host{url}").join(name).path) for name in imports]

    assert {f"/page/web/src/{path.name}" for path in WEB.glob("*.js")} <= seen
    assert "/page/clients/js/src/audio-tools.js" in seen


async def test_a_file_is_loaded_again_only_if_it_has_changed(client: httpx2.AsyncClient) -> None:
    """Browsers ask each time, with the ETag of what they have."""
    first = await client.get("/page/web/src/main.js")
    again = await client.get("/page/web/src/main.js", headers={"If-None-Match": first.headers["etag"]})

    assert first.headers["cache-control"] == "no-cache"
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "name",
    [
        *("web/package.json", "web/src/../package.json", "web/src/%2e%2e/package.json", "pyproject.toml"),
        *("web/src/", "web/src/none.js", "web/node_modules/axe-core/axe.min.js", "clients/js/build.mjs"),
    ],
)
async def test_no_other_file_of_a_checkout_is_served(client: httpx2.AsyncClient, name: str) -> None:
    """Only the sources of the page and of the client are."""
    response = await client.get(f"/page/{name}")

    assert response.status_code in {401, 404}


async def test_a_page_without_its_files_says_what_is_missing(
    client: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The service runs without them."""
    monkeypatch.setattr(page, "_FOLDERS", (tmp_path,))
    app = FastAPI()
    app.include_router(page.page_router())
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://test") as bare:
        response = await bare.get("/")

    assert response.status_code == 503
    assert "web/src/index.html, clients/js/src/audio-tools.js" in response.text
