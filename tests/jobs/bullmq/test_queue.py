"""What the queue on Redis promises beyond the contract: BullMQ sees it too, and may add to it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import psutil
import pytest

from audio_tools.errors import ConfigError, DiskFull, JobNotFound, QueueUnavailable
from audio_tools.jobs import Job, JobRequest, JobState
from audio_tools.jobs.bullmq.queue import BullQueue
from tests.jobs.redis_server import RedisServer
from tests.jobs.steps import ERROR, RESULT, UNKNOWN, add_jobs, read_events

pytestmark = pytest.mark.timeout(60)


@pytest.fixture
async def queue(redis_server: RedisServer, tmp_path: Path, prefix: str) -> AsyncIterator[BullQueue]:
    """An open queue, empty."""
    async with BullQueue(redis_server.address, tmp_path, prefix=prefix) as queue:
        yield queue


async def bull_states(queue: BullQueue, jobs: list[Job]) -> list[str]:
    """What BullMQ says about these jobs."""
    return [await queue._bull.getJobState(job.id) for job in jobs]


async def add_elsewhere(queue: BullQueue, data: object, **options: object) -> str:
    """Add a job as any other BullMQ program does."""
    return str((await queue._bull.add("from elsewhere", data, options)).id)


# What BullMQ sees


async def test_bullmq_has_every_job_in_its_state(queue: BullQueue) -> None:
    """A job is found under our id, in BullMQ's own words; cancelled ones are gone, or failed if they ran."""
    jobs = await add_jobs(queue, 6)
    leases = [await queue.take() for _ in range(4)]
    await leases[0].complete(RESULT)
    await leases[1].fail(ERROR)
    await queue.cancel(jobs[2].id)
    await leases[2].acknowledge_cancel()
    await queue.cancel(jobs[4].id)

    assert await bull_states(queue, jobs) == ["completed", "failed", "failed", "active", "unknown", "waiting"]
    completed, failed = [await queue._bull.getJob(job.id) for job in jobs[:2]]
    assert (completed.data, completed.returnvalue) == ({"n": 0}, RESULT)
    assert failed.failedReason == ERROR.message


