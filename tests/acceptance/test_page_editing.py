"""The page in an editor's hands: every control by mouse, keyboard and touch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("selenium.webdriver", reason="selenium is not installed")

from selenium.webdriver import ActionChains, Keys
from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
from selenium.webdriver.common.by import By

from audio_tools.jobs import JobRequest, SqliteQueue
from tests.acceptance.page import Page
from tests.acceptance.service import Engine, ServiceProcess
from tests.chromium import chromium
from tests.simulator import render, talk

N_JOBS = 400
DROP = """
const files = new DataTransfer();
files.items.add(new File([new Uint8Array(arguments[1])], arguments[0], { type: 'video/mp4' }));
const event = new DragEvent('drop', { dataTransfer: files, bubbles: true, cancelable: true });
document.querySelector('.drop').dispatchEvent(event);
"""
ENGINES_OFFERED = """
const [models, chosen] = arguments;
localStorage.setItem('audio-tools.options', JSON.stringify({ engine: chosen }));
const { OptionsForm } = await import('/page/web/src/options-form.js');
const engine = { type: 'string', enum: ['auto', 'openai', 'whisper'] };
const { element } = new OptionsForm({ properties: { engine } }, models);
const menu = element.querySelector('#option-engine');
return [menu.value, [...menu.options].filter((option) => !option.disabled).map((option) => option.value)];
"""
UPLOAD_WITH_HANDLE = """
const [size, done] = arguments;
const folder = await navigator.storage.getDirectory();
const handle = await folder.getFileHandle('kept.wav', { create: true });
const writer = await handle.createWritable();
await writer.write(new Uint8Array(size));
await writer.close();
const { uploads } = await import('/page/web/src/upload-store.js');
uploads.add(await handle.getFile(), {}, handle);
done();
"""
OFFERED = """
return [...document.querySelectorAll('.upload button, .upload label')]
  .filter((each) => each.checkVisibility()).map((each) => each.ariaLabel);
