"""What the embedded queue promises beyond the contract: one process, no loss, clear errors."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import resource
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from audio_tools.errors import AudioToolsError, ConfigError, DiskFull, QueueUnavailable
from audio_tools.jobs import Event, JobRequest, JobState, LeaseLost, SqliteQueue
from audio_tools.jobs.base import CRASH_LIMIT
from audio_tools.jobs.sqlite import database
from audio_tools.jobs.sqlite.queue import SqliteLease
from audio_tools.jobs.sqlite.transactions import Reading
from tests.jobs.steps import add_jobs, assert_logs_agree, read_events

VICTIM = Path(__file__).with_name("victim.py")

pytestmark = pytest.mark.timeout(120)


@contextlib.contextmanager
def another_program(folder: Path) -> Iterator[sqlite3.Connection]:
    """A connection to the queue's file that is not the queue's."""
    with contextlib.closing(sqlite3.connect(folder / "queue.db", isolation_level=None)) as db:
        yield db


@contextlib.contextmanager
def no_file_longer_than(n_bytes: int) -> Iterator[None]:
    """Writes of this process beyond that length fail."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def crash(folder: Path, copy: Path) -> None:
    """Put the files as a `kill -9` would leave them this moment into a folder of their own."""
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("*.lock", "*-shm"))


# One process


async def test_a_second_queue_on_the_folder_is_refused(tmp_path: Path) -> None:
    """Not even in the same process; the message names the folder, the hint the way out. Closing frees it."""
    async with SqliteQueue(tmp_path):
        with pytest.raises(ConfigError, match=str(tmp_path)) as refused:
            await SqliteQueue(tmp_path).open()
    assert "REDIS_URL" in refused.value.hint
    async with SqliteQueue(tmp_path):
        pass


async def test_a_second_process_is_refused(tmp_path: Path) -> None:
    """The other process gets the number of the one that holds the queue."""
    script = (
        "import asyncio, pathlib, sys; from audio_tools.jobs import SqliteQueue;"
        "asyncio.run(SqliteQueue(pathlib.Path(sys.argv[1])).open())"
    )
    async with SqliteQueue(tmp_path):
        other = await asyncio.create_subprocess_exec(
            sys.executable, "-c", script, str(tmp_path), stderr=asyncio.subprocess.PIPE
        )
        _, stderr = await other.communicate()

    assert other.returncode != 0
    assert (
        f"ConfigError: The queue in {tmp_path} is used by another process ({os.getpid()})" in stderr.decode()
    )


async def test_a_child_process_does_not_keep_the_lock(tmp_path: Path) -> None:
    """A child that outlives the queue, such as FFmpeg, does not lock the next one out."""
    async with SqliteQueue(tmp_path):
        child = subprocess.Popen(
            [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, close_fds=False, cwd=tmp_path
        )
    try:
        async with SqliteQueue(tmp_path):
            pass
    finally:
        child.communicate(b"\n")


async def test_opening_and_closing_leaks_nothing(tmp_path: Path) -> None:
    """No descriptor, thread or file stays behind, after a refused opening neither."""
    descriptors: set[int] = set()
    for _ in range(5):
        queue = SqliteQueue(tmp_path)
        async with queue:
            await add_jobs(queue, 1)
            await queue.counts()
            with pytest.raises(ConfigError):
                await SqliteQueue(tmp_path).open()
        descriptors.add(psutil.Process().num_fds())

        assert sorted(path.name for path in tmp_path.iterdir()) == ["queue.db", "queue.lock", "queue.reserve"]

    assert len(descriptors) == 1
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("queue")]


# Crashes


