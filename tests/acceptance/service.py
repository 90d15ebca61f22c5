"""The whole service as users start it: a process that can be asked, watched, stopped and killed."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx2
import websockets

from audio_tools.transcript import Json, Transcript
from tests.acceptance.commands import children_of
from tests.simulator import simulator_process

FOREVER_S = 600.0
"""Longer than any test: what takes so long is still going on when the test looks."""


class ServiceProcess:
    """
    `audio-tools serve` on free ports, with a data folder of its own.

    May be started again after its end: folder, data and log stay, the ports change.

    Args:
        folder: where it runs; `data` and `service.log` are made in it.
        base_url: the API of the engine.
        arguments: further ones of `audio-tools serve`.
        environment: further variables, which win.
    """

    def __init__(
        self, folder: Path, base_url: str, *, arguments: Sequence[str] = (), **environment: str
    ) -> None:
        self.folder = folder
        self.engine_url = base_url
        self._arguments = ["serve", "--port", "0", "--ws-port", "0", *arguments]
        self.program = ["-m", "audio_tools"]
        self.data_dir = Path(environment.get("DATA_DIR", folder / "data"))
        self.http = httpx2.Client()
        self.port = self.ws_port = 0
        self._environment = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "OPENAI_API_KEY": "sk-test",
            "OPENAI_BASE_URL": base_url,
            "ENGINE": "openai",
            "ALIGN": "off",  # Tones are no English words.
            "RATE_LIMIT_DELAY": "0",
            "MIN_FREE_BYTES": "0",
            "KEEP_UPLOADS": "0",
            "DATA_DIR": str(self.data_dir),
            **environment,
        }

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    def start(self) -> None:
        """
        Start it; returns once it takes connections.

        Raises:
            RuntimeError: it ended instead; with its log.
        """
        self._spawn()
        ports = re.findall(r"://\S+?:(\d+)", self._line() + self._line())
        if len(ports) != 2:
            self.kill()
            raise RuntimeError(f"the service did not start:\n{self.log}")
        self.port, self.ws_port = map(int, ports)
        self.http = httpx2.Client(base_url=self.url, timeout=30.0)

    def _spawn(self) -> None:
        with (self.folder / "service.log").open("a") as log:
            self._process = subprocess.Popen(
                [sys.executable, *self.program, *self._arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                cwd=self.folder,
                env=self._environment,
            )

    def _line(self) -> str:
        """What it prints next; nothing at its end."""
        assert self._process.stdout
        return self._process.stdout.readline()

    @property
    def url(self) -> str:
        """Where it takes HTTP."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process.poll() is None

    @property
    def log(self) -> str:
        """All that it has logged, in all its lives."""
        return (self.folder / "service.log").read_text()

    def kill(self) -> None:
        """`kill -9`; an ended one stays as it is."""
        self._process.kill()
        self._finish()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def terminate(self, timeout_s: float = 30.0) -> int:
        """SIGTERM, and its exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self.wait(timeout_s)

    def wait(self, timeout_s: float = 30.0) -> int:
        """Wait for its end; its exit code."""
        self._process.wait(timeout_s)
        self._finish()
        return self._process.returncode

    def _finish(self) -> None:
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()
        self.http.close()

    def upload(
        self, path: Path, options: Json | None = None, *, headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        """POST a file as a form, its options first."""
        with path.open("rb") as file:
            return self.http.post(
                "/process-audio",
                files=[("options", (None, json.dumps(options or {}))), ("audioFile", (path.name, file))],
                headers=headers,
            )

    def submit(self, path: Path, options: Json | None = None) -> str:
        """Start a job on an upload; gives its id."""
        response = self.upload(path, options)
        assert response.status_code == 200, response.text
        job_id: str = response.json()["jobId"]
        return job_id

    def status(self, job_id: str) -> Json:
        """What the service says of a job."""
        response = self.http.get(f"/job/{job_id}/status")
        assert response.status_code == 200, response.text
        record: Json = response.json()
        return record

    def jobs(self, *states: str) -> list[Json]:
        """All jobs in these states."""
        record = self.http.get("/jobs", params={"state": list(states)}).json()
        jobs: list[Json] = record["jobs"]
        return jobs

    def transcript(self, job_id: str) -> Transcript:
        """The result of a job that has one."""
        response = self.http.get(f"/job/{job_id}/result")
        assert response.status_code == 200, response.text
        return Transcript.from_json(response.json()["result"])

    def metric(self, name: str) -> float:
        """A figure of `/metrics`, its labels included."""
        text = self.http.get("/metrics").text
        values = [line.rpartition(" ")[2] for line in text.splitlines() if line.startswith(f"{name} ")]
        return float(values[0]) if values else 0.0

    @asynccontextmanager
    async def socket(self, job_id: str, **query: str) -> AsyncIterator[websockets.ClientConnection]:
        """A WebSocket at a job."""
        more = "".join(f"&{name}={value}" for name, value in query.items())
        url = f"ws://127.0.0.1:{self.ws_port}/?jobId={job_id}{more}"
        async with websockets.connect(url, max_size=None, proxy=None) as socket:
            yield socket

    async def events(self, job_id: str, **query: str) -> list[Json]:
        """Everything that a WebSocket sends of a job, to its end."""
        async with self.socket(job_id, **query) as socket:
            return [json.loads(message) async for message in socket]

    async def wait_for(self, job_id: str, wanted: Callable[[Json], bool], timeout_s: float = 60.0) -> Json:
        """
        Wait for a snapshot or an event of a job.

        Raises:
            AssertionError: the job ended without one. TimeoutError: it did not come.
        """
        seen: list[Json] = []
        async with asyncio.timeout(timeout_s), self.socket(job_id) as socket:
            async for message in socket:
                seen.append(json.loads(message))
                if wanted(seen[-1]):
                    return seen[-1]
        raise AssertionError(f"it never came, but {seen}")

    async def wait_until(self, job_id: str, *states: str, timeout_s: float = 60.0) -> Json:
        """Wait until a job is in one of these states, and give its status."""
        await self.wait_for(
            job_id, lambda event: {event["type"], event.get("state")} & set(states) != set(), timeout_s
        )
        return self.status(job_id)

    async def wait_for_log(self, text: str, timeout_s: float = 60.0) -> None:
        """Wait until the log holds a text."""
        async with asyncio.timeout(timeout_s):
            while text not in self.log:
                await asyncio.sleep(0.05)

    def files(self, *folders: str) -> list[str]:
        """The files under these folders of the data folder."""
        return sorted(
            str(path.relative_to(self.data_dir))
            for folder in folders
            for path in self.data_dir.glob(f"{folder}/**/*")
            if path.is_file()
        )

    def child_processes(self) -> list[Any]:
        """Whatever it has started and what still runs."""
        return children_of(self.pid)


class WorkerProcess(ServiceProcess):
    """`audio-tools work`: jobs and no HTTP."""

    def __init__(
        self, folder: Path, base_url: str, *, arguments: Sequence[str] = (), **environment: str
    ) -> None:
        super().__init__(folder, base_url, **environment)
        self._arguments = ["work", *arguments]

    def start(self) -> None:
        """Start it; returns once it takes jobs. Raises RuntimeError: it ended instead; with its log."""
        self._spawn()
        if not self._line():
            self.kill()
            raise RuntimeError(f"the worker did not start:\n{self.log}")


class Engine:
    """A simulator in a process of its own, for services that outlive a test."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._http = httpx2.Client(base_url=base_url.removesuffix("/v1"))

    def set(self, **settings: Any) -> None:
        """Change how it behaves; see `read_settings` of the simulator."""
        self._http.post("/__control", json=settings).raise_for_status()

    def log(self) -> Json:
        """All requests, and how many are open."""
        log: Json = self._http.get("/__log").json()
        return log

    @contextmanager
    def never_answering(self) -> Iterator[None]:
        """Whatever is asked in this block gets no answer in the time of a test."""
        self.set(latency={"base_s": FOREVER_S})
        try:
            yield
        finally:
            self.set(latency={})

    def close(self) -> None:
        """Let go of the connection."""
        self._http.close()


@contextmanager
def engine_process() -> Iterator[Engine]:
    """An engine that answers at once until it is told otherwise."""
    with simulator_process() as base_url:
        engine = Engine(base_url)
        try:
            yield engine
        finally:
            engine.close()


def end_all_jobs(service: ServiceProcess, states: Collection[str] = ("waiting", "active")) -> None:
    """Cancel what has not ended, the newest first, so that none begins in the meantime."""
    for job in reversed(service.jobs(*states)):
        service.http.delete(f"/job/{job['jobId']}")


def transcript_files(jobs: Collection[str]) -> list[str]:
    """The files that completed jobs leave in the data folder: a transcript and a waveform each."""
    return sorted(f"transcripts/{job_id}{suffix}" for job_id in jobs for suffix in (".json", ".dat"))
