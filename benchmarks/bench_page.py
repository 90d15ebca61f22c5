"""
The page at `/` with a recording of five hours and 60,000 words: its first view, scrolling, zooming, memory.

Chromium's own tracing counts the frames that are drawn while the transcript is scrolled and the waveform is
zoomed, and how long the main thread works for one; the time to the first view is from the last byte of the
transcript to the first frame with words. Needs Debian's chromium and chromium-driver.
"""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from tests.acceptance.page import Page
from tests.acceptance.service import ServiceProcess
from tests.chromium import chromium

from audio_tools.audio.peaks import PeakMeter
from audio_tools.jobs import JobRequest, SqliteQueue
from audio_tools.storage.transcripts import TranscriptStore
from audio_tools.transcript import Interval, MediaInfo, Transcript, Word

HOURS = 5.0
WORDS = 60_000
SWEEP_S = 6.0
TRACING = (
    "--trace-startup=devtools.timeline,disabled-by-default-devtools.timeline,devtools.timeline.frame,blink.user_timing",
    *("--trace-startup-format=json", "--trace-startup-duration=0"),
)
WATCH = """
new MutationObserver((_, observer) => {
  if (!document.querySelector('.w')) return;
  observer.disconnect();
  requestAnimationFrame(() => setTimeout(() => { globalThis.shownAt = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
"""
FIRST_VIEW = """
const reply = performance.getEntriesByType('resource').find(({ name }) => name.endsWith('/status'));
return globalThis.shownAt - reply.responseEnd;
"""
SCROLL = """
const [seconds, ended] = arguments;
const done = () => { performance.mark('bench-end'); ended(); };
performance.mark('bench-scroll');
const list = document.querySelector('at-transcript');
const begin = performance.now();
const step = (now) => {
  const part = (now - begin) / (1000 * seconds);
  list.scrollTop = part * 60000;
  if (part < 1) requestAnimationFrame(step);
  else done();
};
requestAnimationFrame(step);
"""
ZOOM = """
const [seconds, ended] = arguments;
const done = () => { performance.mark('bench-end'); ended(); };
performance.mark('bench-zoom');
const wave = document.querySelector('at-waveform');
const begin = performance.now();
const step = (now) => {
  const part = (now - begin) / (1000 * seconds);
  wave.view.zoom(part < 0.5 ? 1.06 : 1 / 1.06, 300);
  wave.redraw();
  if (part < 1) requestAnimationFrame(step);
  else done();
};
requestAnimationFrame(step);
"""


def bench(folder: Path, hours: float = HOURS, n_words: int = WORDS) -> list[str]:
    """
    Lines of Markdown with the results.

    Args:
        folder: where the service keeps its data.
        hours: length of the recording.
        n_words: number of its words.
    """
    trace = folder / "trace.json"
    (folder / "data").mkdir()
    job_id = asyncio.run(_make_job(folder / "data", hours * 3600, n_words))
    with (
        ServiceProcess(folder, "http://127.0.0.1:1/v1") as service,
        chromium(folder / "profile", *TRACING, f"--trace-startup-file={trace}") as driver,
    ):
        driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": WATCH})
        page = Page(driver, service.url)
        page.open(f"#/jobs/{job_id}")
        page.find(".cut-row")
        first_ms = page.until(lambda _: driver.execute_script(FIRST_VIEW))
        driver.set_script_timeout(120)
        for script in (SCROLL, ZOOM):
            driver.execute_async_script(script, SWEEP_S)
        memory = _memory_mb(driver)
        elements = driver.execute_script("return document.querySelectorAll('*').length")
        driver.execute_cdp_cmd("Browser.close", {})
        while not trace.is_file():
            time.sleep(0.1)
    return [
        f"{hours:g} h and {n_words:,} words: {first_ms:.0f} ms from the last byte to words on the screen; "
        f"{memory:.0f} MB in the renderer, {elements:,} elements in the document.",
        "",
        "| | frames a second | main thread, ms a frame | longest task, ms |",
        "|---|---|---|---|",
        *_rows(trace),
    ]


async def _make_job(data_dir: Path, seconds: float, n_words: int) -> str:
    """Put a completed job into a data folder; return its id."""
    rng = np.random.default_rng(16)
    starts = np.sort(rng.uniform(0.0, seconds - 1.0, n_words))
    ends = np.minimum(starts + 0.25, np.append(starts[1:], seconds))
    words = tuple(
        Word(f"word{index % 997}", float(start), float(max(end, start + 0.01)), confidence=0.9)
        for index, (start, end) in enumerate(zip(starts, ends, strict=True))
    )
    pauses = tuple(
        Interval(float(end), float(start))
        for end, start in zip(ends[:-1], starts[1:], strict=True)
        if start - end >= 0.3
    )
    pairs = bytearray()
    meter = PeakMeter(pairs.extend)
    for _ in range(round(seconds / 60)):
        meter.push((rng.standard_normal(60 * 16_000) * 6000).clip(-32768, 32767).astype(np.int16))
    meter.finish()
    transcript = Transcript(
        words,
        (),
        tuple(pause for pause in pauses if pause.end - pause.start >= 2.0),
        seconds,
        1,
        100.0,
        " ".join(word.word for word in words),
        "en",
        "openai",
        "whisper-1",
        MediaInfo("wav", seconds, ()),
        pauses=pauses,
    )
    async with SqliteQueue(data_dir) as queue:
        added = await queue.add(JobRequest({"path": "/media/long.wav", "fileName": "long.wav"}))
        lease = await queue.take()
        TranscriptStore(data_dir).put(added.job.id, transcript)
        await lease.complete(
            {"totalDuration": seconds, "words": n_words, "silences": 0, "successRate": 100.0}
        )
    return added.job.id


def _rows(trace: Path) -> list[str]:
    """Frames a second and the work of the main thread between the marks of a trace."""
    events = json.loads(trace.read_text(encoding="utf-8"))["traceEvents"]
    marks = sorted((event for event in events if event["name"].startswith("bench-")), key=_time_us)
    rows = []
    for begin, end in zip(marks[::2], marks[1::2], strict=True):
        thread = [
            event
            for event in events
            if (event["pid"], event["tid"]) == (begin["pid"], begin["tid"])
            and begin["ts"] <= event["ts"] <= end["ts"]
        ]
        tasks = [event for event in thread if event["name"] == "RunTask"]
        # Several callbacks of a frame run in one task.
        callbacks = np.sort([event["ts"] for event in thread if event["name"] == "FireAnimationFrame"])
        borders = np.array([[task["ts"], task["ts"] + task.get("dur", 0)] for task in tasks])
        frames = int((np.diff(np.searchsorted(callbacks, borders)) > 0).sum())
        tasks_ms = [task.get("dur", 0) / 1000 for task in tasks]
        seconds = (end["ts"] - begin["ts"]) / 1e6
        work_ms = sum(tasks_ms) / max(1, frames)
        longest_ms = max(tasks_ms, default=0.0)
        name = begin["name"].removeprefix("bench-")
        rows.append(f"| {name} | {frames / seconds:.0f} | {work_ms:.1f} | {longest_ms:.0f} |")
    return rows


def _time_us(event: dict[str, Any]) -> float:
    time_us: float = event["ts"]
    return time_us


def _memory_mb(driver: Any) -> float:
    """Resident memory of the largest renderer, MB."""
    browser = psutil.Process(driver.service.process.pid)
    renderers = [child for child in browser.children(recursive=True) if "--type=renderer" in child.cmdline()]
    return max(child.memory_full_info().uss for child in renderers) / 1e6
