"""
How fast a large upload gets to its file: ours, nginx's raw PUT and Node's multer in turns, and a plain copy.

The bytes are random, the client lets the kernel send them, each server is fresh for each upload. Files lie
in memory where there is room, so that servers are compared and not the disk; once more on the disk, where
ours syncs before it answers, beside a copy that syncs. Memory is the most that the server's own processes
ever held (VmHWM). A last upload shows what others notice of it: /health, and the event loop.
"""

from __future__ import annotations

import http.client
import json
import shutil
import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
from tests.simulator import WHITE, render, simulator_process, talk
from websockets.sync.client import connect

from benchmarks import rivals
from benchmarks.measure import Missing, quantile
from benchmarks.sender import Answer, Content, content_of, random_content, send, send_form
from benchmarks.service import Lag, running
from benchmarks.uploading import Server, Taken, Upload, copy, take

SIZE_BYTES = 4 << 30
ROUNDS = 3
MEMORY = Path("/dev/shm")
HEALTH_EVERY_S = 0.05
TALK_S = 600.0


@dataclass(slots=True)
class Health:
    """How long `/health` took to answer, in ms."""

    took_ms: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        median, p99 = statistics.median(self.took_ms), quantile(self.took_ms, 0.99)
        return f"median {median:.0f} ms, p99 {p99:.0f} ms ({len(self.took_ms)} requests)"


def bench(
    folder: Path, size_bytes: int = SIZE_BYTES, rounds: int = ROUNDS, talk_s: float = TALK_S
) -> list[str]:
    """
    Lines of Markdown with the results.

    Args:
        folder: where files may lie, on a disk.
        size_bytes: of the uploads.
        rounds: how often each server gets one.
        talk_s: length of the recording that is uploaded to be transcribed, in seconds.
    """
    with _fast_folder(folder, size_bytes) as fast:
        lines = [*_side_by_side(fast, size_bytes, rounds), "", _smaller(fast, size_bytes), ""]
        lines += _company(fast, size_bytes)
    return [*lines, "", *_on_disk(folder, size_bytes), "", _first_words(folder, talk_s)]


@contextmanager
def _fast_folder(folder: Path, size_bytes: int) -> Iterator[Path]:
    """A folder in memory if that has room, else one on the disk."""
    room = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > 2 * size_bytes
    room = room and psutil.virtual_memory().available > 2 * size_bytes
    with TemporaryDirectory(dir=MEMORY if room else folder, prefix="bench-upload-") as fast:
        yield Path(fast)


@contextmanager
def served(folder: Path) -> Iterator[rivals.Rival]:
    """Our service, with its data in `folder`."""
    with running(folder) as service:
        yield rivals.Rival(service.pid, service.port)


def _put(port: int, content: Content) -> Answer:
    return send(port, "PUT", "/upload", content, {})


def _tus(port: int, content: Content) -> Answer:
    """Create an upload and send all of it in one PATCH, which is what is timed."""
    tus = {"Tus-Resumable": "1.0.0"}
    created = send(port, "POST", "/files", None, tus | {"Upload-Length": str(content.n_bytes)})
    (location,) = (
        line.split(": ")[1] for line in created.head.split("\r\n") if line.lower().startswith("location")
    )
    patch = tus | {"Upload-Offset": "0", "Content-Type": "application/offset+octet-stream"}
    # A relative reference: it is resolved against the path of the collection.
    return send(port, "PATCH", f"/files/{location.rsplit('/', 1)[-1]}", content, patch)


WAYS: dict[str, tuple[Server, Upload]] = {
    "nginx, raw PUT": (rivals.nginx, _put),
    "Node express + multer, multipart": (rivals.multer, send_form),
    "ours, multipart": (served, send_form),
    "ours, tus, one PATCH": (served, _tus),
}
COPY, NGINX, MULTER, MULTIPART, _ = "plain copy", *WAYS


def _side_by_side(folder: Path, size_bytes: int, rounds: int) -> list[str]:
    runs: dict[str, list[Taken]] = {name: [] for name in (COPY, *WAYS)}
    missing: dict[str, str] = {}
    with random_content(folder, size_bytes) as content:
        for _ in range(rounds):
            runs[COPY].append(copy(folder, content))
            for name, (server, upload) in WAYS.items():
                try:
                    runs[name].append(take(folder, server, upload, content))
                except Missing as reason:
                    missing[name] = str(reason)
    return [
        "## Uploads",
        "",
        f"{size_bytes / 1e9:.1f} GB, {rounds} rounds in turns, {_place(folder)}; medians. Peak memory: the "
        "server's own processes'; aim 150 MB.",
        "",
        "| | MB/s | lowest to highest | CPU s/GB | peak MB |",
        "|---|---|---|---|---|",
        *(_row(name, taken, size_bytes) for name, taken in runs.items() if taken),
        "",
        *(_ratio(runs[MULTIPART], runs[rival], rival, aim) for rival, aim in ((NGINX, 0.6), (MULTER, 1.5))),
        *(f"Left out: {name} ({reason})." for name, reason in missing.items()),
    ]