@pytest.mark.slow
async def test_nothing_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    """
    After `kill -9` at a random moment, again and again on the same file: what the process was told is done
    is done, what was active waits at the head in its order, every log agrees with its job.
    """
    seed = random.randrange(10_000)
    dice = random.Random(seed)
    for _ in range(6):
        steps = await _kill_at_random(tmp_path, dice.randrange(30, 200))
        async with SqliteQueue(tmp_path) as queue:
            jobs = {job.id: job for job in (await queue.list(limit=10_000)).jobs}
            assert steps["added"] <= jobs.keys(), f"seed {seed}"
            assert {jobs[id].state for id in steps["completed"]} <= {JobState.COMPLETED}, f"seed {seed}"
            assert all(jobs[id].finished for id in steps["cancelled"]), f"seed {seed}"
            unfinished = [job for job in jobs.values() if not job.finished]
            assert {JobState.WAITING} >= {job.state for job in unfinished}, f"seed {seed}"
            assert steps["taken"] <= {job.id for job in jobs.values() if job.attempts}, f"seed {seed}"
            await assert_logs_agree(queue)
            taken = [(await queue.take()).job.number for _ in unfinished]
            assert taken == sorted(job.number for job in unfinished), f"seed {seed}"
        with another_program(tmp_path) as db:
            assert db.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def _kill_at_random(folder: Path, n_steps: int) -> dict[str, set[str]]:
    """Let a process use the queue, kill it some time after `n_steps`; gives the ids for each kind of step."""
    victim = await asyncio.create_subprocess_exec(
        sys.executable, str(VICTIM), str(folder), stdout=asyncio.subprocess.PIPE
    )
    assert victim.stdout is not None
    lines = [await victim.stdout.readline() for _ in range(n_steps)]
    victim.kill()
    lines += (await victim.stdout.read()).splitlines(keepends=True)
    await victim.wait()
    steps: dict[str, set[str]] = {"added": set(), "taken": set(), "completed": set(), "cancelled": set()}
    for line in lines:
        if line.endswith(b"\n"):
            step, job_id = line.decode().split()
            steps[step].add(job_id)
    return steps


async def _crash_while_active(folder: Path, copy: Path, progress: float | None = None) -> None:
    async with SqliteQueue(folder) as queue:
        lease = await queue.take()
        if progress is not None:
            await lease.report("progress", {"progress": progress})
        crash(folder, copy)


async def test_a_job_that_kills_its_worker_is_given_up(tmp_path: Path) -> None:
    """After so many crashes in a row the job fails and says so; the jobs behind it get their turn."""
    async with SqliteQueue(tmp_path / "0") as queue:
        first, second = await add_jobs(queue, 2)
    for n in range(CRASH_LIMIT):
        await _crash_while_active(tmp_path / f"{n}", tmp_path / f"{n + 1}")

    async with SqliteQueue(tmp_path / f"{CRASH_LIMIT}") as queue:
        job = await queue.get(first.id)
        assert (job.state, job.attempts) == (JobState.FAILED, CRASH_LIMIT)
        assert job.error and job.error.code == "worker_crashed"
        assert (await read_events(queue, first.id))[-1].type == "failed"
        assert (await queue.take()).job.id == second.id


async def test_a_job_that_gets_on_is_not_given_up(tmp_path: Path) -> None:
    """A crash after new progress starts the count again: many restarts do not fail a long job."""
    async with SqliteQueue(tmp_path / "0") as queue:
        (job,) = await add_jobs(queue, 1)
    crashes = 2 * CRASH_LIMIT
    for n in range(crashes):
        await _crash_while_active(tmp_path / f"{n}", tmp_path / f"{n + 1}", progress=float(n))

    async with SqliteQueue(tmp_path / f"{crashes}") as queue:
        assert (
            (await queue.get(job.id)).state,
            (await queue.get(job.id)).attempts,
        ) == (JobState.WAITING, crashes)


async def test_a_cancel_survives_a_crash(tmp_path: Path) -> None:
    """A job that was cancelled when the process died does not start again."""
    async with SqliteQueue(tmp_path / "a") as queue:
        (job,) = await add_jobs(queue, 1)
        await queue.take()
        await queue.cancel(job.id)
        crash(tmp_path / "a", tmp_path / "b")

    async with SqliteQueue(tmp_path / "b") as queue:
        assert (await queue.get(job.id)).state == JobState.CANCELLED
        assert (await read_events(queue, job.id))[-1].type == "cancelled"


