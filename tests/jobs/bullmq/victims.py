"""Worker processes on the queue in Redis that may be killed, and what killing leaves behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from audio_tools.jobs.bullmq.queue import BullQueue
from tests.jobs.redis_server import RedisServer

VICTIM = Path(__file__).with_name("victim.py")
ENDLESS = 1_000_000


class Victim:
    """A running `victim.py`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    async def says(self, step: str) -> str:
        """Wait for the next line that reports this step; returns the job's id."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            said, job_id = line.decode().split()
            if said == step:
                return job_id
        raise AssertionError(f"the worker ended without {step}")

    async def lines(self) -> AsyncIterator[tuple[str, str]]:
        """What it says until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            said, job_id = line.decode().split()
            yield said, job_id

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        os.kill(self._process.pid, number)

    async def kill(self) -> None:
        """`kill -9`, and wait until it is gone."""
        if self._process.returncode is None:
            self._process.kill()
        await self._process.wait()


@asynccontextmanager
async def victim(
    server: RedisServer, prefix: str, folder: Path, *, lock_s: float, steps: int = ENDLESS
) -> AsyncIterator[Victim]:
    """A worker process on the queue."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, VICTIM, str(server.port), prefix, folder, str(lock_s), str(steps)),
        stdout=asyncio.subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
    )
    running = Victim(process)
    try:
        yield running
    finally:
        await running.kill()


async def abandon(queue: BullQueue) -> None:
    """Leave everything as a killed process would: nothing is given back, only the lock on its place goes."""
    queue._consumer._leases.clear()
    queue._consumer._tokens = 0
    await queue.close()


async def bull_state(queue: BullQueue, job_id: str) -> str:
    """What BullMQ says about a job."""
    return str(await queue._bull.getJobState(job_id))


async def do_nothing(*args: object) -> None:
    """What a process does that has just been killed."""
