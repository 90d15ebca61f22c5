"""
The contract of a queue: it keeps jobs, hands each to one worker at a time, and logs what happens to it.

    server                          queue                         worker
      add ─────────────────────────▶ waiting ────────── take ─────▶ Lease
      events ◀── log of the job ──── active  ◀───────── report ─────┤
      cancel ──────────────────────▶         ── lease.cancelled ───▶│
      get ◀───────────────────────── completed ◀─────── complete ───┘

Every change of state and its event are stored together or not at all. A method that has returned is
durable; one whose caller is cancelled may still take effect, whole.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Collection
from types import TracebackType
from typing import NamedTuple, Self
from uuid import uuid4

from audio_tools.jobs.job import PROGRESS, STATE_EVENTS, TERMINAL, UNFINISHED, Event, Job, JobState
from audio_tools.transcript import Json

JOBS_PER_STEP = 200
"""How many jobs of a long list are read at once."""
CRASH_LIMIT = 25
"""A job is given up once its worker has died on it this often in a row with no progress in between."""

WORKER_CRASHED: Json = {
    "code": "worker_crashed",
    "message": f"the worker died {CRASH_LIMIT} times in a row on this job",
    "status": 500,
    "hint": "The file or its options crash the worker, or memory runs out. See the log of the service.",
    "restartable": True,
}
"""The `error` of such a job."""


class LeaseLost(Exception):
    """The job is no longer this worker's: stop working on it, nothing it writes counts any more."""


class Added(NamedTuple):
    """What `add` gives: the job, and whether this call made it."""

    job: Job
    new: bool


class JobPage(NamedTuple):
    """A stretch of the list of jobs, and how many there are in all."""

    jobs: tuple[Job, ...]
    total: int