"""
REFUSED_UPLOAD = """
const { uploads } = await import('/page/web/src/upload-store.js');
const refusal = JSON.stringify({ success: false, error: 'upload_too_large', message: 'It is too large.' });
window.fetch = async () => new Response(refusal, { status: 413 });
uploads.add(new File([new Uint8Array(9)], 'large.mp4'), {});
"""
SLOW = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 2_000_000}


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    with chromium(
        tmp_path_factory.mktemp("profile"), "--autoplay-policy=no-user-gesture-required"
    ) as running:
        running.execute_cdp_cmd("Network.enable", {})
        yield running


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return render(talk(40.0, seed=16), tmp_path_factory.mktemp("recording") / "talk.mp4")


@pytest.fixture(scope="module")
def service(
    tmp_path_factory: pytest.TempPathFactory, engine: Engine, recording: Path
) -> Iterator[ServiceProcess]:
    folder = tmp_path_factory.mktemp("service")
    roots = str(recording.parent)
    with ServiceProcess(folder, engine.base_url, KEEP_UPLOADS="3600", MEDIA_ROOTS=roots) as running:
        yield running


@pytest.fixture
def page(driver: Any, service: ServiceProcess) -> Iterator[Page]:
    """The page of the service; afterwards the console must be empty."""
    shown = Page(driver, service.url)
    shown.problems()
    yield shown
    driver.execute_cdp_cmd("Network.emulateNetworkConditions", SLOW | {"uploadThroughput": -1})
    shown.run("localStorage.clear()")
    assert shown.problems() == []


@pytest.fixture
def editing(page: Page, finished: str) -> Page:
    """The view of a finished job, as the service has planned its cut."""
    page.open(f"#/jobs/{finished}")
    page.find(".cut-row")
    page.until_media(lambda media: media["ready"] >= 2)
    return page


def test_keys_move_through_the_recording(editing: Page) -> None:
    """J, K, L, space and arrows, as in an editing program."""
    editing.press("l", "l")
    editing.until_media(lambda media: media["speed"] == 1.5 and not media["paused"])
    editing.press("k")
    assert editing.run("return document.querySelector('#speed').value") == "1.5"
    at = editing.until_media(lambda media: media["paused"])["time"]
    editing.press(Keys.ARROW_RIGHT)
    later = editing.until_media(lambda media: media["time"] > at)["time"]
    editing.press(Keys.ARROW_RIGHT, holding=Keys.SHIFT)
    much_later = editing.until_media(lambda media: media["time"] > later)["time"]
    editing.press("j")
    editing.until_media(lambda media: media["time"] < much_later)
    editing.press("k", " ")
    editing.until_media(lambda media: not media["paused"])
    editing.press(" ")
    editing.until_media(lambda media: media["paused"])

    assert (later - at, much_later - later) == pytest.approx((1, 5), abs=0.05)


def test_the_result_is_heard_without_what_is_cut(editing: Page) -> None:
    """Playback jumps over a cut, and does not where that is switched off."""
    start, end = editing.run(
        "const [, { start, end }] = document.querySelector('at-job')._player.cuts; return [start, end]"
    )
    editing.run("document.querySelector('at-job').goTo(arguments[0])", start - 0.2)
    editing.press(" ")
    heard: list[float] = []

    def passed(media: dict[str, Any]) -> bool:
        heard.append(media["time"])
        return bool(media["time"] >= end)

    editing.until_media(passed)
    editing.press(" ")

    assert not [time for time in heard if start + 0.1 < time < end - 0.01]


def test_cuts_are_muted_or_played_faster(editing: Page) -> None:
    """As in the sequence that is downloaded; the speed of the rest stays the chosen one."""
    whole = editing.text("at-cut .after")
    start, end = editing.run(
        "const [, { start, end }] = document.querySelector('at-job')._player.cuts; return [start, end]"
    )
    for mode, heard in (("mute", "muted"), ("speed", "playbackRate === 4")):
        editing.find(f"at-cut label:has([name=cut-mode][value={mode}])").click()
        whole = editing.until_other(whole)
        editing.run("document.querySelector('at-job').goTo(arguments[0])", (start + end) / 2)
        editing.run("document.querySelector('.play').click()")
        editing.until_run(f"return document.querySelector('video').{heard}")
        editing.until_media(lambda media: media["time"] > end and media["speed"] == 1)
        editing.until_run("return !document.querySelector('video').muted")
        editing.run("document.querySelector('.play').click()")


def test_controls_plan_the_cut_anew(editing: Page) -> None:
    """Silences, fillers, retakes, thresholds and presets; each change can be undone, from anywhere."""
    whole = editing.text("at-cut .after")
    for name in ("fillers", "retakes"):
        for value in ("mark", "remove", "keep"):
            editing.find(f"at-cut label:has([name=cut-{name}][value={value}])").click()
    editing.find("at-cut label:has([name=cut-silences][value=keep])").click()
    kept = editing.until_other(whole)
    editing.find("at-cut label:has([name=cut-silences][value=remove])").click()
    editing.until(lambda _: editing.text("at-cut .after") == whole)
    editing.find("#cut-minSilence").send_keys(Keys.END)
    fewer = editing.until_other(whole)
    editing.press("z", holding=Keys.CONTROL)
    editing.until(lambda _: editing.text("at-cut .after") == whole)
    editing.find("at-cut label:has([value=loose])").click()
    loose = editing.until_other(whole)
    editing.press("z", holding=Keys.CONTROL)
    editing.until(lambda _: editing.text("at-cut .after") == whole)

    assert whole < loose < fewer <= kept


def test_words_and_stretches_of_the_waveform_are_cut_by_hand(editing: Page) -> None:
    """Words by dragging over them, sound by dragging over its waveform; undone and done again by keys."""
    before = editing.text("at-cut .after")
    words = editing.driver.find_elements(By.CSS_SELECTOR, ".w")
    drag = ActionChains(editing.driver).move_to_element(words[2]).click_and_hold()
    drag.move_to_element(words[4]).move_to_element(words[6]).release().perform()
    editing.find(".selection-bar")
    editing.press("c", holding=Keys.CONTROL)
    editing.until_text("clipboard", "#toasts")
    editing.press("x")
    cut = editing.until_other(before)
    gone = editing.run("return [...document.querySelectorAll('.w.gone')].map(({ dataset }) => +dataset.word)")
    editing.press("z", holding=Keys.CONTROL)
    editing.until(lambda _: editing.text("at-cut .after") == before)
    editing.press("y", holding=Keys.CONTROL)
    editing.until(lambda _: editing.text("at-cut .after") == cut)

    wave = editing.find(".wave-main")
    ActionChains(editing.driver).move_to_element_with_offset(wave, 100, 0).click_and_hold().move_by_offset(
        60, 0
    ).release().perform()
    editing.press("x")
    less = editing.until_other(cut)
    origin = ScrollOrigin.from_element(wave)
    ActionChains(editing.driver).scroll_from_origin(origin, 0, -400).perform()
    editing.until(lambda _: not editing.run("return document.querySelector('at-waveform').view.whole"))
    editing.press("0")
    editing.until(lambda _: editing.run("return document.querySelector('at-waveform').view.whole"))

    assert less < cut < before
    assert set(range(2, 7)) <= set(gone)


def test_a_finger_is_enough(editing: Page) -> None:
    """Tap, pinch and drag on the waveform; hold a word and tap another one to cut what is between."""
    editing.resize(390, 844)
    editing.driver.execute_cdp_cmd(
        "Emulation.setTouchEmulationEnabled", {"enabled": True, "maxTouchPoints": 2}
    )
    x, y = editing.centre(".wave-main")
    editing.touch((x, y))
    editing.touch()
    editing.until_media(lambda media: media["time"] > 15)
    editing.touch((x - 20, y), (x + 20, y))
    editing.touch((x - 90, y), (x + 90, y), kind="touchMove")
    editing.touch()
    editing.until(lambda _: not editing.run("return document.querySelector('at-waveform').view.whole"))
    start = editing.run("return document.querySelector('at-waveform').view.start")
    editing.touch((x, y))
    editing.touch((x - 60, y), kind="touchMove")
    editing.touch()
    editing.until(lambda _: editing.run("return document.querySelector('at-waveform').view.start") > start)

    before = editing.text("at-cut .after")
    editing.touch(editing.centre(".w", 2))
    editing.until_text("Cut", ".selection-bar:not([hidden])")
    editing.touch()
    editing.touch(editing.centre(".w", 5))
    editing.touch()
    editing.until(lambda _: editing.run("return document.querySelectorAll('.w.selected').length") == 4)
    editing.find(".selection-bar .danger").click()
    editing.until_other(before)
    sideways = editing.run("return document.documentElement.scrollWidth - innerWidth")
    editing.driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": False})
    editing.run("scrollTo(0, 0)")
    editing.find("#download").click()
    editing.find("#downloads .chip")
    chips = editing.run(
        "return [...document.querySelectorAll('#downloads .chip')].map((chip) => chip.innerText)"
    )

    assert sideways <= 0
    assert len(chips) > 10
    assert all(chips)


def test_speakers_are_an_option_where_a_model_names_them(page: Page) -> None:
    """The box stands for a model, which the operator finds among those of the service."""
    page.open("#/health")
    page.until_text("gpt-4o-transcribe-diarize", ".names")
    page.open()
    page.find("#option-named").click()
    chosen = page.run("return JSON.parse(localStorage.getItem('audio-tools.options'))")
    page.find("#option-named").click()

    assert chosen == {"engine": "openai", "model": "gpt-4o-transcribe-diarize"}
    assert page.run("return localStorage.getItem('audio-tools.options')") == "{}"


def test_only_engines_that_are_set_up_are_offered(page: Page) -> None:
    """The service names them among its models; one that was chosen earlier is left out of new jobs."""
    page.open()
    page.find("#option-engine")

    assert page.run(ENGINES_OFFERED, ["whisper-1", "whisper", "base"], "") == ["", ["", "auto", "whisper"]]
    assert page.run(ENGINES_OFFERED, ["whisper-1", "whisper"], "openai") == ["", ["", "auto", "whisper"]]
    assert page.run(ENGINES_OFFERED, ["whisper-1", "openai"], "openai") == ["openai", ["", "auto", "openai"]]


def test_an_upload_that_is_refused_each_time_offers_no_resumption(page: Page) -> None:
    """With 413 only another file, or another limit, helps."""
    page.open()
    page.find("#option-engine")
    page.run(REFUSED_UPLOAD)
    page.until_text("It is too large.", ".upload")

    assert page.run(OFFERED) == ["Remove the upload of large.mp4"]


def test_a_path_starts_a_job(page: Page, recording: Path) -> None:
    """Nothing is uploaded; a path that is not allowed says so, in this view only."""
    page.open()
    page.find("#option-silenceThreshold")
    page.find("#path").send_keys("/etc/passwd", Keys.ENTER)
    page.until_text("MEDIA_ROOTS", "#toasts")
    page.find("#path").clear()
    page.find("#path").send_keys(str(recording), Keys.ENTER)
    page.until_text("After the cut", "at-cut")

    assert page.text("#toasts") == ""


def test_a_dropped_file_that_is_no_recording_says_why(page: Page) -> None:
    """And what to do, in the view of its job and in the list."""
    page.open()
    page.find("#option-silenceThreshold")
    page.run(DROP, "broken.mp4", 10)
    page.until_text("Convert it to WAV", "at-job .banner")
    page.open("#/jobs")
    page.until_text("Convert it to WAV", ".job.failed")


def test_an_empty_file_says_so_and_offers_no_second_try(page: Page) -> None:
    """It can only be removed, and a reload does not ask for it."""
    page.open()
    page.find("#option-silenceThreshold")
    page.run(DROP, "empty.mp4", 0)
    page.until_run("return document.querySelector('.upload')?.dataset.state === 'failed'")
    shown = page.text(".upload")
    buttons = page.run(OFFERED)
    page.open()
    page.find("#option-silenceThreshold")

    assert "empty" in shown.replace("empty.mp4", "")
    assert buttons == ["Remove the upload of empty.mp4"]
    assert page.run("return document.querySelectorAll('.upload').length") == 0


def test_an_upload_waits_while_it_is_paused(page: Page, recording: Path, tmp_path: Path) -> None:
    """It sends nothing until it is continued."""
    film = tmp_path / "film.mp4"
    film.write_bytes(recording.read_bytes() + bytes(4 << 20))
    page.open()
    page.find("#option-silenceThreshold")
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", SLOW)
    page.run("return document.querySelector('#files')").send_keys(str(film))
    sent = "return document.querySelector('.upload progress')?.value ?? 0"
    page.until(lambda _: page.run(sent) > 0.1)
    page.find(".upload [aria-label^=Pause]").click()
    page.until_text("Paused", ".upload")
    held = page.run(sent)
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", SLOW | {"uploadThroughput": -1})
    page.find(".upload [aria-label^=Continue]").click()
    page.until_text("After the cut", "at-cut")

    assert held < 1


def test_a_reload_asks_for_nothing_where_the_browser_can_open_the_file(page: Page) -> None:
    """The upload continues by itself; without sound it ends with the reason."""
    page.open()
    page.find("#option-silenceThreshold")
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", SLOW)
    page.driver.execute_async_script(
        f"(async (...arguments) => {{{UPLOAD_WITH_HANDLE}}})(...arguments)", 4 << 20
    )
    page.until(lambda _: page.run("return document.querySelector('.upload progress')?.value ?? 0") > 0.1)
    page.open("#/health")
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", SLOW | {"uploadThroughput": -1})
    page.open("#/jobs")

    page.until_text("kept.wav", ".job.failed")


async def test_hundreds_of_jobs_are_a_list_of_a_screen(driver: Any, tmp_path: Path) -> None:
    """Its end, its middle and its filter are there at once, and few rows are in the document."""
    (tmp_path / "data").mkdir()
    async with SqliteQueue(tmp_path / "data") as queue:
        for number in range(N_JOBS):
            await queue.add(JobRequest({"path": f"/gone/{number}.wav", "fileName": f"{number}.wav"}))
    with ServiceProcess(tmp_path, "http://127.0.0.1:9") as service:
        page = Page(driver, service.url)
        page.open("#/jobs")
        page.find(".job:not(.loading)")
        place = "document.querySelector('at-jobs .scroller')"
        for part, row in ((1, N_JOBS), (0.5, N_JOBS // 2)):
            page.run(f"{place}.scrollTop = {part} * ({place}.scrollHeight - {place}.clientHeight)")
            page.find(f"[aria-posinset='{row}'] .job:not(.loading)")
        elements = page.run("return document.querySelectorAll('*').length")
        page.find("#filter").send_keys("Failed")
        page.find(".job.failed")

        assert elements < 1000
        assert page.problems() == []
