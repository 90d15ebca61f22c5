"""
A service that is killed at random moments while a client adds jobs: is every acknowledged job done, once?

The client sends a key with each request, and repeats those that were not answered after the next start, as
the HTTP interface asks of it. The moments are spread over start, request, transcription and its end.
"""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event

import httpx2
from tests.acceptance.service import ServiceProcess
from tests.simulator import render, simulator_process, talk

KILLS = 90
LONGEST_LIFE_S = 0.9
SEED = 11
BETWEEN_S = 0.1
"""Pause of the client between two jobs: some five in each life, whose work does not pile up."""
PATIENCE_S = 600.0
CHUNK_S = 0.3
"""How long the engine takes; the same file has its answer in the cache, so most jobs take less."""


class Client:
    """Adds jobs one after the other; `jobs` has the id of each by its key, None while not acknowledged."""

    def __init__(self, folder: Path) -> None:
        self.jobs: dict[str, str | None] = {}
        self.changed = 0
        self.acknowledged_before_kill = 0
        self._bodies = [{"path": str(path)} for path in sorted(folder.glob("*.flac"))]

    def add_until(self, stop: Event, http: httpx2.Client) -> None:
        """Add jobs until `stop` is set or the service is gone."""
        while not stop.is_set():
            key = f"key-{len(self.jobs)}"
            self.jobs[key] = None
            if not self._post(key, http):
                return
            self.acknowledged_before_kill += 1
            stop.wait(BETWEEN_S)

    def repeat(self, http: httpx2.Client, *, all_keys: bool = False) -> None:
        """Send the requests without an answer again, or all of them, which must give the same jobs."""
        for key, job_id in list(self.jobs.items()):
            if all_keys or job_id is None:
                self._post(key, http)

    def _post(self, key: str, http: httpx2.Client) -> bool:
        body = self._bodies[len(self.jobs) % len(self._bodies)]
        try:
            answer = http.post("/jobs", json=body, headers={"Idempotency-Key": key})
        except httpx2.TransportError:
            return False
        job_id = answer.raise_for_status().json()["jobId"]
        self.changed += self.jobs[key] not in {None, job_id}
        self.jobs[key] = job_id
        return True


def bench(folder: Path, kills: int = KILLS) -> list[str]:
    """
    Lines of Markdown with the results.

    Args:
        folder: where media are made and the service keeps its data.
        kills: how often the service is killed.
    """
    media = folder / "media"
    media.mkdir()
    for seed in range(3):
        render(talk(3.0, seed), media / f"{seed}.flac")
    settings = {"MEDIA_ROOTS": str(media), "WORKERS": "3", "LOG_LEVEL": "error"}
    with (
        simulator_process("--latency", str(CHUNK_S)) as url,
        ServiceProcess(folder, url, **settings) as service,
    ):
        client = Client(media)
        _kill_often(service, client, kills)
        client.repeat(service.http)
        listed = _wait_for_all(service)
        client.repeat(service.http, all_keys=True)
        undone = [job for job in listed if job["state"] != "completed"]
    ids = [job["jobId"] for job in listed]
    lost = set(client.jobs.values()) - set(ids)
    doubled = len(ids) - len(set(client.jobs.values()))
    return [
        "## Kills at random moments",
        "",
        f"`kill -9` up to {LONGEST_LIFE_S:g} s after the service takes connections, while a client adds "
        "jobs; *lost*: acknowledged and not there; *doubled*: more jobs than keys; *changed*: keys that "
        "later gave another job. All four must be 0.",
        "",
        "| kills | jobs | acknowledged at once | **lost** | **doubled** | **changed** | **not completed** |",
        "|---|---|---|---|---|---|---|",
        f"| {kills} | {len(client.jobs)} | {client.acknowledged_before_kill} | {len(lost)} | {doubled} "
        f"| {client.changed} | {len(undone)} |",
    ]


def _kill_often(service: ServiceProcess, client: Client, kills: int) -> None:
    moments = random.Random(SEED)
    with ThreadPoolExecutor(1) as thread:
        for _ in range(kills):
            stop = Event()
            adding = thread.submit(client.add_until, stop, service.http)
            time.sleep(moments.uniform(0.0, LONGEST_LIFE_S))
            service.kill()
            stop.set()
            adding.result()
            service.start()
            client.repeat(service.http)


def _wait_for_all(service: ServiceProcess) -> list[dict[str, object]]:
    """All jobs, once they have ended."""
    end = time.monotonic() + PATIENCE_S
    while service.jobs("waiting", "active") and time.monotonic() < end:
        time.sleep(0.5)
    return list(service.http.get("/jobs", params={"limit": 10_000}).json()["jobs"])


if __name__ == "__main__":
    from benchmarks.report import show

    show("kills", bench)
