"""Times of the whole service on a queue: a cancel, a take-over, progress on its way, many jobs."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tests.acceptance.cluster import Cluster, in_thread
from tests.acceptance.service import FOREVER_S, Engine, ServiceProcess, WorkerProcess, end_all_jobs

from audio_tools.jobs import JobRequest
from audio_tools.jobs.bullmq.connection import RedisAddress
from audio_tools.jobs.bullmq.queue import BullQueue
from audio_tools.transcript import Json
from benchmarks.followers import Follower

CANCELLED = "Job cancelled successfully"
LOOK_S = 0.01
REPORT_EVERY_S = 0.02
LANES_OF_A_JOB = 4


@dataclass(frozen=True, slots=True)
class Stand:
    """
    A service, the engine, and a recording.

    Of processes that may be one and the same: `web` takes jobs in, `other` cancels them, and `worker` works
    on one at a time.
    """

    web: ServiceProcess
    other: ServiceProcess
    worker: ServiceProcess
    engine: Engine
    media: Path

    def submit(self) -> str:
        """A new job."""
        return self.web.submit(self.media)


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not await in_thread(true):
            await asyncio.sleep(LOOK_S)


async def _in_flight(stand: Stand) -> str:
    stand.engine.set(forget=True)
    job_id = stand.submit()
    await _until(lambda: len(stand.engine.log()["requests"]) > 0)
    return job_id


async def _waiting(stand: Stand) -> str:
    await _in_flight(stand)
    return stand.submit()


async def _decoded(stand: Stand) -> str:
    job_id = stand.submit()
    await _until(lambda: stand.worker.child_processes() != [])
    return job_id


async def _told_to_wait(stand: Stand) -> str:
    stand.engine.set(latency={}, faults={"probability": 1.0, "kinds": ["503"]}, forget=True)
    job_id = stand.submit()
    await _until(lambda: _all_are_answered(stand.engine.log()))
    return job_id


def _all_are_answered(log: Json) -> bool:
    return len(log["requests"]) > 0 and log["in_flight"] == 0


STAGES: dict[str, Callable[[Stand], Awaitable[str]]] = {
    "waiting": _waiting,
    "decode": _decoded,
    "in flight": _in_flight,
    "a retry's wait": _told_to_wait,
}
"""Each brings a new job into a stage, and gives its id."""


async def cancel_ms(stand: Stand, stage: str) -> float:
    """How long a DELETE takes; its answer says that nothing of the job is left."""
    stand.engine.set(latency={"base_s": FOREVER_S}, faults=None)
    job_id = await STAGES[stage](stand)
    started = time.perf_counter()
    answer = stand.other.http.delete(f"/job/{job_id}").json()
    took_ms = 1000 * (time.perf_counter() - started)
    if answer["message"] != CANCELLED:
        raise RuntimeError(f"the job was not cancelled: {answer}")
    end_all_jobs(stand.web)
    return took_ms


async def take_over_s(
    stand: Stand, victims: Sequence[WorkerProcess], heir: WorkerProcess, within_s: float
) -> list[float]:
    """From the kill of each victim, at a random moment `within_s`, to the start of its job at the heir."""
    stand.engine.set(latency={"base_s": FOREVER_S}, faults=None)
    chance, jobs = random.Random(1), []
    with ExitStack() as started:
        for victim in victims:  # one after the other, so that each has the job that came last
            started.enter_context(victim)
            jobs.append(stand.submit())
            await stand.web.wait_until(jobs[-1], "active")
        started.enter_context(heir)
        killing = [
            _kill(stand.web, victim, job_id, chance.uniform(0, within_s))
            for victim, job_id in zip(victims, jobs, strict=True)
        ]
        times_s = await asyncio.gather(*killing)
        end_all_jobs(stand.web)
        heir.terminate()
    return times_s


async def _kill(web: ServiceProcess, victim: WorkerProcess, job_id: str, after_s: float) -> float:
    await asyncio.sleep(after_s)
    killed = time.monotonic()
    await in_thread(victim.kill)
    await _begun_again(web, job_id)
    return time.monotonic() - killed


async def restart_s(stand: Stand) -> float:
    """From the kill of the only worker, which is started again at once, to the next start of its job."""
    stand.engine.set(latency={"base_s": FOREVER_S}, faults=None)
    job_id = stand.submit()
    await stand.web.wait_until(job_id, "active")
    killed = time.monotonic()
    stand.worker.kill()
    stand.worker.start()
    await _begun_again(stand.web, job_id)
    took_s = time.monotonic() - killed
    end_all_jobs(stand.web)
    return took_s


async def _begun_again(web: ServiceProcess, job_id: str) -> None:
    await web.wait_for(
        job_id, lambda event: event["type"] == "active" and event["attempts"] > 1, timeout_s=120
    )


async def progress_ms(cluster: Cluster, web: ServiceProcess, count: int) -> list[float]:
    """From a worker's report, one after the other, to the client at a web process; we are the worker."""
    address = RedisAddress(cluster.environment["REDIS_URL"])
    async with BullQueue(address, web.data_dir) as queue:
        await queue.add(JobRequest({"path": str(web.data_dir)}))
        lease = await queue.take()
        follower = Follower(web.ws_port, lease.job.id)
        following = asyncio.create_task(in_thread(_follow, follower))
        reported = []
        for number in range(count):
            await asyncio.sleep(REPORT_EVERY_S)
            reported.append(time.time())
            await lease.report("progress", {"progress": 100 * number / count, "number": number})
        await lease.complete({})
        await following
    return [
        1000 * (at - reported[event["number"]])
        for at, event in follower.messages()
        if event["type"] == "progress" and "number" in event
    ]


def _follow(follower: Follower) -> None:
    while follower.receive():
        pass
    follower.socket.close()


async def throughput_s(web: ServiceProcess, media: Path, name: str, jobs: int) -> float:
    """Seconds from the first upload to the end of so many jobs; another name, other chunks."""
    started = time.monotonic()
    options = {"maxConcurrent": LANES_OF_A_JOB}
    prompts = [f"{name}, job {n}" for n in range(jobs)]
    ids = [await in_thread(web.submit, media, options | {"prompt": prompt}) for prompt in prompts]
    await asyncio.gather(*(web.wait_until(job_id, "completed", timeout_s=300) for job_id in ids))
    return time.monotonic() - started
