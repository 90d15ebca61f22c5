"""What a queue alone can do, with jobs that take no time, in this process."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from audio_tools.jobs import JobRequest, Queue
from audio_tools.options import Options
from audio_tools.transcript import Json

AT_ONCE = 8
"""So many add, or work, at the same time."""
IDLE_S = 0.005
REQUEST = JobRequest.for_upload("0" * 32, "talk.mp4", 1 << 20, Options(language="en"))
RESULT: Json = {"totalDuration": 60.0, "words": 100, "silences": 3, "successRate": 100.0}


@dataclass(frozen=True, slots=True)
class Speed:
    """Jobs that are added, and taken and completed, in a second; ms from an `add` to its job at a worker."""

    added_per_s: float
    done_per_s: float
    starts_ms: tuple[float, ...]


async def measure(web: Queue, worker: Queue, jobs: int) -> Speed:
    """
    Use an empty queue.

    Args:
        web: adds jobs.
        worker: takes them; the same queue, or another way to it.
        jobs: how many, at once; a fourth of them once more, one after the other.
    """
    added_per_s = await _per_second(jobs, lambda: web.add(REQUEST))
    done_per_s = await _per_second(jobs, lambda: _do_one(worker))
    return Speed(added_per_s, done_per_s, tuple([await _start_ms(web, worker) for _ in range(jobs // 4)]))


async def _per_second(count: int, do: Callable[[], Awaitable[object]]) -> float:
    numbers = iter(range(count))

    async def one_of_many() -> None:
        for _ in numbers:
            await do()

    started = time.perf_counter()
    await asyncio.gather(*(one_of_many() for _ in range(AT_ONCE)))
    return count / (time.perf_counter() - started)


async def _do_one(worker: Queue) -> None:
    await (await worker.take()).complete(RESULT)


async def _start_ms(web: Queue, worker: Queue) -> float:
    """For a worker that waits."""
    taking = asyncio.create_task(worker.take())
    await asyncio.sleep(IDLE_S)
    started = time.perf_counter()
    adding = asyncio.create_task(web.add(REQUEST))
    lease = await taking
    taken_ms = 1000 * (time.perf_counter() - started)
    await adding
    await lease.complete(RESULT)
    return taken_ms
