"""
`audio-tools serve` in a process of its own, with an eye on its event loop.

`python -m benchmarks.service serve …` is that process: the command itself, with a service that also measures
how late its event loop is, and prints it on SIGUSR1.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import IO, NamedTuple

from audio_tools import cli, server_process
from audio_tools.server.uvicorn_ext.choice import Protocols, choose_protocols
from audio_tools.server.uvicorn_ext.http_protocol import HttpProtocol
from benchmarks.measure import ROOT, environment, python, quantile

STEP_S = 0.005
WITHOUT = "BENCH_WITHOUT"
"""Environment variable that names extensions of uvicorn to leave out: `socket_body`, `frames`."""
NOBODY = "http://127.0.0.1:9/v1"


class Lag(NamedTuple):
    """How late an event loop came back to who had waited for a moment, in ms."""

    median_ms: float
    p99_ms: float
    max_ms: float


class Running(NamedTuple):
    """A service: its process, where it listens, and what it prints."""

    pid: int
    port: int
    ws_port: int
    output: IO[str]

    def lag(self) -> Lag:
        """How late its event loop was since the last call, or its start."""
        os.kill(self.pid, signal.SIGUSR1)
        return Lag(*json.loads(self.output.readline()))


@contextmanager
def running(folder: Path, base_url: str = NOBODY) -> Iterator[Running]:
    """
    A service with its data in `folder`, on free ports, until the block ends.

    Raises:
        RuntimeError: it did not start; with what it said.
    """
    # Not above: it would count as memory of the service.
    from tests.simulator import KEY

    settings = {
        "ENGINE": "openai",
        "OPENAI_API_KEY": KEY,
        "OPENAI_BASE_URL": base_url,
        "RATE_LIMIT_DELAY": "0",
        "MIN_FREE_BYTES": "0",
        "LOG_LEVEL": "error",
        "ALIGN": "off",
    }
    command = python("benchmarks.service", "serve", "--port", 0, "--ws-port", 0, "--data-dir", folder)
    log = folder / "service.log"
    with (
        log.open("w") as errors,
        subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=ROOT,
            env={**environment(), **settings},
        ) as process,
    ):
        assert process.stdout
        try:
            lines = process.stdout.readline() + process.stdout.readline()
            ports = [int(port) for port in re.findall(r"://\S+?:(\d+)", lines)]
            if len(ports) != 2:
                raise RuntimeError(f"the service did not start:\n{log.read_text()}")
            yield Running(process.pid, ports[0], ports[1], process.stdout)
        finally:
            process.terminate()


class WatchedService(server_process.ServerProcess):
    """The service, and a watch on its event loop."""

    async def run(self, started: Callable[[int, int], None]) -> None:
        lags: list[float] = [0.0]

        def tell() -> None:
            print(json.dumps([1000 * quantile(lags, share) for share in (0.5, 0.99, 1.0)]), flush=True)
            lags[:] = [0.0]

        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, tell)
        watching = asyncio.create_task(_watch(lags), name="watch the event loop")
        try:
            await super().run(started)
        finally:
            watching.cancel()


async def _watch(lags: list[float]) -> None:
    # Not the loop's own clock: uvloop's knows only whole milliseconds.
    while True:
        due = time.monotonic() + STEP_S
        await asyncio.sleep(STEP_S)
        lags.append(max(time.monotonic() - due, 0.0))


async def _protocols() -> Protocols:
    """The extensions of uvicorn, without those that BENCH_WITHOUT names, for comparison."""
    protocols, without = await choose_protocols(), os.environ.get(WITHOUT, "")
    if "socket_body" in without:
        protocols = replace(protocols, http=HttpProtocol)
    return protocols


if __name__ == "__main__":
    # The command takes the class from its module when it runs.
    vars(server_process).update(ServerProcess=WatchedService, choose_protocols=_protocols)
    cli.main()
