"""The queue on Redis when Redis goes away and comes back, and when processes die between two steps."""

from __future__ import annotations

import asyncio
import logging
import random
from collections import Counter
from collections.abc import AsyncGenerator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from audio_tools.errors import QueueUnavailable
from audio_tools.jobs import Event, JobRequest, JobState, LeaseLost
from audio_tools.jobs.bullmq import consumer as bull_worker
from audio_tools.jobs.bullmq.connection import stop
from audio_tools.jobs.bullmq.consumer import BullLease
from audio_tools.jobs.bullmq.queue import BullQueue
from audio_tools.jobs.outage_log import OutageLog
from tests.jobs.bullmq.victims import abandon, bull_state, do_nothing, victim
from tests.jobs.redis_server import RedisServer
from tests.jobs.steps import RESULT, add_jobs, assert_logs_agree, read_events

pytestmark = pytest.mark.timeout(120)


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[RedisServer]:
    """A server that this test may kill."""
    with RedisServer(tmp_path / "redis") as server:
        server.start()
        yield server


@pytest.mark.slow
async def test_work_goes_on_while_redis_is_away(own_server: RedisServer, prefix: str, tmp_path: Path) -> None:
    """
    Redis is killed in the middle of a job and comes back: requests are refused at once meanwhile, the worker
    reports the rest as soon as it can, a reader has every event once, and the job runs once.
    """
    queue = BullQueue(own_server.address, tmp_path, prefix=prefix)
    async with queue, victim(own_server, prefix, tmp_path, lock_s=30, steps=30) as worker:
        (job,) = await add_jobs(queue, 1)
        reading = asyncio.create_task(read_events(queue, job.id))
        await worker.says("reported")
        own_server.kill()
        for call in (queue.add(JobRequest({})), queue.get(job.id), queue.list(), queue.check()):
            with pytest.raises(QueueUnavailable, match="cannot be reached"):
                await call
        own_server.start()

        assert await worker.says("completed") == job.id

        events = await reading
        assert [event.payload["chunk"] for event in events if event.type == "words"] == [*range(30)]
        assert [event.type for event in events if event.type not in ("words", "progress")] == [
            "waiting",
            "active",
            "completed",
        ]
        assert (await queue.get(job.id)).attempts == 1


async def test_taking_waits_for_redis(own_server: RedisServer, prefix: str, tmp_path: Path) -> None:
    """A worker without a job waits through an outage and then gets what has come."""
    async with BullQueue(own_server.address, tmp_path, prefix=prefix) as queue:
        taking = asyncio.create_task(queue.take())
        await queue.check()
        own_server.kill()
        own_server.start()
        await until_up(queue)
        (job,) = await add_jobs(queue, 1)

        assert (await taking).job.id == job.id


async def test_a_failover_is_an_outage(own_server: RedisServer, prefix: str, tmp_path: Path) -> None:
    """A server that becomes a replica, and is a primary again: waiting for a job continues."""
    async with BullQueue(own_server.address, tmp_path, prefix=prefix) as queue, client(own_server) as redis:
        taking = asyncio.create_task(queue.take())
        while not (await redis.info("clients"))["blocked_clients"]:
            await asyncio.sleep(0.001)
        await redis.replicaof("127.0.0.1", 1)
        with pytest.raises(QueueUnavailable, match="replica"):
            await queue.check()
        await redis.replicaof("NO", "ONE")
        (job,) = await add_jobs(queue, 1)

        assert (await taking).job.id == job.id


async def test_a_server_that_lacks_replicas_is_an_outage(
    own_server: RedisServer, prefix: str, tmp_path: Path
) -> None:
    """It refuses to store anything until it has as many as it wants."""
    async with BullQueue(own_server.address, tmp_path, prefix=prefix) as queue, client(own_server) as redis:
        taking = asyncio.create_task(queue.take())
        await redis.config_set("min-replicas-to-write", 1)
        with pytest.raises(QueueUnavailable, match="replicas"):
            await queue.add(JobRequest({}))
        await redis.config_set("min-replicas-to-write", 0)
        (job,) = await add_jobs(queue, 1)

        assert (await taking).job.id == job.id


