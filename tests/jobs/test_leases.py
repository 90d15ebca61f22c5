"""The contract of every queue backend: a worker takes a job, reports on it and ends it."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

import pytest

from audio_tools.errors import QueueUnavailable
from audio_tools.jobs import JobRequest, JobState, Lease, LeaseLost, Queue
from tests.jobs.conftest import NewQueue
from tests.jobs.steps import ERROR, RESULT, UNKNOWN, add_jobs, assert_logs_agree, read_events

pytestmark = pytest.mark.timeout(60)


async def test_jobs_are_taken_first_come_first_served(queue: Queue) -> None:
    """The oldest waiting job goes first; its attempt is counted and the time noted."""
    jobs = await add_jobs(queue, 5)

    leases = [await queue.take() for _ in jobs]

    assert [lease.job.id for lease in leases] == [job.id for job in jobs]
    assert {(lease.job.state, lease.attempt) for lease in leases} == {(JobState.ACTIVE, 1)}
    assert all((lease.job.started_at or 0) >= lease.job.created_at for lease in leases)


async def test_take_waits_for_a_job(queue: Queue) -> None:
    """On an empty queue every taker waits; each new job wakes one of them."""
    takers = [asyncio.create_task(queue.take()) for _ in range(3)]
    await queue.counts()
    assert not any(taker.done() for taker in takers)

    jobs = await add_jobs(queue, 3)
    leases = await asyncio.gather(*takers)

    assert {lease.job.id for lease in leases} == {job.id for job in jobs}


@pytest.mark.slow
async def test_a_cancelled_take_holds_nothing(queue: Queue) -> None:
    """Wherever a take is when it is cancelled, its job can be taken by the next one."""
    (job,) = await add_jobs(queue, 1)

    for steps in range(30):
        taker = asyncio.create_task(queue.take())
        for _ in range(steps):
            await asyncio.sleep(0)
        taker.cancel()
        done = (await asyncio.gather(taker, return_exceptions=True))[0]
        lease = done if isinstance(done, Lease) else await queue.take()
        assert lease.job.id == job.id
        await lease.release()


async def test_a_released_job_keeps_its_place(queue: Queue) -> None:
    """A job that is given back is taken next, as a new attempt with the progress it had."""
    first, second = await add_jobs(queue, 2)
    lease = await queue.take()
    await lease.report("progress", {"progress": 40})

    released = await lease.release()
    again = await queue.take()

    assert released.state == JobState.WAITING
    assert lease.lost.is_set()
    assert (again.job.id, again.attempt, again.job.progress) == (first.id, 2, 40.0)
    assert (await queue.take()).job.id == second.id


async def test_closing_gives_back_what_is_held(new_queue: NewQueue) -> None:
    """After a restart the jobs that were being worked on are taken first, in their old order."""
    async with new_queue() as queue:
        jobs = await add_jobs(queue, 4)
        leases = [await queue.take(), await queue.take()]

    assert all(lease.lost.is_set() for lease in leases)
    with pytest.raises(LeaseLost):
        await leases[0].complete(RESULT)
    async with new_queue() as queue:
        assert [(await queue.take()).job.id for _ in jobs] == [job.id for job in jobs]


async def test_closing_wakes_who_waits(new_queue: NewQueue) -> None:
    """A reader of events and a take that wait when the queue is closed are told so."""
    async with new_queue() as queue:
        (job,) = await add_jobs(queue, 1)
        log = queue.events(job.id)
        assert (await anext(log)).type == "waiting"
        reading = asyncio.create_task(anext(log))
        await queue.check()
    with pytest.raises(QueueUnavailable, match="shutting down"):
        await reading
    async with new_queue() as queue:
        await queue.cancel(job.id)
        taking = asyncio.create_task(queue.take())
        await queue.check()
    with pytest.raises(QueueUnavailable, match="shutting down"):
        await taking
    await queue.close()


async def test_a_closed_queue_refuses(new_queue: NewQueue) -> None:
    """Every call of a closed queue raises QueueUnavailable."""
    queue = new_queue()
    async with queue:
        pass

    for call in (queue.add(JobRequest({})), queue.get(UNKNOWN), queue.take(), queue.check()):
        with pytest.raises(QueueUnavailable, match="shutting down"):
            await call


async def test_a_completed_job_has_its_result(queue: Queue) -> None:
    """Completing sets state, result, time and full progress."""
    await queue.add(JobRequest({}))
    lease = await queue.take()
    await lease.report("progress", {"progress": 99, "message": "Nearly"})

    job = await lease.complete(RESULT)

    assert (job.state, job.result, job.error, job.progress) == (JobState.COMPLETED, RESULT, None, 100.0)
    assert job.finished
    assert (job.finished_at or 0) >= (job.started_at or math.inf)
    assert await queue.get(job.id) == job
    assert lease.lost.is_set()


async def test_a_failed_job_has_its_error(queue: Queue) -> None:
    """Failing sets state and error, and leaves the progress where it was."""
    await queue.add(JobRequest({}))
    lease = await queue.take()
    await lease.report("progress", {"progress": 12})

    job = await lease.fail(ERROR)

    assert (job.state, job.result, job.error, job.progress) == (JobState.FAILED, None, ERROR, 12.0)
    assert await queue.get(job.id) == job


USES: dict[str, Callable[[Lease], Awaitable[object]]] = {
    "report": lambda lease: lease.report("words", {"words": []}),
    "progress": lambda lease: lease.report("progress", {"progress": 90}),
    "complete": lambda lease: lease.complete(RESULT),
    "fail": lambda lease: lease.fail(ERROR),
    "release": lambda lease: lease.release(),
    "acknowledge_cancel": lambda lease: lease.acknowledge_cancel(),
}


@pytest.mark.parametrize("use", USES)
async def test_a_stale_lease_changes_nothing(queue: Queue, use: str) -> None:
    """Once another attempt holds the job, the earlier lease is refused and leaves no trace."""
    await queue.add(JobRequest({}))
    stale = await queue.take()
    await stale.release()
    lease = await queue.take()
    before = await queue.get(lease.job.id)

    with pytest.raises(LeaseLost):
        await USES[use](stale)

    assert await queue.get(lease.job.id) == before
    await lease.complete(RESULT)
    assert [event.type for event in await read_events(queue, lease.job.id)] == [
        "waiting",
        "active",
        "waiting",
        "active",
        "completed",
    ]


@pytest.mark.parametrize("use", USES)
async def test_a_job_ends_once(queue: Queue, use: str) -> None:
    """After the end nothing that the worker says counts."""
    await queue.add(JobRequest({}))
    lease = await queue.take()
    ended = await lease.fail(ERROR)

    with pytest.raises(LeaseLost):
        await USES[use](lease)

    assert await queue.get(ended.id) == ended


async def test_an_end_is_stored_although_its_caller_is_cancelled(queue: Queue) -> None:
    """A worker that is cancelled while it completes has completed, and readers hear of it."""
    (job,) = await add_jobs(queue, 1)
    lease = await queue.take()
    completing = asyncio.create_task(lease.complete(RESULT))
    await asyncio.sleep(0)
    completing.cancel()

    assert (await queue.wait_until_finished(job.id)).state == JobState.COMPLETED


async def test_progress_never_goes_back(queue: Queue) -> None:
    """Reported progress stays in 0..100 and never falls, in a new attempt neither."""
    (job,) = await add_jobs(queue, 1)
    lease = await queue.take()
    seen = []
    for reported in (-5, 10, 5, math.nan, 55.5, 20):
        await lease.report("progress", {"progress": reported})
        seen.append((await queue.get(job.id)).progress)
    await lease.release()
    lease = await queue.take()
    for reported in (1, 70, math.inf):
        await lease.report("progress", {"progress": reported})
        seen.append((await queue.get(job.id)).progress)

    assert seen == [0, 10, 10, 10, 55.5, 55.5, 55.5, 70, 100]


async def test_a_job_shows_its_newest_progress(queue: Queue) -> None:
    """Stage, message, time left and whatever else was reported are there for a client that comes late."""
    (job,) = await add_jobs(queue, 1)
    lease = await queue.take()
    await lease.report(
        "progress", {"progress": 1, "stage": "decode", "message": "Reading", "etaSeconds": None}
    )
    report = {"progress": 2, "stage": "transcribe", "message": "1 of 9", "etaSeconds": 8.5, "chunksDone": 1}
    await lease.report("progress", report)

    job = await queue.get(job.id)

    assert job.report == report
    assert (job.stage, job.message, job.eta_s, job.progress) == ("transcribe", "1 of 9", 8.5, 2.0)


async def test_a_job_that_has_ended_says_how(queue: Queue) -> None:
    """Not what was going on when it ended; nothing is left to wait for."""
    jobs = await add_jobs(queue, 3)
    leases = [await queue.take() for _ in jobs]
    for lease in leases:
        await lease.report("progress", {"progress": 9, "message": "Joining the words", "etaSeconds": 0.1})
    await leases[0].complete(RESULT)
    await leases[1].fail(ERROR)
    await queue.cancel(leases[2].job.id)
    await leases[2].acknowledge_cancel()
    ended = [await queue.get(lease.job.id) for lease in leases]

    assert [job.message for job in ended] == ["Done", ERROR.message, "Cancelled"]
    assert [job.eta_s for job in ended] == [0.0] * 3


@pytest.mark.parametrize("type", ["completed", "waiting", "cancelling"])
async def test_a_worker_cannot_fake_a_state(queue: Queue, type: str) -> None:
    """Events of the job's state come from the queue alone."""
    await queue.add(JobRequest({}))
    lease = await queue.take()

    with pytest.raises(ValueError, match=type):
        await lease.report(type, {})


