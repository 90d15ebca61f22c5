"""The contract of every queue backend: adding, finding, listing, deleting jobs."""

from __future__ import annotations

import asyncio
import math

import pytest

from audio_tools.errors import JobNotFinished, JobNotFound
from audio_tools.jobs import JobRequest, JobState, Queue
from tests.jobs.steps import ERROR, RESULT, UNKNOWN, add_jobs, read_events

pytestmark = pytest.mark.timeout(60)


async def test_a_new_job_waits_with_what_it_was_given(queue: Queue) -> None:
    """The data come back as they went in, file names that are no UTF-8 included."""
    data = {"name": "Größe \udcff.mp4", "options": {"chunkSize": 1, "ratio": 0.5, "none": None}, "list": [1]}

    job, new = await queue.add(JobRequest(data), idempotency_key="k")

    assert new
    assert (job.state, job.request.stored, job.idempotency_key) == (JobState.WAITING, data, "k")
    assert (job.attempts, job.progress, job.started_at) == (0, 0.0, None)
    assert await queue.get(job.id) == job


async def test_jobs_are_numbered_from_one_without_gaps(queue: Queue) -> None:
    """Numbers follow the order of creation; a repeated add uses none up."""
    await queue.add(JobRequest({}), idempotency_key="a")
    await queue.add(JobRequest({}), idempotency_key="a")
    await add_jobs(queue, 2)

    assert [job.number for job in (await queue.list()).jobs] == [3, 2, 1]


async def test_data_that_is_no_json_is_refused(queue: Queue) -> None:
    """Not-a-number is no JSON: the call fails and no job is there."""
    with pytest.raises(ValueError, match="JSON"):
        await queue.add(JobRequest({"duration": math.nan}))

    assert (await queue.list()).total == 0


async def test_the_same_key_gives_the_same_job(queue: Queue) -> None:
    """A repeat finds the job in whatever state it is and leaves its data alone."""
    first = await queue.add(JobRequest({"n": 1}), idempotency_key="k")
    await queue.cancel(first.job.id)

    again = await queue.add(JobRequest({"n": 2}), idempotency_key="k")

    assert not again.new
    assert (again.job.id, again.job.request.stored, again.job.state) == (
        first.job.id,
        {"n": 1},
        JobState.CANCELLED,
    )
    assert await queue.find("k") == again.job


async def test_the_same_key_at_the_same_time_makes_one_job(queue: Queue) -> None:
    """Of twenty adds at once with one key, one makes the job and all get it."""
    added = await asyncio.gather(*(queue.add(JobRequest({"n": n}), idempotency_key="k") for n in range(20)))

    assert sum(one.new for one in added) == 1
    assert len({one.job.id for one in added}) == 1
    assert (await queue.list()).total == 1


async def test_the_same_id_gives_the_same_job(queue: Queue) -> None:
    """An id that is taken is not taken twice."""
    first = await queue.add(JobRequest({"n": 1}), job_id=UNKNOWN)
    again = await queue.add(JobRequest({"n": 2}), job_id=UNKNOWN)

    assert (first.job.id, first.new, again.new) == (UNKNOWN, True, False)
    assert again.job.request.stored == {"n": 1}


async def test_a_key_nobody_used_finds_nothing(queue: Queue) -> None:
    """Before the first add with a key there is no job for it."""
    await queue.add(JobRequest({}))

    assert await queue.find("k") is None


@pytest.mark.parametrize("call", ["get", "cancel", "delete", "wait_until_finished"])
async def test_an_unknown_job_is_not_found(queue: Queue, call: str) -> None:
    """Whatever is asked of a job that is not there: JobNotFound, naming it."""
    with pytest.raises(JobNotFound, match=UNKNOWN):
        await getattr(queue, call)(UNKNOWN)


async def test_an_unknown_job_has_no_events(queue: Queue) -> None:
    """Reading the events of a job that is not there fails; it does not wait for ever."""
    with pytest.raises(JobNotFound, match=UNKNOWN):
        await read_events(queue, UNKNOWN)


async def test_the_list_is_paged_newest_first(queue: Queue) -> None:
    """Pages follow each other without gap or overlap; the total counts all pages."""
    jobs = await add_jobs(queue, 7)

    pages = [await queue.list(limit=3, offset=offset) for offset in (0, 3, 6, 9)]

    assert [job.id for page in pages for job in page.jobs] == [job.id for job in reversed(jobs)]
    assert {page.total for page in pages} == {7}


