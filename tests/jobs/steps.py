"""What many tests of the queue do and check."""

from __future__ import annotations

import asyncio

from audio_tools.jobs import TERMINAL, Event, Job, JobFailure, JobRequest, JobState, Lease, Queue

UNKNOWN = "3f0c8a52-0000-4000-8000-000000000000"
RESULT = {"transcript": "1/transcript.json", "words": 12}
ERROR = JobFailure({"code": "no_audio_stream", "message": "no audio", "status": 422})


async def add_jobs(queue: Queue, count: int) -> list[Job]:
    """Add that many jobs, one after the other."""
    return [(await queue.add(JobRequest({"n": n}))).job for n in range(count)]


async def next_of(queue: Queue, lease: Lease, type: str) -> Event:
    """The first event of this type in the log of the lease's job."""
    async for event in queue.events(lease.job.id):
        if event.type == type:
            return event
    raise AssertionError(f"no {type} event")


async def read_events(queue: Queue, job_id: str, after: str | None = None) -> list[Event]:
    """The job's events up to the terminal one; waits for it."""
    return [event async for event in queue.events(job_id, after)]


async def read_events_so_far(queue: Queue, job: Job) -> list[Event]:
    """The events stored by now: those of an unfinished job end with the newest event of its state."""
    if job.finished:
        return await read_events(queue, job.id)
    events: list[Event] = []
    log = queue.events(job.id)
    async for event in log:
        events.append(event)
        starts = sum(seen.type == JobState.ACTIVE for seen in events)
        if event.type == job.state and starts == job.attempts:
            break
    await log.aclose()
    return events


async def assert_logs_agree(queue: Queue) -> None:
    """Every job's log agrees with the job's record: state, attempts, end."""
    jobs, total = await queue.list(limit=10_000)

    assert len(jobs) == total
    for job in jobs:
        async with asyncio.timeout(10):
            types = [event.type for event in await read_events_so_far(queue, job)]
        assert types[0] == JobState.WAITING
        assert job.attempts == types.count(JobState.ACTIVE)
        assert job.state == types[-1]
        assert int(job.finished) == sum(type in TERMINAL for type in types)