def _place(folder: Path) -> str:
    return "files in memory (tmpfs)" if folder.is_relative_to(MEMORY) else "files on the disk"


def _row(name: str, runs: Sequence[Taken], size_bytes: int) -> str:
    speeds = sorted(size_bytes / 1e6 / taken.seconds for taken in runs)
    cpu = statistics.median(taken.cpu_s for taken in runs) / (size_bytes / 1e9)
    peak = max(taken.peak_mb for taken in runs)
    return (
        f"| {name} | {statistics.median(speeds):,.0f} | {speeds[0]:,.0f} to {speeds[-1]:,.0f} | {cpu:.2f} "
        f"| {f'{peak:.0f}' if peak else ''} |"
    )


def _ratio(ours: Sequence[Taken], theirs: Sequence[Taken], rival: str, aim: float) -> str:
    if not theirs:
        return f"Multipart over {rival}: not measured."
    ratios = sorted(their.seconds / our.seconds for our, their in zip(ours, theirs, strict=True))
    return (
        f"Speed of our multipart over {rival}: **{statistics.median(ratios):.2f}** "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f}); aim {aim}.\n"
    )


def _smaller(folder: Path, size_bytes: int) -> str:
    """Whether memory depends on the size."""
    with random_content(folder, size_bytes // 4) as content:
        taken = take(folder, served, send_form, content)
    return f"Peak memory of ours for a quarter of these bytes: {taken.peak_mb:.0f} MB."


def _company(folder: Path, size_bytes: int) -> list[str]:
    """What others notice of an upload: `/health`, and how late the event loop is."""
    with (
        TemporaryDirectory(dir=folder) as own,
        random_content(folder, size_bytes) as content,
        running(Path(own)) as service,
    ):
        with _asking_health(service.port) as alone:
            time.sleep(size_bytes / 1e9)
        resting = service.lag()
        with _asking_health(service.port) as busy:
            send_form(service.port, content)
        return [
            f"`/health` alone: {alone}; event loop late by {_told(resting)}. "
            f"During an upload: {busy}; {_told(service.lag())}.",
        ]


def _told(lag: Lag) -> str:
    return f"median {lag.median_ms:.1f} ms, p99 {lag.p99_ms:.1f} ms, at most {lag.max_ms:.1f} ms"


@contextmanager
def _asking_health(port: int) -> Iterator[Health]:
    """Ask `/health` again and again over one connection."""
    health, over = Health(), threading.Event()

    def ask() -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
        while not (over.is_set() and health.took_ms):
            started = time.perf_counter()
            connection.request("GET", "/health")
            connection.getresponse().read()
            health.took_ms.append(1000 * (time.perf_counter() - started))
            over.wait(HEALTH_EVERY_S)
        connection.close()

    asking = threading.Thread(target=ask, name="ask health")
    asking.start()
    try:
        yield health
    finally:
        over.set()
        asking.join()


def _on_disk(folder: Path, size_bytes: int) -> list[str]:
    with random_content(folder, size_bytes) as content:
        copied = copy(folder, content, sync=True)
        ours = take(folder, served, send_form, content)
    return [
        "| on the disk, synced | MB/s | lowest to highest | CPU s/GB | peak MB |",
        "|---|---|---|---|---|",
        _row("plain copy and fsync", [copied], size_bytes),
        _row("ours, multipart", [ours], size_bytes),
    ]


def _first_words(folder: Path, talk_s: float) -> str:
    """Seconds from the end of an upload to the first words over the WebSocket, engine without latency."""
    waits = []
    with simulator_process() as base_url, running(folder, base_url) as service:
        for seed in range(3):
            media = render(talk(talk_s, seed), folder / "talk.mp4", bed=WHITE)
            with content_of(media) as content:
                answer = send_form(service.port, content)
            waits.append(_until_words(service.ws_port, answer.json["jobId"]))
            media.unlink()
    return (
        f"First words of a {talk_s / 60:g} minute recording after the answer to its upload, engine without "
        f"latency: {waits[0]:.2f} s for the first job of a new process, {min(waits[1:]):.2f} s later."
    )


def _until_words(ws_port: int, job_id: str) -> float:
    started = time.perf_counter()
    with connect(f"ws://127.0.0.1:{ws_port}/?jobId={job_id}", max_size=None) as socket:
        for message in socket:
            if json.loads(message)["type"] == "words":
                return time.perf_counter() - started
    raise RuntimeError("the job ended without a word")


if __name__ == "__main__":
    from benchmarks.report import show

    show("upload", bench)
