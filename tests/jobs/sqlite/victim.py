"""
A process that uses a queue until it is killed: `python victim.py FOLDER`.

Prints a line for each step that it was told is done: `added ID`, `taken ID`, `completed ID`, `cancelled ID`.
"""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

from audio_tools.jobs import JobRequest, JobState, Queue, SqliteQueue


def say(step: str, job_id: str) -> None:
    """One line, at once: what was printed before the kill has happened."""
    sys.stdout.write(f"{step} {job_id}\n")
    sys.stdout.flush()


async def add_and_cancel(queue: Queue) -> None:
    """Adds jobs for ever, keeps about ten waiting, cancels every seventh at a random time of its life."""
    number = 0
    while True:
        number += 1
        job = (await queue.add(JobRequest({"number": number}))).job
        say("added", job.id)
        if number % 7 == 0:
            await asyncio.sleep(random.random() / 50)
            await queue.cancel(job.id)
            say("cancelled", job.id)
        while (await queue.counts())[JobState.WAITING] > 10:
            await asyncio.sleep(0.001)


async def work(queue: Queue) -> None:
    """Takes jobs for ever and completes them, or gives them back now and then."""
    while True:
        lease = await queue.take()
        say("taken", lease.job.id)
        for number in range(random.randrange(5)):
            await lease.report("progress", {"progress": lease.job.progress + number + 1})
            await lease.report("words", {"words": [{"word": "a", "start": number, "end": number + 1}] * 50})
        if lease.cancelled.is_set():
            await lease.acknowledge_cancel()
        elif random.random() < 0.1:
            await lease.release()
        else:
            job = await lease.complete({"words": 50})
            say(job.state, job.id)


async def main(folder: Path) -> None:
    """One client and three workers on one queue."""
    async with SqliteQueue(folder) as queue, asyncio.TaskGroup() as tasks:
        tasks.create_task(add_and_cancel(queue), name="client")
        for number in range(3):
            tasks.create_task(work(queue), name=f"worker {number}")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