async def test_somebody_elses_script_is_an_outage(
    own_server: RedisServer,
    prefix: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """While it keeps the server busy calls are refused; then readers hear the news as before."""
    monkeypatch.setattr("audio_tools.jobs.bullmq.pubsub.PING_S", 0.01)
    async with BullQueue(own_server.address, tmp_path, prefix=prefix) as queue, client(own_server) as redis:
        (job,) = await add_jobs(queue, 1)
        lease = await queue.take()
        log = queue.events(job.id)
        await anext(log)
        reading = asyncio.create_task(read_on(log))
        await redis.config_set("lua-time-limit", 10)
        script = asyncio.ensure_future(redis.eval("while true do end", 0))
        while "pub/sub connection lost" not in caplog.text:
            await asyncio.sleep(0.01)
        with pytest.raises(QueueUnavailable, match="busy"):
            await queue.get(job.id)
        await redis.script_kill()
        await asyncio.gather(script, return_exceptions=True)
        await lease.complete(RESULT)

        assert await reading == JobState.COMPLETED


async def test_an_outage_is_logged_once(
    own_server: RedisServer,
    prefix: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """However often a worker without a job tries to reach Redis; and so is its end."""
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(bull_worker, "RETRY_S", 0.01)
    tries: asyncio.Queue[Exception] = asyncio.Queue()
    failed = OutageLog.failed

    def count(outage: OutageLog, error: Exception) -> None:
        tries.put_nowait(error)
        failed(outage, error)

    monkeypatch.setattr(OutageLog, "failed", count)
    async with BullQueue(own_server.address, tmp_path, prefix=prefix) as queue:
        taking = asyncio.create_task(queue.take())
        await queue.check()
        own_server.kill()
        for _ in range(5):
            await tries.get()
        own_server.start()
        await until_up(queue)
        await add_jobs(queue, 1)
        await taking

    said = [record.getMessage().partition(":")[0] for record in caplog.records]
    assert [line for line in said if "fetch" in line] == [
        "cannot fetch jobs",
        "fetching jobs again",
    ]


async def test_an_outage_longer_than_the_lock_costs_no_work(
    redis_server: RedisServer, prefix: str, tmp_path: Path
) -> None:
    """An attempt whose lock has run out, but whose job was not taken by others, continues and ends it."""
    async with BullQueue(redis_server.address, tmp_path, prefix=prefix) as queue:
        (job,) = await add_jobs(queue, 1)
        lease = await queue.take()
        await queue._client.delete(queue._bull.toKey(f"{job.id}:lock"))

        await lease.report("words", {})
        ended = await lease.complete(RESULT)

        assert (ended.state, ended.attempts) == (JobState.COMPLETED, 1)
        assert await bull_state(queue, job.id) == "completed"


async def test_a_lost_answer_is_not_told_twice(
    redis_server: RedisServer, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was stored although its answer was lost is stored once when it is told again; so is the end."""
    async with BullQueue(redis_server.address, tmp_path, prefix=prefix) as queue:
        (job,) = await add_jobs(queue, 1)
        lease = await queue.take()
        for tell in (lambda: lease.report("words", {"chunk": 0}), lambda: lease.complete(RESULT)):
            with monkeypatch.context() as patched:
                lose_answers(patched, queue)
                with pytest.raises(QueueUnavailable):
                    await tell()
            await tell()

        types = [event.type for event in await read_events(queue, job.id)]
        assert types == ["waiting", "active", "words", "completed"]
        with pytest.raises(LeaseLost):
            await lease.complete(RESULT)


async def test_an_end_that_bullmq_did_not_hear_of_stands(
    redis_server: RedisServer, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker dies right after it stored the end: the job does not run again; BullMQ is updated later."""
    queue = BullQueue(redis_server.address, tmp_path, prefix=prefix)
    await queue.open()
    first, second = await add_jobs(queue, 2)
    lease = await queue.take()
    with monkeypatch.context() as patched:
        patched.setattr(queue._consumer, "_sync_bullmq", do_nothing)
        await lease.complete(RESULT)
    assert await bull_state(queue, first.id) == "active"
    await abandon(queue)

    async with BullQueue(redis_server.address, tmp_path, prefix=prefix) as queue:
        assert (await queue.take()).job.id == second.id
        assert (await queue.get(first.id)).attempts == 1
        assert await bull_state(queue, first.id) == "completed"


async def test_a_job_that_bullmq_never_got_is_added_again(
    redis_server: RedisServer, prefix: str, tmp_path: Path
) -> None:
    """Redis went away between the two steps of an add: the client's own repeat, or the sweep, ends it."""
    async with BullQueue(redis_server.address, tmp_path, prefix=prefix) as queue:
        first, second = await add_jobs(queue, 2)
        for job in (first, second):
            await queue._bull.remove(job.id)

        await queue.add(JobRequest({}), job_id=first.id)
        assert (await queue.take()).job.id == first.id

        await queue.sweep(older_than_s=3600)
        assert (await queue.take()).job.id == second.id


async def test_what_was_taken_but_not_heard_of_comes_back(
    redis_server: RedisServer, prefix: str, tmp_path: Path
) -> None:
    """BullMQ gave us a job and its answer was lost: the job waits again; what we do hold is left alone."""
    async with BullQueue(redis_server.address, tmp_path, prefix=prefix) as queue:
        first, second = await add_jobs(queue, 2)
        held = await queue.take()
        assert (await queue._consumer._worker.getNextJob(f"{queue._consumer._token}:lost")).id == second.id

        await queue._consumer._requeue_strays()

        assert (await queue.take()).job.id == second.id
        assert (await held.complete(RESULT)).attempts == 1
        assert await bull_state(queue, first.id) == "completed"


async def test_an_attempt_that_began_twice_is_one(
    redis_server: RedisServer, prefix: str, tmp_path: Path
) -> None:
    """A beginning whose answer was lost is asked for again: it counts once and is no crash."""
    async with BullQueue(redis_server.address, tmp_path, prefix=prefix) as queue:
        (job,) = await add_jobs(queue, 1)
        lease = await queue.take()
        assert isinstance(lease, BullLease)

        again = await queue._records.begin(lease.fence)

        assert (again.outcome, again.job) == ("held", await queue.get(job.id))
        await lease.complete(RESULT)
        assert [event.type for event in await read_events(queue, job.id)] == [
            "waiting",
            "active",
            "completed",
        ]


async def test_a_wake_up_that_was_lost_delays_nobody(
    redis_server: RedisServer, prefix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A take that is cancelled may swallow BullMQ's mark of a new job: the next one looks for itself."""
    monkeypatch.setattr("audio_tools.jobs.bullmq.queue.POLL_S", 3600)
    async with BullQueue(redis_server.address, tmp_path, prefix=prefix) as queue:
        taking = asyncio.create_task(queue.take())
        while not (await queue._client.info("clients"))["blocked_clients"]:
            await asyncio.sleep(0.001)
        taking.cancel()
        (job,) = await add_jobs(queue, 1)
        await queue._client.delete(queue._bull.toKey("marker"))

        async with asyncio.timeout(10):
            assert (await queue.take()).job.id == job.id


async def test_news_that_were_missed_are_looked_up(
    redis_server: RedisServer, prefix: str, tmp_path: Path
) -> None:
    """What happened while the subscription was broken reaches readers and workers when it is there again."""
    here, there = (BullQueue(redis_server.address, tmp_path, prefix=prefix, lock_s=3600) for _ in range(2))
    async with here, there:
        mine, theirs = await add_jobs(here, 2)
        lease, other = await here.take(), await there.take()
        log = here.events(theirs.id)
        assert [(await anext(log)).type for _ in range(2)] == ["waiting", "active"]
        reading = asyncio.create_task(anext(log))
        await stop([here._listening])
        await there.cancel(mine.id)
        await other.report("words", {})

        here._listening = asyncio.create_task(here._changes.run())

        assert (await reading).type == "words"
        await lease.cancelled.wait()
        await log.aclose()


@pytest.mark.slow
async def test_all_jobs_end_whatever_dies(own_server: RedisServer, prefix: str, tmp_path: Path) -> None:
    """Workers and Redis are killed at random: each of 30 jobs ends once and well, and its log agrees."""
    seed = random.randrange(10_000)
    dice = random.Random(seed)
    queue = BullQueue(own_server.address, tmp_path, prefix=prefix, lock_s=1, stalled_check_s=0.25)
    done: Counter[str] = Counter()
    async with queue:
        jobs = await add_jobs(queue, 30)
        logs = [queue.events(job.id) for job in jobs]
        for log in logs:
            await anext(log)  # an outage is for readers who have begun
        reading = [asyncio.create_task(read_on(log)) for log in logs]
        workers = [
            asyncio.create_task(die_and_return(own_server, prefix, tmp_path, dice, done)) for n in range(3)
        ]
        for _ in range(2):
            await asyncio.sleep(dice.uniform(0.5, 1.5))
            own_server.kill()
            await asyncio.sleep(dice.uniform(0, 0.5))
            own_server.start()
        ends = await asyncio.gather(*reading)
        for worker in workers:
            worker.cancel()
        await asyncio.gather(*workers, return_exceptions=True)

        assert set(ends) == {JobState.COMPLETED}, f"seed {seed}"
        assert all(count == 1 for count in done.values()), f"seed {seed}"
        await assert_logs_agree(queue)


async def read_on(log: AsyncGenerator[Event, None]) -> str:
    """Read the log to its end; gives the type of the last event."""
    async for event in log:
        last = event.type
    return last


async def die_and_return(
    server: RedisServer, prefix: str, folder: Path, dice: random.Random, done: Counter[str]
) -> None:
    """A worker that is killed now and then, and started again."""
    while True:
        async with victim(server, prefix, folder, lock_s=1, steps=10) as worker:
            await worker.says("open")
            try:
                async with asyncio.timeout(dice.uniform(0.2, 2.0)):
                    async for said, job_id in worker.lines():
                        if said == "completed":
                            done[job_id] += 1
            except TimeoutError:
                pass


def client(server: RedisServer) -> Redis:
    """For what others do with the same server."""
    return Redis(port=server.port)


async def until_up(queue: BullQueue) -> None:
    """Wait until Redis answers."""
    while True:
        try:
            await queue.check()
            return
        except QueueUnavailable:
            await asyncio.sleep(0.01)


def lose_answers(patched: pytest.MonkeyPatch, queue: BullQueue) -> None:
    """Every step is stored, but its answer does not come back."""
    step = queue._records._step

    async def store_and_fail(*args: object) -> object:
        await step(*args)  # type: ignore[arg-type]
        raise QueueUnavailable("the answer is lost")

    patched.setattr(queue._records, "_step", store_and_fail)
