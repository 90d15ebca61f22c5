"""The JavaScript client in Chromium: pages from loopback and from a file, and a service that is killed."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.service import Engine, ServiceProcess
from tests.chromium import chromium, page_server
from tests.clients.conftest import PROGRAMS, lasting_service, wait_for_unread
from tests.simulator import Script, render

pytestmark = pytest.mark.slow

PADDING_BYTES = 60 << 20
NEWS_S = 60.0
PAGE = """\
<!doctype html>
<meta charset="utf-8">
%(imports)s
<script %(kind)s>
%(from_module)s
const MEDIA = %(media)s, PADDING_BYTES = %(padding)d, SERVICE = %(service)s;
%(program)s
</script>
"""
# Chromium loads no modules from files.
IMPORTS = {"module": "", "script": '<script src="audio-tools.global.js"></script>'}
KINDS = {"module": 'type="module"', "script": ""}
FROM_MODULE = {
    "module": "import { Client } from './src/audio-tools.js';",
    "script": "const { Client } = AudioTools;",
}
WAIT_FOR_NEWS = """\
const [kind, done] = arguments;
(function look() {
  const { news } = globalThis;
  if (news?.some((item) => item.kind === kind || item.kind === 'error')) done(JSON.stringify(news));
  else setTimeout(look, 20);
})();
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A headless Chromium with a profile of its own."""
    with chromium(tmp_path_factory.mktemp("profile")) as running:
        running.set_script_timeout(NEWS_S)
        yield running


@pytest.fixture(scope="module")
def media(script: Script, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A film of a megabyte."""
    return render(script, tmp_path_factory.mktemp("media") / "talk.mp4").read_bytes()


def write_page(folder: Path, kind: str, media: bytes, client_js: Path, service: ServiceProcess) -> None:
    """A page with the client, as ES modules or as a script."""
    if kind == "module":
        (folder / "src").symlink_to(client_js / "src", target_is_directory=True)
    else:
        subprocess.run(["node", "build.mjs", "--bundles", str(folder)], cwd=client_js, check=True)
    facts = {
        "imports": IMPORTS[kind],
        "kind": KINDS[kind],
        "from_module": FROM_MODULE[kind],
        "media": json.dumps(base64.b64encode(media).decode()),
        "padding": PADDING_BYTES,
        "service": json.dumps(service.url),
        "program": (PROGRAMS / "page.js").read_text(),
    }
    (folder / "page.html").write_text(PAGE % facts)


def news_until(browser: Any, kind: str) -> list[Any]:
    """What has happened in the page since it was opened, once something of a kind has."""
    news: list[Any] = json.loads(browser.execute_async_script(WAIT_FOR_NEWS, kind))
    assert kind in [item["kind"] for item in news], news[-1]
    return news


def see_through(browser: Any, address: str, service: ServiceProcess, engine: Engine) -> list[Any]:
    """Open the page, reload it during the upload, kill the service during the upload and during the job."""
    browser.get(f"{address}/page.html")
    first = news_until(browser, "halt")
    browser.refresh()
    second = news_until(browser, "halt")
    assert next(item for item in second if item["kind"] == "sent")["sentBytes"] == first[-1]["start"]
    service.signal(signal.SIGSTOP)  # what is sent now stays in buffers
    browser.execute_script("permit()")
    wait_for_unread(service)
    service.kill()
    news_until(browser, "retry")
    engine.set(latency={"base_s": 0.3})
    service.start()
    news_until(browser, "words")
    service.kill()
    service.start()
    news = news_until(browser, "done")
    engine.set(latency={})
    return news


def assert_done(news: list[Any], script: Script) -> None:
    """Every event was reported once, in order, and every word."""
    words = [word.text for word in script.words]
    events = [item["event"] for item in news if "event" in item]
    ids = [event["id"] for event in events if "id" in event]

    assert ids == sorted(set(ids), key=int)
    assert {word["word"] for event in events if event["type"] == "words" for word in event["words"]} == set(
        words
    )
    assert (events[0]["type"], events[-1]["type"]) == ("snapshot", "completed")
    assert news[-1] == {"kind": "done", "words": words, "srt": "film.srt"}


@pytest.fixture(params=["module", "script"])
def opened(
    request: pytest.FixtureRequest, media: bytes, client_js: Path, engine: Engine, tmp_path: Path
) -> Iterator[tuple[str, ServiceProcess]]:
    """The address of a page and its service: a page from loopback, with ES modules, or one from a file."""
    pages = tmp_path / "pages"
    pages.mkdir()
    with (
        lasting_service(tmp_path, engine, ALLOWED_ORIGINS="null") as service,
        page_server(pages) as address,
    ):
        write_page(pages, request.param, media, client_js, service)
        yield address if request.param == "module" else pages.as_uri(), service


def test_a_page_outlives_a_reload_and_the_service(
    opened: tuple[str, ServiceProcess], browser: Any, media: bytes, engine: Engine, script: Script
) -> None:
    """It resumes its upload after a reload, and upload and job after the service was killed."""
    address, service = opened
    news = see_through(browser, address, service, engine)
    job_id = next(item["jobId"] for item in news if item["kind"] == "started")
    data = service.status(job_id)["data"]

    assert_done(news, script)
    assert (data["fileName"], data["fileSize"]) == ("film.mp4", len(media) + PADDING_BYTES)


def test_a_page_from_a_file_shows_what_to_set(
    browser: Any, media: bytes, client_js: Path, engine: Engine, tmp_path: Path
) -> None:
    """Its error has the code and the hint of the service, which names the setting."""
    pages = tmp_path / "pages"
    pages.mkdir()
    with lasting_service(tmp_path, engine) as service:
        write_page(pages, "script", media, client_js, service)
        browser.get(f"{pages.as_uri()}/page.html")
        (error,) = [item for item in news_until(browser, "error") if item["kind"] == "error"]

    assert error["code"] == "origin_not_allowed"
    assert "ALLOWED_ORIGINS" in error["hint"]