@pytest.mark.parametrize("states", [[JobState.WAITING], [JobState.WAITING, JobState.ACTIVE]])
async def test_a_job_that_ends_while_jobs_are_listed_hides_no_other(
    states: list[JobState], queue: BullQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long list is read in several steps; the upload of a job that is left out would be swept."""
    monkeypatch.setattr("audio_tools.jobs.base.JOBS_PER_STEP", 2)
    jobs = await add_jobs(queue, 7)
    step = queue._records._step

    async def cancel_first(script: str, *args: str | float) -> object:
        answer = await step(script, *args)
        if script == "newest" and (await queue.get(jobs[6].id)).state is JobState.WAITING:
            await queue.cancel(jobs[6].id)
        return answer

    monkeypatch.setattr(queue._records, "_step", cancel_first)
    page = await queue.list(states)

    assert [job.id for job in page.jobs] == [job.id for job in reversed(jobs)]


async def test_bullmq_sees_progress(queue: BullQueue) -> None:
    """The number of the newest progress report is on BullMQ's copy too."""
    (job,) = await add_jobs(queue, 1)
    lease = await queue.take()
    await lease.report("progress", {"progress": 33.333, "stage": "decode"})

    assert (await queue._bull.getJob(job.id)).progress == 33.3


async def test_what_is_deleted_or_swept_is_gone_from_bullmq(queue: BullQueue) -> None:
    """Neither list has it any more, and it does not come back."""
    jobs = await add_jobs(queue, 2)
    for _ in jobs:
        await (await queue.take()).complete(RESULT)
    await queue.delete(jobs[0].id)
    await queue.sweep(older_than_s=0)
    await queue.sweep(older_than_s=0)

    assert await bull_states(queue, jobs) == ["unknown", "unknown"]
    assert (await queue.list()).total == 0


async def test_bullmqs_own_stream_stays_small(queue: BullQueue) -> None:
    """It is there for Node's listeners alone and keeps about a thousand events, not ten thousand."""
    assert await queue._client.hget(queue._bull.toKey("meta"), "opts.maxLenEvents") == "1000"


# Jobs that others add


async def test_a_job_from_elsewhere_is_ours_once_it_is_asked_for(queue: BullQueue) -> None:
    """It can be read, listed, followed and cancelled like any other, before a worker gets it."""
    data = {"path": "/media/a.mov", "options": {"language": "de"}}
    job_id = await add_elsewhere(queue, data, jobId="theirs-1")

    job = await queue.get(job_id)

    assert (job.id, job.request.stored, job.state, job.number) == (job_id, data, JobState.WAITING, 1)
    assert (await queue.list()).jobs == (job,)
    await queue.cancel(job_id)
    assert [event.type for event in await read_events(queue, job_id)] == ["waiting", "cancelled"]
    assert await bull_states(queue, [job]) == ["unknown"]


async def test_jobs_from_elsewhere_are_found_by_the_sweep(queue: BullQueue) -> None:
    """Waiting, delayed and with a priority, in that order: then they are in the list."""
    waiting = [await add_elsewhere(queue, {"n": n}) for n in range(2)]
    urgent = await add_elsewhere(queue, {}, priority=1)
    delayed = await add_elsewhere(queue, {}, delay=3_600_000)
    await queue.sweep(older_than_s=0)

    jobs = (await queue.list()).jobs

    assert [job.id for job in jobs] == [delayed, urgent, *reversed(waiting)]
    assert [job.state for job in jobs] == ["delayed", "waiting", "waiting", "waiting"]


async def test_a_delayed_job_from_elsewhere_is_taken_in_time(queue: BullQueue) -> None:
    """It waits for its moment, and not for another job."""
    job_id = await add_elsewhere(queue, {}, delay=100)
    assert (await queue.get(job_id)).state == JobState.DELAYED

    assert (await queue.take()).job.id == job_id


@pytest.mark.parametrize("data", [None, 7, "text", ["path", "/media/a.mov"]])
async def test_data_that_are_no_object_are_wrapped_in_one(queue: BullQueue, data: object) -> None:
    """Whatever JSON another program puts there, a worker gets an object."""
    await add_elsewhere(queue, data)

    assert (await queue.take()).job.request.stored == {"data": data}


@pytest.mark.parametrize("job_id", ["../etc/passwd", "a b", "größe", "x" * 129])
async def test_an_id_that_cannot_name_files_is_refused(queue: BullQueue, job_id: str) -> None:
    """Such a job fails with the reason, is not found by its id, and delays no other job."""
    await add_elsewhere(queue, {}, jobId=job_id)
    (job,) = await add_jobs(queue, 1)

    assert (await queue.take()).job.id == job.id
    refused = await queue._bull.getJob(job_id)
    assert (await refused.getState(), "letters" in refused.failedReason) == ("failed", True)
    with pytest.raises(JobNotFound):
        await queue.get(job_id)


@pytest.mark.parametrize("name", ["wait", "meta", "events", "active", "marker", "id", f"{UNKNOWN}:lock"])
async def test_bullmqs_own_keys_are_no_jobs(queue: BullQueue, name: str) -> None:
    """Asking for a job by the name of one of them finds nothing and changes nothing."""
    await add_jobs(queue, 2)
    await queue.take()

    for call in (queue.get, queue.cancel, queue.delete):
        with pytest.raises(JobNotFound):
            await call(name)
    assert (await queue.list()).total == 2


# Folder, memory, descriptors


async def test_another_folder_is_refused(redis_server: RedisServer, tmp_path: Path, prefix: str) -> None:
    """A machine that does not see the uploads of the others is told so, and may not take their jobs."""
    async with BullQueue(redis_server.address, tmp_path / "one", prefix=prefix):
        with pytest.raises(ConfigError, match="DATA_DIR differs from the folder") as refused:
            await BullQueue(redis_server.address, tmp_path / "two", prefix=prefix).open()
        async with BullQueue(redis_server.address, tmp_path / "one", prefix=prefix):
            pass
    assert prefix in refused.value.hint


async def test_opening_and_closing_leaks_nothing(
    redis_server: RedisServer, tmp_path: Path, prefix: str
) -> None:
    """No descriptor and no task stays behind, with work in hand neither."""
    descriptors, tasks = set(), set()
    for _ in range(5):
        async with BullQueue(redis_server.address, tmp_path, prefix=prefix) as queue:
            await add_jobs(queue, 1)
            await queue.take()
        descriptors.add(psutil.Process().num_fds())
        tasks.add(len(asyncio.all_tasks()))

    assert (len(descriptors), tasks) == (1, {1})


async def test_a_machine_that_loses_the_folder_leaves_jobs_to_others(
    redis_server: RedisServer, tmp_path: Path, prefix: str
) -> None:
    """Its check says why; jobs go to workers that see the folder, and to this one once it is back."""
    (tmp_path / "drive").mkdir()
    mount = tmp_path / "mount"
    mount.symlink_to("drive")
    async with (
        BullQueue(redis_server.address, mount, prefix=prefix) as blind,
        BullQueue(redis_server.address, tmp_path / "drive", prefix=prefix) as queue,
    ):
        mount.unlink()
        taking = asyncio.create_task(blind.take())
        with pytest.raises(QueueUnavailable, match="was replaced or unmounted"):
            await blind.check()
        first, second = await add_jobs(queue, 2)
        assert (await queue.take()).job.id == first.id
        assert not taking.done()

        mount.symlink_to("drive")
        assert (await taking).job.id == second.id


async def test_a_server_without_memory_is_reported(tmp_path: Path) -> None:
    """Jobs are refused and the check fails, while what is there can be read, until there is memory again."""
    with RedisServer(tmp_path / "redis") as server:
        server.start()
        async with BullQueue(server.address, tmp_path) as queue:
            (job,) = await add_jobs(queue, 1)
            await queue._client.config_set("maxmemory", "1")
            for call in (lambda: queue.add(JobRequest({})), queue.check):
                with pytest.raises(DiskFull, match="out of memory"):
                    await call()
            assert await queue.get(job.id) == job
            await queue._client.config_set("maxmemory", "0")
            await queue.check()