# Inside


async def test_the_store_itself_refuses_a_stale_attempt(tmp_path: Path) -> None:
    """A lease that was not told in time that it is lost changes nothing either."""
    async with SqliteQueue(tmp_path) as queue:
        await add_jobs(queue, 1)
        stale = await queue.take()
        await stale.release()
        lease = await queue.take()

        unaware = SqliteLease(stale.job, queue)
        for call in (unaware.report("progress", {"progress": 9}), unaware.complete({}), unaware.release()):
            with pytest.raises(LeaseLost):
                await call
        assert await queue.get(lease.job.id) == lease.job


async def test_deleted_jobs_leave_no_events(tmp_path: Path) -> None:
    """The log goes with its job, deleted or swept."""
    async with SqliteQueue(tmp_path) as queue:
        for job in await add_jobs(queue, 2):
            await queue.cancel(job.id)
        await queue.delete(job.id)
        await queue.sweep(older_than_s=0)
        with another_program(tmp_path) as db:
            assert db.execute("SELECT count(*) FROM events").fetchone() == (0,)


async def test_a_read_that_began_before_a_change_is_not_shared_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader that comes back after a change sees it, though another still waits for an older read."""
    async with SqliteQueue(tmp_path) as queue:
        (job,) = await add_jobs(queue, 1)
        early, late = queue.events(job.id), queue.events(job.id)
        assert [(await anext(log)).type for log in (early, late)] == ["waiting", "waiting"]
        looked, go_on = threading.Event(), threading.Event()
        read_events_now = Reading.events

        def look_and_dawdle(reading: Reading, job_id: str, after: int) -> tuple[list[Event], bool]:
            found = read_events_now(reading, job_id, after)
            looked.set()
            go_on.wait(10)
            return found

        monkeypatch.setattr(Reading, "events", look_and_dawdle)
        await queue.take()
        readers = [asyncio.create_task(anext(early))]
        assert await asyncio.to_thread(looked.wait, 10)
        await queue.cancel(job.id)
        readers.append(asyncio.create_task(anext(late)))
        await asyncio.sleep(0)
        go_on.set()

        assert [event.type for event in await asyncio.gather(*readers)] == ["active", "active"]
        async with asyncio.timeout(10):
            assert [(await anext(log)).type for log in (early, late)] == ["cancelling", "cancelling"]


async def test_a_write_that_waits_its_turn_is_done_although_its_caller_is_cancelled(tmp_path: Path) -> None:
    """A worker that is cancelled while its last word is behind another write has said it."""
    async with SqliteQueue(tmp_path) as queue:
        (job,) = await add_jobs(queue, 1)
        lease = await queue.take()
        with another_program(tmp_path) as db:
            db.execute("BEGIN IMMEDIATE")
            adding = asyncio.create_task(queue.add(JobRequest({})))
            completing = asyncio.create_task(lease.complete({}))
            await asyncio.sleep(0)  # both have begun; a read may be answered before
            completing.cancel()
            db.execute("ROLLBACK")
        await adding

        assert (await queue.wait_until_finished(job.id)).state == JobState.COMPLETED


# Time


async def test_the_file_shrinks_after_jobs_have_gone(tmp_path: Path) -> None:
    """Sweep by sweep; a file that was made by an earlier version as well."""
    async with SqliteQueue(tmp_path):
        pass
    with contextlib.closing(sqlite3.connect(tmp_path / "queue.db", isolation_level=None)) as db:
        db.execute("PRAGMA journal_mode = DELETE")
        db.execute("PRAGMA auto_vacuum = NONE")
        db.execute("VACUUM")
    async with SqliteQueue(tmp_path) as queue:
        for _ in range(4):
            job = (await queue.add(JobRequest({"name": "x" * 1_000_000}))).job
            await queue.cancel(job.id)
        await queue.sweep(older_than_s=0)
        await queue.sweep(older_than_s=0)
    assert (tmp_path / "queue.db").stat().st_size < 500_000


async def test_the_event_loop_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    """While a write is stuck, reads are answered and the loop runs; then the write goes through."""
    async with SqliteQueue(tmp_path) as queue:
        (job,) = await add_jobs(queue, 1)
        with another_program(tmp_path) as db:
            db.execute("BEGIN IMMEDIATE")
            adding = asyncio.create_task(queue.add(JobRequest({})))
            assert await queue.get(job.id) == job
            assert not adding.done()
            db.execute("ROLLBACK")
            assert (await adding).job.number == 2


# Trouble


async def test_a_file_that_is_locked_for_too_long_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that another program keeps out fails as retryable, and works once it is gone."""
    monkeypatch.setattr(database, "BUSY_TIMEOUT_MS", 20)
    async with SqliteQueue(tmp_path) as queue:
        with another_program(tmp_path) as db:
            db.execute("BEGIN IMMEDIATE")
            with pytest.raises(QueueUnavailable, match="locked") as locked:
                await queue.add(JobRequest({}))
            with pytest.raises(QueueUnavailable):
                await queue.check()
        assert locked.value.retryable
        assert str(tmp_path) in locked.value.hint
        assert (await queue.add(JobRequest({}))).new


