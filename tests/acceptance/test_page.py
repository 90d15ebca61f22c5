"""The page at `/` in a real browser."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pysubs2
import pytest

pytest.importorskip("selenium.webdriver", reason="selenium is not installed")

from selenium.webdriver import Keys

from tests.acceptance.page import Page, wait_for_file
from tests.acceptance.service import Engine, ServiceProcess
from tests.chromium import chromium
from tests.clients.conftest import lasting_service
from tests.media.samples import make
from tests.simulator import Script, render, talk

AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"
TOKEN = "the-token-of-the-tests.0123456789"
HOSTILE = '<img src=x onerror="document.title=1">\u202e"\'&amp;.mp4'
COLOURS = {"runOnly": ["color-contrast"]}
"""What the theme can change; the rest was judged in the other one."""
PADDING_BYTES = 12 << 20


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(
        tmp_path_factory.mktemp("profile"), "--autoplay-policy=no-user-gesture-required"
    ) as running:
        yield running


@pytest.fixture(scope="module")
def script() -> Script:
    """What is said: several chunks."""
    return talk(40.0, seed=16)


@pytest.fixture(scope="module")
def recording(script: Script, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(script, tmp_path_factory.mktemp("recording") / "talk.mp4")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, engine: Engine) -> Iterator[ServiceProcess]:
    folder = tmp_path_factory.mktemp("service")
    with ServiceProcess(folder, engine.base_url, KEEP_UPLOADS="3600") as running:
        yield running


@pytest.fixture
def page(driver: Any, service: ServiceProcess) -> Iterator[Page]:
    """The page of the service; afterwards the console must be empty."""
    shown = Page(driver, service.url)
    shown.problems()
    yield shown
    assert shown.problems() == []


@pytest.fixture
async def job(service: ServiceProcess, recording: Path) -> str:
    """A completed job."""
    job_id = service.submit(recording)
    await service.wait_until(job_id, "completed")
    return job_id


def test_from_upload_to_downloads_by_keyboard_alone(
    page: Page, recording: Path, script: Script, tmp_path: Path
) -> None:
    """Choose the file, watch the job, set the cut, search, and download captions and a sequence."""
    page.driver.execute_cdp_cmd(
        "Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)}
    )
    page.open()
    page.find("#option-silenceThreshold")
    page.tab_to("#files").send_keys(str(recording))
    page.until_text("After the cut", "at-cut")
    page.until(lambda _: page.text("at-cut .after") not in {"", "0:00.0"})

    page.tab_to("input[name=cut-preset]")
    page.press(Keys.ARROW_LEFT)
    page.until(lambda driver: driver.execute_script("return document.querySelector('[value=tight]').checked"))
    page.tab_to("#search", back=True)
    page.press(script.words[5].text, Keys.ENTER)
    page.until_text("1 of ", ".search")
    page.tab_to("#download", back=True)
    page.press(Keys.ENTER)
    for format in ("xmeml", "srt"):
        page.tab_to(f"[data-format={format}]")
        page.press(Keys.ENTER)

    captions = pysubs2.load(str(wait_for_file(tmp_path, "talk.srt")))
    sequence = ElementTree.parse(wait_for_file(tmp_path, "talk.xml"))
    words = " ".join(line.plaintext for line in captions).split()
    assert words == [word.text for word in script.words]
    assert len(sequence.findall(".//clipitem")) > 2


def test_an_upload_survives_a_killed_service_and_a_reload(
    driver: Any, engine: Engine, recording: Path, tmp_path: Path
) -> None:
    """It resumes by itself when the service is back, and after a reload once the file is chosen again."""
    film = tmp_path / "film.mp4"
    padding = struct.pack(">I", PADDING_BYTES) + b"free" + bytes(PADDING_BYTES - 8)
    film.write_bytes(recording.read_bytes() + padding)
    with lasting_service(tmp_path, engine) as service:
        page = Page(driver, service.url)
        page.open()
        page.find("#option-silenceThreshold")
        slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 3_000_000}
        driver.execute_cdp_cmd("Network.enable", {})
        driver.execute_cdp_cmd("Network.emulateNetworkConditions", slow)
        page.find(".drop")
        driver.execute_script("return document.querySelector('#files')").send_keys(str(film))
        sent = "return document.querySelector('.upload progress')?.value ?? 0"
        page.until(lambda _: driver.execute_script(sent) > 0.1)
        service.kill()
        page.until(lambda _: "Cannot reach" in page.text(".upload"))
        service.start()
        page.until(lambda _: driver.execute_script(sent) > 0.7)

        driver.execute_script("location.reload()")
        driver.switch_to.alert.accept() if alert_is_open(driver) else None
        page.until_text("Interrupted. Choose the same file to continue", ".upload")
        driver.execute_cdp_cmd("Network.emulateNetworkConditions", slow | {"uploadThroughput": -1})
        page.find(".upload label")
        driver.execute_script("return document.querySelector('.upload input')").send_keys(str(film))
        page.until_text("After the cut", "at-cut")

        assert [job["data"]["fileSize"] for job in service.jobs()] == [film.stat().st_size]


def alert_is_open(driver: Any) -> bool:
    """Whether the browser asks if the page may be left."""
    from selenium.common.exceptions import NoAlertPresentException

    try:
        return bool(driver.switch_to.alert)
    except NoAlertPresentException:
        return False


async def test_a_job_of_another_tab_appears(page: Page, service: ServiceProcess, recording: Path) -> None:
    """The list shows it with its progress, and its end."""
    page.open("#/jobs")
    page.find("at-jobs .scroller")
    job_id = service.submit(recording)
    page.find(f"[data-job='{job_id}']")
    await service.wait_until(job_id, "completed")
    page.find(f"[data-job='{job_id}'].completed")


def test_the_words_appear_while_the_job_runs(
    page: Page, service: ServiceProcess, engine: Engine, recording: Path
) -> None:
    """Chunk by chunk, with a waveform, before the transcript is there."""
    shutil.rmtree(service.data_dir / "chunks", ignore_errors=True)  # what earlier tests have paid for
    engine.set(latency={"base_s": 3.0})
    page.open()
    page.find("#option-silenceThreshold")
    page.driver.execute_script("return document.querySelector('#files')").send_keys(str(recording))
    page.find("at-job .running")
    wave = "return document.querySelector('at-waveform').peaks?.duration ?? 0"
    page.until(lambda driver: driver.execute_script(wave) > 0)
    running = page.driver.execute_script("return document.querySelector('at-job.finished') === null")
    engine.set(latency={})
    page.until(lambda driver: driver.execute_script("return document.querySelectorAll('.w').length > 5"))
    page.until_text("After the cut", "at-cut")

    assert running
    page.until(lambda driver: driver.execute_script(wave) > 39.0)


def test_the_token_is_asked_for_once(driver: Any, engine: Engine, recording: Path, tmp_path: Path) -> None:
    """A wrong one is refused in words; the right one opens all of the page, playback included."""
    with ServiceProcess(tmp_path, engine.base_url, API_TOKEN=TOKEN, KEEP_UPLOADS="3600") as service:
        service.http.headers["Authorization"] = f"Bearer {TOKEN}"
        job_id = service.submit(recording)
        page = Page(driver, service.url)
        page.open(f"#/jobs/{job_id}")
        page.find("#token").send_keys("a-wrong-token-0123456789", Keys.ENTER)
        page.until_text("does not accept this token", "dialog")
        page.find("#token").send_keys(TOKEN, Keys.ENTER)
        page.until_text("After the cut", "at-cut")
        playable = "return document.querySelector('video').readyState >= 1"
        page.until(lambda _: driver.execute_script(playable), "the recording cannot be played")
        kept = driver.execute_script("return [JSON.stringify(localStorage), sessionStorage.length]")
        driver.refresh()
        page.until_text("After the cut", "at-cut")

        assert TOKEN not in kept[0]
        assert kept[1] == 1
        assert page.problems() == []


async def test_names_and_words_are_only_text(
    page: Page, service: ServiceProcess, recording: Path, tmp_path: Path
) -> None:
    """HTML in the name of a file and in words is shown as it is written, and nothing of it runs."""
    with recording.open("rb") as file:
        answer = service.http.post("/process-audio", files={"audioFile": (HOSTILE, file, "video/mp4")})
    job_id = answer.json()["jobId"]
    await service.wait_until(job_id, "completed")
    transcript = service.data_dir / "transcripts" / f"{job_id}.json"
    record = json.loads(transcript.read_text())
    for word in record["words"]:
        word["word"] = "<script>document.title='ran'</script>"
        word["speaker"] = "<b>A</b>"
    transcript.write_text(json.dumps(record))
    page.open("#/jobs")
    page.until_text('<img src=x onerror="document.title=1">', "at-jobs")
    page.open(f"#/jobs/{job_id}")
    page.until_text("<script>document.title='ran'</script>", "at-transcript")

    page.until_text("<b>A</b>", ".speaker")
    strange = "return document.querySelectorAll('main img, main script, main b').length"
    assert page.driver.execute_script(strange) == 0
    assert page.driver.title.startswith("<img")


async def test_single_cuts_are_switched_off_and_undone(page: Page, job: str) -> None:
    """A cut that is switched off lengthens the result, undo shortens it again, and both survive a reload."""
    page.open(f"#/jobs/{job}")
    page.find(".cut-row input")
    before = page.text("at-cut .after")
    page.find(".cut-row input").click()
    page.until(lambda _: page.text("at-cut .after") > before)
    switched = page.text("at-cut .after")
    page.open(f"#/jobs/{job}")
    page.find(".cut-row.off")
    page.until(lambda _: page.text("at-cut .after") == switched)
    page.find(".cut-row.off input").click()
    page.until(lambda _: page.text("at-cut .after") == before)
    page.driver.execute_script("document.activeElement.blur()")
    page.press("z", holding=Keys.CONTROL)
    page.until(lambda _: page.text("at-cut .after") == switched)


async def test_what_the_browser_does_not_play_is_heard_all_the_same(
    page: Page, service: ServiceProcess, recording: Path, tmp_path: Path
) -> None:
    """Film with Dolby sound: the service decodes it, from where the user jumps to, and then stops."""
    film = make(tmp_path / "film.mkv", "-i", str(recording), "-c:v", "copy", "-c:a", "ac3")
    job_id = service.submit(film)
    await service.wait_until(job_id, "completed")
    page.open(f"#/jobs/{job_id}?t=3")
    page.until_text("this is a preview of the sound", ".no-sound")
    heard = "const media = document.querySelector('video'); media.play(); return media.currentTime"
    page.until(lambda driver: driver.execute_script(heard) > 3.2)
    page.driver.execute_script("location.hash = arguments[0]", f"#/jobs/{job_id}?t=25")
    page.until(lambda driver: driver.execute_script(heard) > 25.2)
    page.open("#/jobs")

    page.until(
        lambda _: not any("preview_child" in " ".join(child.cmdline()) for child in service.child_processes())
    )


async def test_an_address_leads_to_a_moment(page: Page, job: str) -> None:
    """The back button returns to the view before."""
    page.open("#/jobs")
    page.find(f"[data-job='{job}'] a").click()
    page.until_text("After the cut", "at-cut")
    page.driver.execute_script("location.hash = arguments[0]", f"#/jobs/{job}?t=12.50")
    page.until_text("0:12.5", ".clock")
    page.driver.back()
    page.driver.back()
    page.find("at-jobs .scroller")


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_axe_finds_nothing(page: Page, job: str, theme: str) -> None:
    """No view violates a rule of axe-core, wide or narrow."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed: npm ci --prefix web")
    found = {}
    for width in (1440, 390):
        page.resize(width, 900, theme=theme)
        for place, ready in (
            ("", "#option-language"),
            ("#/jobs", ".job"),
            (f"#/jobs/{job}?t=5", ".cut-row"),
            ("#/health", ".checks"),
        ):
            page.open(place)
            page.find(ready)
            for problem in violations(page.driver, COLOURS if theme == "dark" else {}):
                found[place, problem["id"]] = [node["html"][:200] for node in problem["nodes"]]
    page.resize(1440, 900)

    assert found == {}


def violations(driver: Any, options: dict[str, Any]) -> list[Any]:
    """What axe-core finds in the page as it is now."""
    driver.execute_script(AXE.read_text())
    run = "axe.run(document, arguments[0]).then((result) => arguments[1](result.violations))"
    problems: list[Any] = driver.execute_async_script(run, options)
    return problems
