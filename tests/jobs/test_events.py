"""The contract of every queue backend: the log of a job, read late, live and again."""

from __future__ import annotations

import asyncio
import time

import pytest

from audio_tools.jobs import Queue
from tests.jobs.conftest import NewQueue
from tests.jobs.steps import ERROR, RESULT, add_jobs, next_of, read_events

pytestmark = pytest.mark.timeout(60)


async def test_the_log_replays_a_job(queue: Queue) -> None:
    """After the end a reader gets states, words and the newest progress in order, each with id and time."""
    (job,) = await add_jobs(queue, 1)
    lease = await queue.take()
    for n in range(3):
        await lease.report("progress", {"progress": n * 10})
        await lease.report("words", {"chunk": n})
    ended = await lease.complete(RESULT)

    events = await read_events(queue, job.id)

    payloads = [(event.type, event.payload) for event in events]
    assert payloads == [
        ("waiting", {}),
        ("active", {"attempts": 1}),
        ("words", {"chunk": 0}),
        ("words", {"chunk": 1}),
        ("progress", {"progress": 20}),
        ("words", {"chunk": 2}),
        ("completed", {"result": RESULT}),
    ]
    assert len(events) == len({event.id for event in events})
    times = [event.timestamp for event in events]
    assert times == sorted(times)
    assert ended.created_at - 1 < times[0] <= times[-1] < (ended.finished_at or 0) + 1
    assert events[-1].to_json() == (
        {"type": "completed", "id": events[-1].id, "timestamp": times[-1], "result": RESULT}
    )


async def test_a_failed_job_logs_its_error(queue: Queue) -> None:
    """The last event of a failed job says why."""
    (job,) = await add_jobs(queue, 1)
    await (await queue.take()).fail(ERROR)

    last = (await read_events(queue, job.id))[-1]
    assert (last.type, last.payload) == ("failed", {"error": ERROR.stored})


async def test_a_reader_resumes_after_any_event(queue: Queue) -> None:
    """A client that resumes at any event gets exactly the rest; after the last one, nothing."""
    (job,) = await add_jobs(queue, 1)
    lease = await queue.take()
    for n in range(5):
        await lease.report("words", {"chunk": n})
    await lease.complete(RESULT)
    events = await read_events(queue, job.id)

    for place, event in enumerate(events):
        assert await read_events(queue, job.id, after=event.id) == events[place + 1 :]


@pytest.mark.parametrize("after", ["", "no such event", "99999999999999", "9" * 40, "-1", "²"])
async def test_an_unknown_place_replays_everything(queue: Queue, after: str) -> None:
    """A client that asks for events after one that never was gets all of them."""
    (job,) = await add_jobs(queue, 1)
    await queue.cancel(job.id)

    assert [event.type for event in await read_events(queue, job.id, after)] == ["waiting", "cancelled"]


async def test_a_reader_that_does_not_follow_gets_what_is_stored(queue: Queue) -> None:
    """All of it, however much it is, and no more: a poll must not wait."""
    (job,) = await add_jobs(queue, 1)
    lease = await queue.take()
    for n in range(150):
        await lease.report("words", {"chunk": n})
    stored = [event async for event in queue.events(job.id, follow=False)]
    rest = [event async for event in queue.events(job.id, stored[-1].id, follow=False)]

    assert [event.payload["chunk"] for event in stored if event.type == "words"] == list(range(150))
    assert rest == []


async def test_a_reader_follows_a_running_job(queue: Queue) -> None:
    """Each event reaches a reader that is there already, before the next one is stored."""
    (job,) = await add_jobs(queue, 1)
    log = queue.events(job.id)
    assert (await anext(log)).type == "waiting"
    lease = await queue.take()
    assert (await anext(log)).type == "active"
    for n in range(20):
        await lease.report("progress", {"progress": n})
        assert (await anext(log)).payload["progress"] == n
    await queue.cancel(job.id)
    assert (await anext(log)).type == "cancelling"
    await lease.acknowledge_cancel()
    assert (await anext(log)).type == "cancelled"

    with pytest.raises(StopAsyncIteration):
        await anext(log)


