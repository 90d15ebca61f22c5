"""
What a transaction of the embedded queue reads and changes: the states of jobs and their events, in SQL.

Synchronous code, run by `queue.py` in its threads.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Collection
from typing import Any

from audio_tools.errors import (
    JobNotFinished,
    JobNotFound,
    JobNotRestartable,
)
from audio_tools.jobs.base import (
    CRASH_LIMIT,
    EVENTS_PER_READ,
    WORKER_CRASHED,
    Added,
    JobPage,
    LeaseLost,
)
from audio_tools.jobs.failure import JobFailure
from audio_tools.jobs.job import CANCELLING, PROGRESS, STATE_EVENTS, TERMINAL, Event, Job, JobState
from audio_tools.jobs.request import JobRequest
from audio_tools.jobs.sqlite.database import MIGRATIONS
from audio_tools.transcript import Json

MOST_JOBS = 1 << 62  # above every number
PAGES_PER_SHRINK = 2000  # 8 MB, so that nothing waits long
JOBS_PER_SWEEP = 100  # per transaction, so that a large sweep does not block other calls for long

_TERMINAL = ", ".join(f"'{state}'" for state in sorted(TERMINAL))
_STATE_EVENTS = ", ".join(f"'{type}'" for type in sorted(STATE_EVENTS))

GET = "SELECT * FROM jobs WHERE id = :id"
FIND = "SELECT * FROM jobs WHERE idempotency_key = :key"
NEWEST = """SELECT * FROM jobs WHERE state IN (SELECT value FROM json_each(:states)) AND number < :before
    ORDER BY number DESC LIMIT :limit OFFSET :skip"""
COUNT = "SELECT state, count(*) FROM jobs GROUP BY state"
LEFT_ACTIVE = "SELECT * FROM jobs WHERE state = 'active' ORDER BY number"
# Fencing: matches only the attempt that holds the job, and only before its end.
HELD = "SELECT * FROM jobs WHERE number = :number AND state = 'active' AND attempts = :attempts"

# Runs before ADD, since ON CONFLICT DO NOTHING there would use up a number.
FIND_ADDED = "SELECT * FROM jobs WHERE idempotency_key = :key OR id = :id ORDER BY id = :id LIMIT 1"
ADD = """INSERT INTO jobs (id, idempotency_key, state, data, created_at)
    VALUES (:id, :key, 'waiting', :data, :now) RETURNING *"""
# FIFO; a requeued job keeps its number and thereby its place.
CLAIM = """UPDATE jobs SET state = 'active', attempts = attempts + 1, started_at = :now
    WHERE number = (SELECT number FROM jobs WHERE state = 'waiting' ORDER BY number LIMIT 1) RETURNING *"""
RELEASE = "UPDATE jobs SET state = 'waiting' WHERE number = :number RETURNING *"
RESTART = """UPDATE jobs SET state = 'waiting', progress = 0, report = '{}', error = NULL, crashes = 0,
    started_at = NULL, finished_at = NULL WHERE number = :number RETURNING *"""
SET_ERROR = "UPDATE jobs SET error = :error WHERE number = :number"
DROP_EVENTS = "DELETE FROM events WHERE job = :number"
REQUEST_CANCEL = "UPDATE jobs SET cancel_requested = 1 WHERE number = :number RETURNING *"
SET_PROGRESS = """UPDATE jobs SET crashes = iif(:progress > progress, 0, crashes), progress = :progress,
    report = :report WHERE number = :number"""
COUNT_CRASH = "UPDATE jobs SET crashes = crashes + 1 WHERE number = :number RETURNING crashes"
END = """UPDATE jobs SET state = :state, progress = :progress, result = :result, error = :error,
    finished_at = :now WHERE number = :number RETURNING *"""
DELETE = "DELETE FROM jobs WHERE number = :number"
SWEEP = f"""DELETE FROM jobs WHERE number IN (SELECT number FROM jobs WHERE state IN ({_TERMINAL})
    AND finished_at <= :now - :older_than_s ORDER BY number LIMIT {JOBS_PER_SWEEP}) RETURNING *"""

# A newer progress event replaces the older one: the index newest_progress allows only one per job.
STORE_EVENT = """INSERT OR REPLACE INTO events (job, type, timestamp, payload)
    VALUES (:number, :type, :now, :payload)"""
DROP_REPORTS = f"DELETE FROM events WHERE job = :number AND type NOT IN ({_STATE_EVENTS})"
# An unknown `after` is from an earlier file: replay everything.
READ_EVENTS = f"""SELECT id, type, timestamp, payload FROM events
    WHERE job = (SELECT number FROM jobs WHERE id = :id)
    AND id > iif(:after > (SELECT seq FROM sqlite_sequence WHERE name = 'events'), 0, :after)
    ORDER BY id LIMIT {EVENTS_PER_READ}"""


class Reading:
    """Operations of a read transaction, which sees a consistent snapshot."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def rows(self, statement: str, **values: object) -> list[sqlite3.Row]:
        """Run one statement; `:now` is the time in epoch seconds."""
        return self._db.execute(statement, values | {"now": time.time()}).fetchall()

    def job(self, job_id: str) -> Job:
        """The job, or JobNotFound."""
        rows = self.rows(GET, id=job_id)
        if not rows:
            raise JobNotFound(job_id)
        return _job(rows[0])

    def find(self, idempotency_key: str) -> Job | None:
        """The job that was added with this key."""
        rows = self.rows(FIND, key=idempotency_key)
        return _job(rows[0]) if rows else None

    def newest(self, states: Collection[JobState], before: int | None, skip: int, limit: int) -> JobPage:
        """Jobs in these states with a number below `before`, highest first."""
        end = MOST_JOBS if before is None else before
        rows = self.rows(NEWEST, states=json.dumps(list(states)), before=end, limit=limit, skip=skip)
        counts = self.counts()
        return JobPage(tuple(map(_job, rows)), sum(counts[state] for state in set(states)))

    def counts(self) -> dict[JobState, int]:
        """How many jobs there are in each state."""
        found = {JobState(state): count for state, count in self.rows(COUNT)}
        return {state: found.get(state, 0) for state in JobState}

    def events(self, job_id: str, after: int) -> tuple[list[Event], bool]:
        """Return the next events after `after`, and whether more may follow."""
        rows = self.rows(READ_EVENTS, id=job_id, after=after)
        unfinished = any(job["state"] not in TERMINAL for job in self.rows(GET, id=job_id))
        return [_event(row) for row in rows], unfinished or len(rows) == EVENTS_PER_READ