async def test_a_stuck_disk_is_reported_in_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The check does not wait for ever for a write that does not come back."""
    monkeypatch.setattr("audio_tools.jobs.sqlite.queue.CHECK_TIMEOUT_S", 0.02)
    async with SqliteQueue(tmp_path) as queue:
        with another_program(tmp_path) as db:
            db.execute("BEGIN IMMEDIATE")
            with pytest.raises(QueueUnavailable, match="not answered"):
                await queue.check()
            db.execute("ROLLBACK")


async def test_a_write_that_fails_half_way_leaves_nothing(tmp_path: Path) -> None:
    """When the file cannot grow the call fails, no part of it stays, and the next one that fits works."""
    async with SqliteQueue(tmp_path) as queue:
        await add_jobs(queue, 1)
        with no_file_longer_than(500_000), pytest.raises(QueueUnavailable, match="disk"):
            await queue.add(JobRequest({"name": "x" * 1_000_000}))

        assert (await queue.add(JobRequest({}))).job.number == 2
        assert (await queue.list()).total == 2
        await assert_logs_agree(queue)


async def test_a_disk_that_takes_nothing_is_reported(tmp_path: Path) -> None:
    """The check fails while not one page can be written, though reading works; then it passes again."""
    async with SqliteQueue(tmp_path) as queue:
        with no_file_longer_than(1):
            assert (await queue.list()).total == 0
            with pytest.raises(QueueUnavailable, match="disk"):
                await queue.check()
        await queue.check()


async def test_closing_works_on_a_disk_that_takes_nothing(tmp_path: Path) -> None:
    """The service can stop; the job that was held is given back when the queue opens again."""
    queue = SqliteQueue(tmp_path)
    async with queue:
        (job,) = await add_jobs(queue, 1)
        lease = await queue.take()
        with no_file_longer_than(1):
            await queue.close()
        assert lease.lost.is_set()

    async with SqliteQueue(tmp_path) as queue:
        assert (await queue.take()).job.id == job.id


def test_a_full_disk_has_its_own_error(tmp_path: Path) -> None:
    """What SQLite says when there is no room becomes DiskFull."""
    with contextlib.closing(sqlite3.connect(tmp_path / "small.db")) as db:
        db.execute("CREATE TABLE t (x)")
        db.execute("PRAGMA max_page_count = 3")
        with (
            pytest.raises(DiskFull, match="full") as full,
            database.map_sqlite_errors(tmp_path / "small.db"),
        ):
            db.execute("INSERT INTO t VALUES (zeroblob(100000))")
    assert "small.db" in full.value.hint


@pytest.mark.parametrize("code", database.FOREIGN_ERRORS)
def test_every_foreign_error_becomes_ours(tmp_path: Path, code: int) -> None:
    """Each condition of disk and file, extended codes too, is an error of audio-tools with a hint."""
    error = sqlite3.OperationalError("what SQLite says")
    error.sqlite_errorcode = code | 0x300

    with (
        pytest.raises(AudioToolsError, match="what SQLite says") as mapped,
        database.map_sqlite_errors(tmp_path),
    ):
        raise error
    assert str(tmp_path) in mapped.value.hint
    assert mapped.value.__cause__ is error


def test_our_own_mistakes_stay_what_they_are(tmp_path: Path) -> None:
    """Wrong SQL is no trouble with the disk."""
    with (
        contextlib.closing(sqlite3.connect(":memory:")) as db,
        pytest.raises(sqlite3.OperationalError, match="syntax"),
        database.map_sqlite_errors(tmp_path),
    ):
        db.execute("SELEC")


async def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    """Opening says so and names the file; the file is unchanged and the lock is free again."""
    file = tmp_path / "queue.db"
    file.write_bytes(b"no database at all " * 100)

    for _ in range(2):
        with pytest.raises(QueueUnavailable, match="not a database") as refused:
            await SqliteQueue(tmp_path).open()
    assert str(file) in refused.value.hint
    assert file.read_bytes() == b"no database at all " * 100


@pytest.mark.parametrize("size", [0, 1])
async def test_an_emptied_file_is_not_taken_for_a_new_one(tmp_path: Path, size: int) -> None:
    """A disk that lost the file's content has lost jobs: opening says so, and changes nothing."""
    await _closed_queue(tmp_path)
    file = tmp_path / "queue.db"
    file.write_bytes(bytes(size))

    for _ in range(2):
        with pytest.raises(ConfigError, match="the jobs that it held are lost") as refused:
            await SqliteQueue(tmp_path).open()
    assert "backup" in refused.value.hint
    assert file.stat().st_size == size