@pytest.mark.slow
async def test_a_hundred_readers_all_get_the_end(queue: Queue) -> None:
    """Readers that come before, during and after the work all get every word and the end."""
    (job,) = await add_jobs(queue, 1)
    readers = [asyncio.create_task(read_events(queue, job.id)) for _ in range(40)]
    lease = await queue.take()
    for n in range(100):
        await lease.report("words", {"chunk": n})
        if n % 2:
            readers.append(asyncio.create_task(read_events(queue, job.id)))
    await lease.complete(RESULT)
    readers += [asyncio.create_task(read_events(queue, job.id)) for _ in range(10)]

    logs = await asyncio.gather(*readers)

    assert len(logs) == 100
    for log in logs:
        assert [event.payload["chunk"] for event in log if event.type == "words"] == [*range(100)]
        assert (log[-1].type, sum(event.terminal for event in log)) == ("completed", 1)


async def test_readers_of_one_job_do_not_see_another(queue: Queue) -> None:
    """Events belong to one job."""
    first, second = await add_jobs(queue, 2)
    one, two = await queue.take(), await queue.take()
    await one.report("words", {"of": 1})
    await two.report("words", {"of": 2})
    await one.complete({"of": 1})
    await two.complete({"of": 2})

    for job, number in ((first, 1), (second, 2)):
        assert [event.payload for event in await read_events(queue, job.id) if event.type == "words"] == [
            {"of": number}
        ]


@pytest.mark.slow
async def test_a_slow_reader_misses_old_progress_only(queue: Queue) -> None:
    """Who reads again after a while gets all words and states, and of the progress the newest."""
    (job,) = await add_jobs(queue, 1)
    lease = await queue.take()
    log = queue.events(job.id)
    assert (await anext(log)).type == "waiting"
    for n in range(300):
        await lease.report("progress", {"progress": n / 10})
        await lease.report("words", {"chunk": n})
    await lease.complete(RESULT)

    rest = [event async for event in log]

    assert [event.payload["chunk"] for event in rest if event.type == "words"] == [*range(300)]
    assert [event.payload["progress"] for event in rest if event.type == "progress"][-1] == 29.9
    assert rest[-1].type == "completed"


async def test_a_new_attempt_reports_afresh(queue: Queue) -> None:
    """The words of an earlier attempt are dropped when a new one begins: no client gets them twice."""
    (job,) = await add_jobs(queue, 1)
    lease = await queue.take()
    await lease.report("words", {"chunk": 0})
    await lease.release()
    lease = await queue.take()
    await lease.report("words", {"chunk": 0})
    await lease.report("words", {"chunk": 1})
    await lease.complete(RESULT)

    events = await read_events(queue, job.id)

    assert [event.payload["chunk"] for event in events if event.type == "words"] == [0, 1]
    assert [event.payload["attempts"] for event in events if event.type == "active"] == [1, 2]


async def test_a_reader_ends_when_its_job_is_deleted(queue: Queue) -> None:
    """A reader that had not come to the end yet when the job is deleted is not left waiting."""
    (job,) = await add_jobs(queue, 1)
    log = queue.events(job.id)
    assert (await anext(log)).type == "waiting"
    await queue.cancel(job.id)
    await queue.delete(job.id)

    assert [event async for event in log] == []


async def test_the_log_survives_a_restart(new_queue: NewQueue) -> None:
    """A client that was cut off by a restart resumes where it was."""
    async with new_queue() as queue:
        (job,) = await add_jobs(queue, 1)
        lease = await queue.take()
        await lease.report("words", {"chunk": 0})
        seen = await next_of(queue, lease, "words")

    async with new_queue() as queue:
        await (await queue.take()).complete(RESULT)
        assert [event.type for event in await read_events(queue, job.id, after=seen.id)] == [
            "waiting",
            "active",
            "completed",
        ]


async def test_waiting_for_the_end_gives_the_job(queue: Queue) -> None:
    """Waiting for a job returns the job as it ended, also when it had ended before."""
    (job,) = await add_jobs(queue, 1)
    waiting = asyncio.create_task(queue.wait_until_finished(job.id))
    ended = await (await queue.take()).fail(ERROR)

    assert ended == await waiting == await queue.wait_until_finished(job.id)


async def test_events_are_kept_as_long_as_their_job(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that comes late gets every word; sweeps take events with the job, and no earlier."""
    (job,) = await add_jobs(queue, 1)
    lease = await queue.take()
    await lease.report("words", {"chunk": 0})
    await lease.report("progress", {"progress": 5})
    await lease.complete(RESULT)
    hour_later = time.time() + 3600
    monkeypatch.setattr(time, "time", lambda: hour_later)
    await queue.sweep(older_than_s=7200)

    types = [event.type for event in await read_events(queue, job.id)]
    assert types == ["waiting", "active", "words", "progress", "completed"]