Changes = list[tuple[Job, str]]
"""Jobs and the types of their stored events, oldest first."""


class Writing(Reading):
    """Operations of a write transaction; announce `changes` after the commit."""

    def __init__(self, db: sqlite3.Connection) -> None:
        super().__init__(db)
        self.changes: Changes = []

    def add(self, job_id: str, request: JobRequest, idempotency_key: str | None) -> Added:
        """Add a job, or return the one with this key or id."""
        found = self.rows(FIND_ADDED, id=job_id, key=idempotency_key)
        if found:
            return Added(_job(found[0]), new=False)
        job = _job(self.rows(ADD, id=job_id, key=idempotency_key, data=_dump(request.stored))[0])
        self._store_event(job, JobState.WAITING, {})
        return Added(job, new=True)

    def claim(self) -> Job | None:
        """Make the oldest waiting job active, and drop the reports of earlier attempts."""
        rows = self.rows(CLAIM)
        if not rows:
            return None
        job = _job(rows[0])
        self.rows(DROP_REPORTS, number=job.number)
        self._store_event(job, JobState.ACTIVE, {"attempts": job.attempts})
        return job

    def report(self, lease: Job, type: str, payload: Json) -> None:
        """Store a report of the worker, and copy its progress to the job."""
        job = self._held(lease)
        if type == PROGRESS:
            self.rows(SET_PROGRESS, number=job.number, progress=payload["progress"], report=_dump(payload))
        self._store_event(job, type, payload)

    def finish(self, lease: Job, state: JobState, result: Json | None, error: JobFailure | None) -> Job:
        """Finish a held job."""
        return self._end(self._held(lease), state, result, error)

    def release(self, lease: Job) -> Job:
        """Requeue a held job at its place, or finish it if it was cancelled."""
        return self._give_back(self._held(lease))

    def release_all(self) -> None:
        """Requeue every active job."""
        for row in self.rows(LEFT_ACTIVE):
            self._give_back(_job(row))

    def recover(self) -> None:
        """Requeue every job whose process died, but fail those that crashed it CRASH_LIMIT times."""
        for row in self.rows(LEFT_ACTIVE):
            job = _job(row)
            crashes = self.rows(COUNT_CRASH, number=job.number)[0]["crashes"]
            if crashes >= CRASH_LIMIT:
                self._end(job, JobState.FAILED, error=WORKER_CRASHED)
            else:
                self._give_back(job)

    def cancel(self, job_id: str) -> Job:
        """Cancel a job that is not held, or store the cancellation request."""
        job = self.job(job_id)
        if job.finished or job.cancel_requested:
            return job
        if job.state is not JobState.ACTIVE:
            return self._end(job, JobState.CANCELLED)
        job = _job(self.rows(REQUEST_CANCEL, number=job.number)[0])
        self._store_event(job, CANCELLING, {})
        return job

    def restart(self, job_id: str) -> Job:
        """Requeue a failed job at its place."""
        job = self.job(job_id)
        if not job.finished:
            return job
        if not job.restartable:
            raise JobNotRestartable(job_id, job.state, upload_removed=job.upload_removed)
        self.rows(DROP_EVENTS, number=job.number)
        job = _job(self.rows(RESTART, number=job.number)[0])
        self._store_event(job, JobState.WAITING, {})
        return job

    def forgo_restart(self, job_id: str) -> bool:
        """Store that the upload of a failed job is removed; False if it cannot be restarted anyway."""
        job = self.job(job_id)
        if job.restartable and job.error is not None:
            self.rows(SET_ERROR, number=job.number, error=_dump(job.error.without_upload().stored))
        return job.restartable

    def delete(self, job_id: str) -> Job:
        """Delete a finished job."""
        job = self.job(job_id)
        if not job.finished:
            raise JobNotFinished(job_id, job.state)
        self.rows(DELETE, number=job.number)
        return job

    def sweep(self, older_than_s: float) -> tuple[Job, ...]:
        """Delete a batch of jobs that finished long ago; empty if there are no more."""
        return tuple(map(_job, self.rows(SWEEP, older_than_s=older_than_s)))

    def shrink(self) -> None:
        """Give some of the pages that hold nothing back to the disk."""
        (free_pages,) = self.rows("PRAGMA freelist_count")[0]
        for _ in range(min(free_pages, PAGES_PER_SHRINK)):
            # Python takes one step of a statement without columns: one page, whatever number is given.
            self.rows("PRAGMA incremental_vacuum(1)")

    def touch(self) -> None:
        """Write a page without a change, to check that jobs can be stored."""
        self.rows(f"PRAGMA user_version = {len(MIGRATIONS)}")

    def _held(self, lease: Job) -> Job:
        rows = self.rows(HELD, number=lease.number, attempts=lease.attempts)
        if not rows:
            raise LeaseLost(f"job {lease.id} is no longer held by attempt {lease.attempts}")
        return _job(rows[0])

    def _give_back(self, job: Job) -> Job:
        if job.cancel_requested:
            return self._end(job, JobState.CANCELLED)
        job = _job(self.rows(RELEASE, number=job.number)[0])
        self._store_event(job, JobState.WAITING, {})
        return job

    def _end(
        self, job: Job, state: JobState, result: Json | None = None, error: JobFailure | None = None
    ) -> Job:
        if job.cancel_requested:  # the client was told that the job will be cancelled
            state, result, error = JobState.CANCELLED, None, None
        progress = 100.0 if state is JobState.COMPLETED else job.progress
        outcome = {"result": result, "error": error.stored if error else None}
        texts = {name: None if value is None else _dump(value) for name, value in outcome.items()}
        job = _job(self.rows(END, number=job.number, state=state, progress=progress, **texts)[0])
        self._store_event(job, state, {name: value for name, value in outcome.items() if value is not None})
        return job

    def _store_event(self, job: Job, type: str, payload: Json) -> None:
        self.rows(STORE_EVENT, number=job.number, type=type, payload=_dump(payload))
        self.changes.append((job, type))


def _job(row: sqlite3.Row) -> Job:
    return Job(
        number=row["number"],
        id=row["id"],
        state=JobState(row["state"]),
        request=JobRequest(json.loads(row["data"])),
        created_at=row["created_at"],
        progress=row["progress"],
        report=json.loads(row["report"]),
        result=_load(row["result"]),
        error=None if row["error"] is None else JobFailure(json.loads(row["error"])),
        attempts=row["attempts"],
        cancel_requested=bool(row["cancel_requested"]),
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        idempotency_key=row["idempotency_key"],
    )


def _event(row: sqlite3.Row) -> Event:
    return Event(str(row["id"]), row["type"], row["timestamp"], json.loads(row["payload"]))


def _load(text: str | None) -> Any:
    return None if text is None else json.loads(text)


def _dump(value: Json) -> str:
    # NaN is not JSON and would break clients; ASCII preserves non-UTF-8 file names.
    return json.dumps(value, allow_nan=False, separators=(",", ":"))