@pytest.mark.parametrize("is_missing", [True, False])
async def test_changes_of_a_lost_file_are_not_deleted(tmp_path: Path, is_missing: bool) -> None:
    """SQLite would delete the log of a file that is missing or empty, and with it the newest jobs."""
    await _closed_queue(tmp_path)
    file, wal = tmp_path / "queue.db", tmp_path / "queue.db-wal"
    file.unlink() if is_missing else file.write_bytes(b"")
    wal.write_bytes(b"changes")

    with pytest.raises(ConfigError, match="holds changes of its jobs") as refused:
        await SqliteQueue(tmp_path).open()
    assert "queue.db-wal" in refused.value.hint
    assert wal.read_bytes() == b"changes"


async def test_a_missing_file_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It may have been moved away on purpose, so the service starts, and its log says what is missing."""
    await _closed_queue(tmp_path)
    (tmp_path / "queue.db").unlink()
    await _closed_queue(tmp_path)

    assert "queue file missing" in caplog.text


async def test_a_damaged_file_leaves_the_reserve(tmp_path: Path) -> None:
    """The reserve is for a full disk, which is not what is wrong."""
    await _closed_queue(tmp_path)
    (tmp_path / "queue.db").write_bytes(bytes(8192))

    with pytest.raises(QueueUnavailable, match="not a database"):
        await SqliteQueue(tmp_path).open()
    assert (tmp_path / "queue.reserve").exists()


async def _closed_queue(folder: Path) -> None:
    async with SqliteQueue(folder):
        pass


async def test_a_file_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    """A version that is not known yet is refused, not guessed at."""
    async with SqliteQueue(tmp_path):
        pass
    with another_program(tmp_path) as db:
        db.execute("PRAGMA user_version = 1000")

    with pytest.raises(ConfigError, match="newer version"):
        await SqliteQueue(tmp_path).open()


async def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """A file where the folder should be: the error names DATA_DIR."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="file") as refused:
        await SqliteQueue(tmp_path / "file").open()
    assert "DATA_DIR" in refused.value.hint


async def test_an_old_sqlite_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python whose SQLite lacks what the queue needs gets a sentence, not a syntax error."""
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 34, 1))

    with pytest.raises(ConfigError, match=r"3\.37"):
        await SqliteQueue(tmp_path).open()