@pytest.mark.parametrize("per_step", [2, 200])
async def test_unfinished_jobs_are_listed_first(
    queue: Queue, per_step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many have ended since, and wherever a page begins; newest first among either."""
    monkeypatch.setattr("audio_tools.jobs.base.JOBS_PER_STEP", per_step)
    await add_jobs(queue, 4)
    await queue.take()
    for _ in range(2):
        await (await queue.take()).complete(RESULT)
    order = [4, 1, 3, 2]

    for limit in range(1, 6):
        for offset in range(6):
            page = await queue.list(limit=limit, offset=offset)
            assert [job.number for job in page.jobs] == order[offset : offset + limit]
            assert page.total == 4


async def test_the_list_is_filtered_by_state(queue: Queue) -> None:
    """Jobs in any of the states asked for, with their own total."""
    waiting, active, failed, cancelled = (
        JobState.WAITING,
        JobState.ACTIVE,
        JobState.FAILED,
        JobState.CANCELLED,
    )
    await add_jobs(queue, 6)
    await queue.take()
    await (await queue.take()).fail(ERROR)
    await queue.take()
    await queue.cancel((await queue.list(limit=1, offset=1)).jobs[0].id)

    async def numbers(*states: JobState) -> list[int]:
        return [job.number for job in (await queue.list(states)).jobs]

    assert await numbers(active) == [3, 1]
    assert await numbers(cancelled, failed, active) == [3, 1, 5, 2]
    assert await numbers(JobState.COMPLETED) == []
    assert await numbers() == []
    page = await queue.list([waiting, active], limit=1)
    assert (len(page.jobs), page.total) == (1, 4)
    assert await queue.counts() == (
        {waiting: 2, active: 2, failed: 1, cancelled: 1, JobState.COMPLETED: 0, JobState.DELAYED: 0}
    )


async def test_a_finished_job_can_be_deleted(queue: Queue) -> None:
    """It is gone with its events and its key; its number does not come back."""
    added = await queue.add(JobRequest({}), idempotency_key="k")
    ended = await queue.cancel(added.job.id)

    assert await queue.delete(added.job.id) == ended

    with pytest.raises(JobNotFound):
        await queue.get(added.job.id)
    with pytest.raises(JobNotFound):
        await read_events(queue, added.job.id)
    again = await queue.add(JobRequest({}), idempotency_key="k")
    assert (again.new, again.job.number) == (True, 2)


async def test_an_unfinished_job_cannot_be_deleted(queue: Queue) -> None:
    """Waiting or active: it has to be cancelled first."""
    active, waiting = await add_jobs(queue, 2)
    await queue.take()

    for job, state in ((active, "active"), (waiting, "waiting")):
        with pytest.raises(JobNotFinished, match=state):
            await queue.delete(job.id)
    assert (await queue.list()).total == 2


async def test_a_sweep_forgets_only_what_ended_long_enough_ago(queue: Queue) -> None:
    """Jobs that ended earlier than asked are returned and gone; unfinished ones stay, however old."""
    jobs = await add_jobs(queue, 4)
    active = await queue.take()
    ended = [await (await queue.take()).complete(RESULT), await (await queue.take()).fail(ERROR)]

    assert await queue.sweep(older_than_s=3600) == ()
    assert {job.id for job in await queue.sweep(older_than_s=0)} == {job.id for job in ended}
    assert [job.id for job in (await queue.list()).jobs] == [jobs[3].id, active.job.id]


@pytest.mark.slow
async def test_a_sweep_takes_any_number(queue: Queue) -> None:
    """Hundreds of ended jobs are gone after one call."""
    for _ in range(10):  # not all at once: on a busy machine the last of 250 calls would come too late
        jobs = await asyncio.gather(*(queue.add(JobRequest({})) for _ in range(25)))
        await asyncio.gather(*(queue.cancel(added.job.id) for added in jobs))

    assert len(await queue.sweep(older_than_s=0)) == 250
    assert (await queue.list()).total == 0


async def test_a_healthy_queue_says_nothing(queue: Queue) -> None:
    """The check of a queue that works passes, and changes nothing."""
    await add_jobs(queue, 1)

    await queue.check()

    assert (await queue.counts())[JobState.WAITING] == 1