async def test_a_report_that_is_no_json_is_refused(queue: Queue) -> None:
    """The report fails, the lease stays good."""
    await queue.add(JobRequest({}))
    lease = await queue.take()

    with pytest.raises(ValueError, match="JSON"):
        await lease.report("words", {"start": math.nan})

    assert (await lease.complete(RESULT)).state == JobState.COMPLETED


async def test_a_waiting_job_is_cancelled_at_once(queue: Queue) -> None:
    """It never reaches a worker; the next job does."""
    first, second = await add_jobs(queue, 2)

    assert (await queue.cancel(first.id)).state == JobState.CANCELLED
    assert (await queue.take()).job.id == second.id


async def test_cancelling_an_active_job_tells_its_worker(queue: Queue) -> None:
    """The lease is told and no other; the job is cancelled when the worker says that it has stopped."""
    first, _ = await add_jobs(queue, 2)
    lease, other = await queue.take(), await queue.take()

    job = await queue.cancel(first.id)

    assert (job.state, job.cancel_requested) == (JobState.ACTIVE, True)
    await lease.cancelled.wait()
    assert not other.cancelled.is_set()
    assert (await lease.acknowledge_cancel()).state == JobState.CANCELLED


async def test_cancelling_twice_is_fine(queue: Queue) -> None:
    """The second cancel of an active and of a cancelled job changes nothing and says how it stands."""
    (job,) = await add_jobs(queue, 1)
    lease = await queue.take()

    assert await queue.cancel(job.id) == await queue.cancel(job.id)
    ended = await lease.acknowledge_cancel()
    assert await queue.cancel(job.id) == ended
    types = [event.type for event in await read_events(queue, job.id)]
    assert types == ["waiting", "active", "cancelling", "cancelled"]