class Lease(ABC):
    """
    One worker's hold on one job for one attempt; `take` gives it.

    `cancelled` is set when somebody cancels the job: stop, then `acknowledge_cancel`. `lost` is set when
    the job is no longer held: it has ended, was released, or was taken away. From then on every method
    raises LeaseLost and changes nothing, so that a worker that slept too long cannot spoil the work of
    its successor. Once a cancel is stored it wins: whatever the worker says, the job ends cancelled.

    Each method raises QueueUnavailable or DiskFull if it could not be stored; it may be called again.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.cancelled = asyncio.Event()
        self.lost = asyncio.Event()
        self._progress = job.progress

    @property
    def attempt(self) -> int:
        """Counts from 1 over the life of the job; the number that fences this lease."""
        return self.job.attempts

    async def report(self, type: str, payload: Json) -> None:
        """
        Log an event of the running job; readers see it once this returns.

        A `progress` event replaces the one before it and is copied to the job. Its `progress` is brought
        into 0..100 and never falls below an earlier one, of an earlier attempt either. Reports of earlier
        attempts are dropped when a new one begins. A report may be lost with the power, not with the process.

        Raises:
            LeaseLost: the job is not held any more.
            ValueError: `type` is the queue's own, or `payload` is not JSON.
        """
        if type in STATE_EVENTS:
            raise ValueError(f"the queue itself stores {type} events")
        self._require_held()
        if type == PROGRESS:
            self._progress = min(100.0, max(self._progress, float(payload["progress"])))
            payload = payload | {"progress": self._progress}
        await self._report(type, payload)

    async def complete(self, result: Json) -> Job:
        """End the job well. `result` says where the transcript is and sums it up in a few bytes."""
        self._require_held()
        return await self._finish(JobState.COMPLETED, result=result)

    async def fail(self, error: Json) -> Job:
        """End the job for good with `error`: `code`, `message`, `status` and what else it knows."""
        self._require_held()
        return await self._finish(JobState.FAILED, error=error)

    async def acknowledge_cancel(self) -> Job:
        """Say that the work has stopped and left nothing behind: the job is now cancelled."""
        self._require_held()
        return await self._finish(JobState.CANCELLED)

    async def release(self) -> Job:
        """Give the job back unfinished, to its old place at the head of the queue; no crash is counted."""
        self._require_held()
        return await self._release()

    def _require_held(self) -> None:
        # The backend checks again where it stores; here a queue that is closed cannot answer any more.
        if self.lost.is_set():
            raise LeaseLost(f"job {self.job.id} is no longer held by attempt {self.attempt}")

    @abstractmethod
    async def _release(self) -> Job: ...

    @abstractmethod
    async def _report(self, type: str, payload: Json) -> None: ...

    @abstractmethod
    async def _finish(
        self, state: JobState, *, result: Json | None = None, error: Json | None = None
    ) -> Job: ...


class Queue(ABC):
    """
    Keeps jobs. Any number of tasks may use one instance at once; none of its methods blocks the event loop.

    Every method raises QueueUnavailable if the backend cannot be used or is closed, and DiskFull if there
    is no room; with JobNotFound where an id is unknown.
    """

    @abstractmethod
    async def open(self) -> None:
        """
        Get ready, and give jobs whose worker has died back to their place in the queue.

        Raises:
            ConfigError: the settings do not allow it; the message names what to change.
        """

    @abstractmethod
    async def close(self) -> None:
        """Release what is still held, wake and refuse whoever still waits, let go; safe to call twice."""

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def add(
        self, data: Json, *, job_id: str | None = None, idempotency_key: str | None = None
    ) -> Added:
        """
        Put a job at the end of the queue, once per `job_id` and once per `idempotency_key`.

        A repeat gives the job that is there, as it is now, and leaves its data alone. `job_id` is a UUID as
        text; by default a new one.
        """
        return await self._add(job_id or str(uuid4()), data, idempotency_key)

    @abstractmethod
    async def _add(self, job_id: str, data: Json, idempotency_key: str | None) -> Added: ...

    @abstractmethod
    async def get(self, job_id: str) -> Job:
        """Current status of the job."""

    @abstractmethod
    async def find(self, idempotency_key: str) -> Job | None:
        """The job that was added with this key, None if there is none: asked before an upload is read."""

    async def list(
        self, states: Collection[JobState] | None = None, *, limit: int = 100, offset: int = 0
    ) -> JobPage:
        """
        Jobs in these states (None: any): `limit` of them after the first `offset`.

        Unfinished jobs come first, then those that have ended; the newest first in both. A long list is read
        in steps, so that other calls are not held up: a job that ends meanwhile is still listed once.
        """
        wanted = frozenset(JobState if states is None else states)
        jobs: dict[str, Job] = {}
        total, skip = 0, offset
        for group in (wanted & UNFINISHED, wanted & TERMINAL):
            if group:
                count = await self._list_group(group, jobs, limit, skip)
                total, skip = total + count, max(skip - count, 0)
        return JobPage(tuple(jobs.values()), total)

    async def _list_group(
        self, states: Collection[JobState], jobs: dict[str, Job], limit: int, skip: int
    ) -> int:
        """Add the newest jobs in these states to `jobs`, up to `limit`; how many there are in all."""
        room = min(limit - len(jobs), JOBS_PER_STEP)
        found, count = await self._newest(states, before=None, skip=skip, limit=room)
        while found:
            jobs |= {job.id: job for job in found if job.id not in jobs}
            if len(found) < room or len(jobs) >= limit:
                break
            room = min(limit - len(jobs), JOBS_PER_STEP)
            found, _ = await self._newest(states, before=found[-1].number, skip=0, limit=room)
        return count

    @abstractmethod
    async def _newest(
        self, states: Collection[JobState], *, before: int | None, skip: int, limit: int
    ) -> JobPage:
        """Jobs in these states with a number below `before`, highest first; the total counts all of them."""

    @abstractmethod
    async def counts(self) -> dict[JobState, int]:
        """How many jobs there are in each state, also where there are none."""

    @abstractmethod
    async def take(self) -> Lease:
        """
        Wait for the oldest waiting job and hold it.

        A cancelled call holds nothing: a job that was taken for it just then goes back to its place.
        """

    @abstractmethod
    async def cancel(self, job_id: str) -> Job:
        """
        Cancel a job; twice is fine, and one that has ended stays as it is.

        A waiting or delayed job is cancelled at once. For an active one the wish is stored, so that it
        survives a restart, and its worker is told: `cancel_requested` is set, the state follows.
        """

    @abstractmethod
    async def restart(self, job_id: str) -> Job:
        """
        Put a failed job back to its place in the queue, as if it were new; an unfinished one stays as it is.

        Its progress begins at 0 again, and the events of its earlier life are dropped: the last of them
        would end every client's stream.

        Raises:
            JobNotRestartable: it is completed or cancelled, or its error says that it would fail again.
        """

    @abstractmethod
    async def delete(self, job_id: str) -> Job:
        """
        Forget a job that has ended, and its events. Returns what it was, so that its files can go too.

        Raises:
            JobNotFinished: it has not ended; cancel it first.
        """

    @abstractmethod
    def events(self, job_id: str, after: str | None = None) -> AsyncGenerator[Event, None]:
        """
        The job's log: what is kept of it, then what comes, up to and with the terminal event.

        After `after`, the id of an event; one that is not known replays all that is kept. Ends at once when
        nothing can come any more, also when the job is deleted meanwhile. Progress events are replaced by
        newer ones, so a late or slow reader gets the newest; every other event comes once and in order, as
        long as the job is kept. A slow reader costs nothing: events wait in the store, not in memory.
        """

    async def wait_until_finished(self, job_id: str) -> Job:
        """Wait until the job has ended, and give it as it is then."""
        async for _ in self.events(job_id):
            pass
        return await self.get(job_id)

    @abstractmethod
    async def sweep(self, older_than_s: float) -> tuple[Job, ...]:
        """
        Forget the jobs that ended at least `older_than_s` ago. Returns them, so that their files can go too.

        To be called once a minute or so.
        """

    @abstractmethod
    async def check(self) -> str:
        """
        See whether jobs can be stored and read, within seconds; says where they are kept.

        Raises:
            QueueUnavailable: they cannot; the message says why.
        """
