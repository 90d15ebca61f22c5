"""The queue on Redis when workers die, sleep and come back."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from audio_tools.jobs import JobState, LeaseLost
from audio_tools.jobs.base import CRASH_LIMIT
from audio_tools.jobs.bullmq.queue import BullQueue
from tests.jobs.bullmq.victims import abandon, bull_state, do_nothing, victim
from tests.jobs.redis_server import RedisServer
from tests.jobs.steps import RESULT, add_jobs, read_events
from tests.jobs.test_leases import USES

pytestmark = pytest.mark.timeout(120)


@pytest.mark.slow
async def test_a_killed_worker_is_succeeded(redis_server: RedisServer, prefix: str, tmp_path: Path) -> None:
    """When its lock has run out another worker gets the job, next of all, as a new attempt."""
    queue = BullQueue(redis_server.address, tmp_path, prefix=prefix, lock_s=0.5, stalled_check_s=0.1)
    async with queue, victim(redis_server, prefix, tmp_path, lock_s=0.5) as worker:
        first, _ = await add_jobs(queue, 2)
        assert await worker.says("reported") == first.id
        await worker.kill()
        other = await queue.take()

        lease = await queue.take()

        assert (lease.job.id, lease.attempt, other.job.number) == (first.id, 2, 2)
        await lease.complete(RESULT)
        await other.complete(RESULT)
        types = [event.type for event in await read_events(queue, first.id)]
        assert types == ["waiting", "active", "waiting", "active", "completed"]


@pytest.mark.slow
async def test_a_restart_gives_back_at_once(redis_server: RedisServer, prefix: str, tmp_path: Path) -> None:
    """A process on the machine of a dead one gives back what that one held, long before the lock runs out."""
    queue = BullQueue(redis_server.address, tmp_path, prefix=prefix)
    async with queue, victim(redis_server, prefix, tmp_path, lock_s=3600) as worker:
        jobs = await add_jobs(queue, 2)
        assert await worker.says("reported") == jobs[0].id
        await worker.kill()

        async with BullQueue(redis_server.address, tmp_path, prefix=prefix, lock_s=3600) as restarted:
            assert (await restarted.get(jobs[0].id)).state == JobState.WAITING
            assert [(await restarted.take()).job.id for _ in jobs] == [job.id for job in jobs]


@pytest.mark.slow
async def test_a_restart_leaves_the_living_alone(
    redis_server: RedisServer, prefix: str, tmp_path: Path
) -> None:
    """What another process of the same machine holds stays its own."""
    async with victim(redis_server, prefix, tmp_path, lock_s=3600) as worker:
        await worker.says("open")
        async with BullQueue(redis_server.address, tmp_path, prefix=prefix) as queue:
            (job,) = await add_jobs(queue, 1)
            await worker.says("taken")
        async with BullQueue(redis_server.address, tmp_path, prefix=prefix) as queue:
            assert (await queue.get(job.id)).state == JobState.ACTIVE
        await worker.says("reported")


@pytest.mark.slow
async def test_a_worker_that_slept_too_long_is_fenced(
    redis_server: RedisServer, prefix: str, tmp_path: Path
) -> None:
    """A worker that wakes after its job was given to another one is notified, and its results are refused."""
    queue = BullQueue(redis_server.address, tmp_path, prefix=prefix, lock_s=0.5, stalled_check_s=0.1)
    async with queue, victim(redis_server, prefix, tmp_path, lock_s=0.5) as worker:
        (job,) = await add_jobs(queue, 1)
        await worker.says("reported")
        worker.signal(signal.SIGSTOP)
        lease = await queue.take()
        await lease.report("words", {"by": "the successor"})

        worker.signal(signal.SIGCONT)

        assert await worker.says("lost") == job.id
        assert (await lease.complete(RESULT)).result == RESULT
        words = [event.payload for event in await read_events(queue, job.id) if event.type == "words"]
        assert words == [{"by": "the successor"}]


@pytest.mark.parametrize("use", USES)
async def test_a_stale_worker_is_fenced_by_the_store(
    redis_server: RedisServer, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, use: str
) -> None:
    """A worker that has heard nothing of its successor yet is refused by Redis, and leaves no trace."""
    stale = BullQueue(redis_server.address, tmp_path, prefix=prefix, lock_s=3600)
    queue = BullQueue(redis_server.address, tmp_path, prefix=prefix, stalled_check_s=0.01)
    async with stale, queue:
        monkeypatch.setattr(stale._consumer, "_refresh_leases", do_nothing)
        (job,) = await add_jobs(queue, 1)
        lease = await stale.take()
        await queue._client.delete(queue._bull.toKey(f"{job.id}:lock"))
        successor = await queue.take()
        before = await queue.get(job.id)
        assert not lease.lost.is_set()

        with pytest.raises(LeaseLost):
            await USES[use](lease)

        assert lease.lost.is_set()
        assert await queue.get(job.id) == before
        assert (await successor.complete(RESULT)).attempts == 2
        assert await bull_state(queue, job.id) == "completed"


@pytest.mark.slow
async def test_a_job_that_kills_its_workers_is_given_up(
    redis_server: RedisServer, prefix: str, tmp_path: Path
) -> None:
    """After so many deaths in a row with no progress it fails and says so; the next job is not held up."""
    async with BullQueue(redis_server.address, tmp_path, prefix=prefix) as web:
        job, _ = await add_jobs(web, 2)
        for _ in range(CRASH_LIMIT):
            # A lease that is left behind, its process gone: only the lock on the place shows it.
            queue = BullQueue(redis_server.address, tmp_path, prefix=prefix)
            await queue.open()
            assert (await queue.take()).job.id == job.id
            await abandon(queue)
        async with BullQueue(redis_server.address, tmp_path, prefix=prefix) as queue:
            lease = await queue.take()

            assert lease.job.number == 2
            failed = await queue.get(job.id)
            assert failed.state is JobState.FAILED
            assert failed.error and failed.error.code == "worker_crashed"
            assert await bull_state(queue, job.id) == "failed"


@pytest.mark.slow
async def test_a_cancel_reaches_another_process(
    redis_server: RedisServer, prefix: str, tmp_path: Path
) -> None:
    """A worker is notified at once, not only when it renews its locks; the client sees the job end."""
    queue = BullQueue(redis_server.address, tmp_path, prefix=prefix)
    async with queue, victim(redis_server, prefix, tmp_path, lock_s=3600) as worker:
        (job,) = await add_jobs(queue, 1)
        await worker.says("reported")

        await queue.cancel(job.id)

        assert (await queue.wait_until_finished(job.id)).state == JobState.CANCELLED
        assert await worker.says("cancelled") == job.id


@pytest.mark.slow
async def test_a_cancel_outlives_its_worker(redis_server: RedisServer, prefix: str, tmp_path: Path) -> None:
    """A job whose worker dies before it could stop is cancelled when the job is given back."""
    queue = BullQueue(redis_server.address, tmp_path, prefix=prefix, lock_s=0.5, stalled_check_s=0.1)
    async with queue, victim(redis_server, prefix, tmp_path, lock_s=0.5) as worker:
        (job,) = await add_jobs(queue, 1)
        await worker.says("taken")
        worker.signal(signal.SIGSTOP)
        assert (await queue.cancel(job.id)).state == JobState.ACTIVE
        await worker.kill()
        taking = asyncio.create_task(queue.take())

        assert (await queue.wait_until_finished(job.id)).state == JobState.CANCELLED
        taking.cancel()
