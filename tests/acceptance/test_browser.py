"""The contract's JavaScript in a real browser: in a page from a loopback address and in one from a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.frontend import assert_job_done, frontend_program
from tests.acceptance.service import ServiceProcess
from tests.chromium import chromium, page_server
from tests.simulator import Script, render, simulator_process, talk

OUTCOME_S = 60.0
REFUSED_CALL = """\
const response = await fetch('http://localhost:%d/process-audio', { method: 'POST', body: new FormData() });
globalThis.outcome = { status: response.status, body: await response.json() };
"""
REFUSED_SOCKET = """\
const ws = new WebSocket('ws://localhost:%d/?jobId=1');
ws.onopen = () => { globalThis.outcome = 'opened'; };
ws.onerror = () => { globalThis.outcome = 'refused'; };
"""

PAGE = """\
<!doctype html>
<meta charset="utf-8">
<script>
addEventListener('unhandledrejection', ({ reason }) => { globalThis.outcome = `${reason}`; });
</script>
<script type="module">
%s
</script>
"""
WAIT_FOR_OUTCOME = """\
const done = arguments[0];
function look() {
  if (globalThis.outcome === undefined) setTimeout(look, 20);
  else done(JSON.stringify(globalThis.outcome));
}
look();
"""

Run = Callable[[str], Any]
"""Runs an ES module in a page and gives its outcome."""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium with a profile of its own."""
    with chromium(tmp_path_factory.mktemp("profile")) as running:
        yield running


@pytest.fixture(scope="module")
def script() -> Script:
    """What is said in the file."""
    return talk(60)


@pytest.fixture(scope="module")
def media(script: Script, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file."""
    return render(script, tmp_path_factory.mktemp("media") / "talk.mp4")


@pytest.fixture(scope="module")
def engine_url() -> Iterator[str]:
    """An engine that returns the words of the file."""
    with simulator_process() as url:
        yield url


@pytest.fixture
def page_from_loopback(browser: Any, tmp_path: Path) -> Iterator[Run]:
    """Runs programs in a page that a small server on this machine hands out, as a development server does."""
    pages = tmp_path / "pages"
    pages.mkdir()
    with page_server(pages) as address:
        yield lambda program: run(browser, pages, address, program)


@pytest.fixture
def page_from_file(browser: Any, tmp_path: Path) -> Run:
    """Runs programs in a page that was opened from the disk."""
    pages = tmp_path / "opened"
    pages.mkdir()
    return lambda program: run(browser, pages, pages.as_uri(), program)


def run(browser: Any, pages: Path, address: str, program: str) -> Any:
    """Open a page with an ES module and wait for its outcome."""
    (pages / "page.html").write_text(PAGE % program)
    browser.get(f"{address}/page.html")
    browser.set_script_timeout(OUTCOME_S)
    return json.loads(browser.execute_async_script(WAIT_FOR_OUTCOME))


def test_the_snippets_work_in_a_page_from_loopback(
    page_from_loopback: Run, script: Script, media: Path, engine_url: str, tmp_path: Path
) -> None:
    """They upload more than 50 MB, see progress and read every word."""
    with ServiceProcess(tmp_path, engine_url) as service:
        outcome = page_from_loopback(frontend_program(media, service.port, service.ws_port))

    assert_job_done(outcome, script, service.ws_port)


def test_a_page_from_a_file_is_told_what_to_set(page_from_file: Run, engine_url: str, tmp_path: Path) -> None:
    """Its origin `null` is that of sandboxed frames too: refused, with a body that the page can show."""
    with ServiceProcess(tmp_path, engine_url) as service:
        call = page_from_file(REFUSED_CALL % service.port)
        socket = page_from_file(REFUSED_SOCKET % service.ws_port)

    assert call["status"] == 403
    assert call["body"]["error"] == "origin_not_allowed"
    assert call["body"]["setting"] == "ALLOWED_ORIGINS"
    assert "Add null to ALLOWED_ORIGINS" in call["body"]["hint"]
    assert socket == "refused"


def test_a_page_from_a_file_works_once_its_origin_is_allowed(
    page_from_file: Run, script: Script, media: Path, engine_url: str, tmp_path: Path
) -> None:
    """With ALLOWED_ORIGINS=null the same snippets run to their end."""
    with ServiceProcess(tmp_path, engine_url, ALLOWED_ORIGINS="null") as service:
        outcome = page_from_file(frontend_program(media, service.port, service.ws_port))

    assert_job_done(outcome, script, service.ws_port)
