"""The contract of every queue backend: restarting a failed job."""

from __future__ import annotations

import asyncio

import pytest

from audio_tools.errors import JobNotFound, JobNotRestartable
from audio_tools.jobs import JobFailure, JobState, Queue
from tests.jobs.conftest import NewQueue
from tests.jobs.steps import ERROR, RESULT, UNKNOWN, add_jobs, read_events

pytestmark = pytest.mark.timeout(60)

PASSING = JobFailure(ERROR.stored | {"restartable": True})


async def fail(queue: Queue, error: JobFailure = PASSING) -> str:
    """Take the next job and fail it; its id."""
    lease = await queue.take()
    await lease.report("progress", {"progress": 40.0, "message": "half way"})
    await lease.report("words", {"chunk": 0})
    return (await lease.fail(error)).id


async def test_a_restarted_job_is_done_like_a_new_one(queue: Queue) -> None:
    """It waits with its data, starts at 0, replays only events of the new run, and counts its attempts on."""
    await add_jobs(queue, 1)
    job_id = await fail(queue)

    job = await queue.restart(job_id)

    assert (job.state, job.progress, job.report, job.error) == (JobState.WAITING, 0.0, {}, None)
    assert (job.request.stored, job.attempts, job.finished_at) == ({"n": 0}, 1, None)
    lease = await queue.take()
    assert (lease.job.id, lease.attempt) == (job_id, 2)
    await lease.report("progress", {"progress": 10.0, "message": "again"})
    await lease.complete(RESULT)
    events = await read_events(queue, job_id)
    assert [event.type for event in events] == ["waiting", "active", "progress", "completed"]
    assert (await queue.get(job_id)).result == RESULT


async def test_a_reader_that_saw_the_failure_resumes_after_it(queue: Queue) -> None:
    """The ids of events go on: a client that names the last one it saw gets the new life."""
    await add_jobs(queue, 1)
    job_id = await fail(queue)
    last = (await read_events(queue, job_id))[-1]
    await queue.restart(job_id)
    await (await queue.take()).complete(RESULT)

    assert [event.type for event in await read_events(queue, job_id, last.id)] == [
        "waiting",
        "active",
        "completed",
    ]


async def test_a_restarted_job_has_its_old_place(queue: Queue) -> None:
    """No later job keeps it from its turn."""
    await add_jobs(queue, 1)
    job_id = await fail(queue)
    await add_jobs(queue, 1)
    await queue.restart(job_id)

    taken = [(await queue.take()).job.id for _ in range(2)]

    assert job_id in taken
    assert len(set(taken)) == 2


async def test_a_job_restarted_many_times_at_once_runs_once(queue: Queue) -> None:
    """Every call gets the job; one worker gets it, and no other."""
    await add_jobs(queue, 1)
    job_id = await fail(queue)

    jobs = await asyncio.gather(*(queue.restart(job_id) for _ in range(10)))
    lease = await queue.take()
    again = asyncio.create_task(queue.take())

    assert {job.id for job in jobs} == {lease.job.id} == {job_id}
    done, _ = await asyncio.wait([again], timeout=0.2)
    assert not done
    again.cancel()
    await lease.complete(RESULT)


async def test_only_a_failure_that_may_pass_is_restarted(queue: Queue) -> None:
    """A broken file fails again; what is done or cancelled needs a new job; what runs is left alone."""
    _, _, done, waiting = await add_jobs(queue, 4)
    for_good = await fail(queue, ERROR)
    cancelled = (await queue.take()).job.id
    await queue.cancel(cancelled)
    await (await queue.take()).complete(RESULT)

    for job_id in (for_good, done.id):
        with pytest.raises(JobNotRestartable):
            await queue.restart(job_id)
    with pytest.raises(JobNotFound):
        await queue.restart(UNKNOWN)
    assert (await queue.restart(waiting.id)).state is JobState.WAITING


async def test_a_restart_outlives_the_process(new_queue: NewQueue) -> None:
    """The job waits until the queue is opened again."""
    async with new_queue() as queue:
        await add_jobs(queue, 1)
        job_id = await fail(queue)
        await queue.restart(job_id)
    async with new_queue() as queue:
        lease = await queue.take()
        assert (lease.job.id, lease.attempt) == (job_id, 2)
        await lease.complete(RESULT)


async def test_a_job_whose_upload_is_removed_is_not_restarted(queue: Queue) -> None:
    """Its error says so, and keeps what was wrong; a second removal changes nothing."""
    await add_jobs(queue, 1)
    job_id = await fail(queue)

    assert await queue.forgo_restart(job_id)
    job = await queue.get(job_id)

    assert not await queue.forgo_restart(job_id)
    assert (job.restartable, job.upload_removed) == (False, True)
    assert job.error and job.error.message == ERROR.message
    with pytest.raises(JobNotRestartable, match="removed to free disk space"):
        await queue.restart(job_id)


async def test_a_job_that_was_restarted_meanwhile_keeps_its_upload(queue: Queue) -> None:
    """The check and the change are one step, so that a running job never loses its file."""
    await add_jobs(queue, 1)
    job_id = await fail(queue)
    restarted = await queue.restart(job_id)

    assert not await queue.forgo_restart(job_id)
    assert await queue.get(job_id) == restarted
