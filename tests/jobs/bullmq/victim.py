"""
A worker process to be killed, stopped and continued: `python victim.py PORT PREFIX FOLDER LOCK_S STEPS`.

Takes jobs for ever and reports STEPS times on each before it completes it. Prints a line for each step that
it was told is done: `open -`, `taken ID`, `reported ID`, `cancelled ID`, `lost ID`, `completed ID`.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from audio_tools.errors import QueueUnavailable
from audio_tools.jobs import Lease, LeaseLost
from audio_tools.jobs.bullmq.connection import RedisAddress
from audio_tools.jobs.bullmq.queue import BullQueue

STEP_S = 0.02


def say(step: str, job_id: str) -> None:
    """One line, at once: what was printed before the kill has happened."""
    sys.stdout.write(f"{step} {job_id}\n")
    sys.stdout.flush()


async def insist(tell: Callable[[], Awaitable[object]]) -> None:
    """Tell the queue until it has heard."""
    while True:
        try:
            await tell()
            return
        except QueueUnavailable:
            await asyncio.sleep(STEP_S)


async def work(lease: Lease, steps: int) -> None:
    """Report, then complete; stop when cancelled."""
    for number in range(steps):
        await insist(lambda: lease.report("progress", {"progress": 100 * number / steps}))  # noqa: B023
        await insist(lambda: lease.report("words", {"chunk": number, "by": os.getpid()}))  # noqa: B023
        say("reported", lease.job.id)
        if lease.cancelled.is_set():
            await insist(lease.acknowledge_cancel)
            say("cancelled", lease.job.id)
            return
        await asyncio.sleep(STEP_S)
    await insist(lambda: lease.complete({"by": os.getpid()}))
    say("completed", lease.job.id)


async def main(port: str, prefix: str, folder: str, lock_s: str, steps: str) -> None:
    """Work for ever."""
    queue = BullQueue(
        RedisAddress(f"redis://127.0.0.1:{port}"),
        Path(folder),
        prefix=prefix,
        lock_s=float(lock_s),
        stalled_check_s=float(lock_s) / 4,
    )
    async with queue:
        say("open", "-")
        while True:
            lease = await queue.take()
            say("taken", lease.job.id)
            try:
                await work(lease, int(steps))
            except LeaseLost:
                say("lost", lease.job.id)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