async def test_a_finished_job_cannot_be_cancelled(queue: Queue) -> None:
    """It stays as it ended."""
    (job,) = await add_jobs(queue, 1)
    ended = await (await queue.take()).complete(RESULT)

    assert await queue.cancel(job.id) == ended


@pytest.mark.parametrize("use", ["complete", "fail", "release", "acknowledge_cancel"])
async def test_a_cancel_wins(queue: Queue, use: str) -> None:
    """A job that was cancelled ends cancelled, however its worker lets go of it."""
    (job,) = await add_jobs(queue, 1)
    lease = await queue.take()
    await queue.cancel(job.id)

    await USES[use](lease)

    job = await queue.get(job.id)
    assert (job.state, job.result, job.error) == (JobState.CANCELLED, None, None)


async def test_a_cancel_survives_a_restart(new_queue: NewQueue) -> None:
    """A job whose worker did not get round to stopping is cancelled when the queue opens again."""
    async with new_queue() as queue:
        (job,) = await add_jobs(queue, 1)
        await queue.take()
        await queue.cancel(job.id)

    async with new_queue() as queue:
        assert (await queue.get(job.id)).state == JobState.CANCELLED


@pytest.mark.slow
async def test_many_workers_and_clients_at_once(queue: Queue) -> None:
    """Each of 60 jobs is done by one of 5 workers, once; those that are cancelled meanwhile end cancelled."""
    done: list[str] = []

    async def work() -> None:
        while True:
            lease = await queue.take()
            for n in range(3):
                await lease.report("progress", {"progress": n * 30})
                await lease.report("words", {"chunk": n})
            if lease.cancelled.is_set():
                await lease.acknowledge_cancel()
            else:
                # Before it is told: who waits for the end of the last job ends this worker.
                done.append(lease.job.id)
                await lease.complete(RESULT)

    workers = [asyncio.create_task(work()) for _ in range(5)]
    jobs = [
        added.job for added in await asyncio.gather(*(queue.add(JobRequest({"n": n})) for n in range(60)))
    ]
    await asyncio.gather(*(queue.cancel(job.id) for job in jobs[::3]))
    ended = await asyncio.gather(*(queue.wait_until_finished(job.id) for job in jobs))
    for worker in workers:
        worker.cancel()
    await asyncio.gather(*workers, return_exceptions=True)

    assert all(job.finished and job.attempts <= 1 for job in ended)
    assert len(done) == len(set(done))
    assert {job.id for job in jobs} - set(done) <= {
        job.id for job in ended if job.state == JobState.CANCELLED
    }
    assert all(job.state == JobState.COMPLETED for n, job in enumerate(ended) if n % 3)
    await assert_logs_agree(queue)
