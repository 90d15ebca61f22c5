"""
The contract of a queue: it stores jobs, leases each to one worker at a time, and logs its events.

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

from audio_tools.jobs.failure import JobFailure
from audio_tools.jobs.job import PROGRESS, STATE_EVENTS, TERMINAL, UNFINISHED, Event, Job, JobState
from audio_tools.jobs.request import JobRequest
from audio_tools.transcript import Json

JOBS_PER_STEP = 200
"""Number of jobs read at once from a long list."""
EVENTS_PER_READ = 64
"""Number of events read at once: a `words` event may contain thousands of words."""
CRASH_LIMIT = 25
"""A job fails after this many consecutive worker crashes without progress."""

WORKER_CRASHED = JobFailure(
    {
        "code": "worker_crashed",
        "message": f"the worker died {CRASH_LIMIT} times in a row on this job",
        "status": 500,
        "hint": "The file or its options crash the worker, or memory runs out. See the log of the service.",
        "restartable": True,
    }
)
"""The `error` of such a job."""


class LeaseLost(Exception):
    """The worker no longer holds the job: stop working on it; its writes are ignored."""


class Added(NamedTuple):
    """The result of `add`: the job, and whether this call created it."""

    job: Job
    new: bool


class JobPage(NamedTuple):
    """A page of the list of jobs, and the total number."""

    jobs: tuple[Job, ...]
    total: int


class Lease(ABC):
    """
    One worker's lease of one job for one attempt, returned by `take`.

    `cancelled` is set when the job is cancelled: stop, then call `acknowledge_cancel`. `lost` is set when
    the lease ends: the job has finished, was released, or was given to another worker. From then on every
    method raises LeaseLost and changes nothing, so that a suspended worker cannot interfere with its
    successor. A stored cancellation takes precedence: the job ends as cancelled whatever the worker reports.

    Each method raises QueueUnavailable or DiskFull if it could not be stored; it may be called again.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.cancelled = asyncio.Event()
        self.lost = asyncio.Event()
        self._progress = job.progress

    @property
    def attempt(self) -> int:
        """Number of the attempt, from 1; the fencing token of this lease."""
        return self.job.attempts

    async def report(self, type: str, payload: Json) -> None:
        """
        Log an event of the running job; readers see it once this returns.

        A `progress` event replaces the one before it and is copied to the job. Its `progress` is brought
        into 0..100 and never falls below an earlier one, including earlier attempts. Reports of earlier
        attempts are dropped when a new one starts. A report survives a crash of the process, but not
        necessarily a power failure.

        Raises:
            LeaseLost: the job is no longer held.
            ValueError: `type` is reserved for the queue, or `payload` is not JSON.
        """
        if type in STATE_EVENTS:
            raise ValueError(f"the queue itself stores {type} events")
        self._require_held()
        if type == PROGRESS:
            self._progress = min(100.0, max(self._progress, float(payload["progress"])))
            payload = payload | {"progress": self._progress}
        await self._report(type, payload)

    async def complete(self, result: Json) -> Job:
        """Complete the job. `result` is a short summary of the transcript."""
        self._require_held()
        return await self._finish(JobState.COMPLETED, result=result)

    async def fail(self, error: JobFailure) -> Job:
        """Fail the job with `error`."""
        self._require_held()
        return await self._finish(JobState.FAILED, error=error)

    async def acknowledge_cancel(self) -> Job:
        """Confirm that the work has stopped and been cleaned up: the job is now cancelled."""
        self._require_held()
        return await self._finish(JobState.CANCELLED)

    async def release(self) -> Job:
        """Requeue the unfinished job at its old place at the head of the queue; does not count as a crash."""
        self._require_held()
        return await self._release()

    def _require_held(self) -> None:
        # The backend checks again when it stores; a closed queue can no longer answer.
        if self.lost.is_set():
            raise LeaseLost(f"job {self.job.id} is no longer held by attempt {self.attempt}")

    @abstractmethod
    async def _release(self) -> Job: ...

    @abstractmethod
    async def _report(self, type: str, payload: Json) -> None: ...

    @abstractmethod
    async def _finish(
        self, state: JobState, *, result: Json | None = None, error: JobFailure | None = None
    ) -> Job: ...


class Queue(ABC):
    """
    A job queue. Any number of tasks may share one instance; none of its methods blocks the event loop.

    Every method raises QueueUnavailable if the backend is unavailable or closed, DiskFull if the disk is
    full, and JobNotFound for an unknown id.
    """

    @abstractmethod
    async def open(self) -> None:
        """
        Open the queue, and requeue jobs whose worker has died.

        Raises:
            ConfigError: a setting is wrong; the message names it.
        """

    @abstractmethod
    async def close(self) -> None:
        """Release held jobs, end waiting calls with an error, and close. Safe to call twice."""

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def add(
        self, request: JobRequest, *, job_id: str | None = None, idempotency_key: str | None = None
    ) -> Added:
        """
        Append a job to the queue, once per `job_id` and once per `idempotency_key`.

        A repeated call returns the existing job unchanged. `job_id` is a UUID as
        text; by default a new one.
        """
        return await self._add(job_id or str(uuid4()), request, idempotency_key)

    @abstractmethod
    async def _add(self, job_id: str, request: JobRequest, idempotency_key: str | None) -> Added: ...

    @abstractmethod
    async def get(self, job_id: str) -> Job:
        """Current status of the job."""

    @abstractmethod
    async def find(self, idempotency_key: str) -> Job | None:
        """Return the job with this idempotency key, or None. Called before an upload is read."""

    async def list(
        self, states: Collection[JobState] | None = None, *, limit: int = 100, offset: int = 0
    ) -> JobPage:
        """
        List jobs in these states (None: any): `limit` jobs after the first `offset`.

        Unfinished jobs come first, then finished ones, each with the newest first. A long list is read
        in steps so that other calls are not delayed; a job that finishes meanwhile is still listed once.
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
        """Append the newest jobs in these states to `jobs`, up to `limit`, and return their total number."""
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
        """Return jobs in these states with a number below `before`, highest first, and their total number."""

    @abstractmethod
    async def counts(self) -> dict[JobState, int]:
        """Return the number of jobs in each state, including zeros."""

    @abstractmethod
    async def take(self) -> Lease:
        """
        Wait for the oldest waiting job and lease it.

        A cancelled call holds no lease: a job that was just taken for it is requeued.
        """

    @abstractmethod
    async def cancel(self, job_id: str) -> Job:
        """
        Cancel a job. Idempotent; a finished job is left unchanged.

        A waiting or delayed job is cancelled at once. For an active job, `cancel_requested` is stored, which
        survives a restart, and its worker is notified; the state changes once the worker has stopped.
        """

    @abstractmethod
    async def restart(self, job_id: str) -> Job:
        """
        Requeue a failed job at its place, as if it were new; an unfinished job is left unchanged.

        Its progress is reset to 0, and its earlier events are dropped, since the last of them would end
        every client's stream.

        Raises:
            JobNotRestartable: it is completed or cancelled, or its error is permanent.
        """

    @abstractmethod
    async def forgo_restart(self, job_id: str) -> bool:
        """
        Store that a failed job can no longer be restarted, since its upload is about to be removed.

        Returns:
            False, without a change, if it could not be restarted anyway, or has been restarted meanwhile.
        """

    @abstractmethod
    async def delete(self, job_id: str) -> Job:
        """
        Delete a finished job and its events. Returns the job, so that its files can be removed as well.

        Raises:
            JobNotFinished: the job has not finished; cancel it first.
        """

    @abstractmethod
    def events(
        self, job_id: str, after: str | None = None, *, follow: bool = True
    ) -> AsyncGenerator[Event, None]:
        """
        Iterate over the job's event log: stored events, then, if `follow`, new ones up to and including the
        terminal event.

        After `after`, the id of an event; one that is not known replays all that is kept. Ends at once when
        no more events can follow, also if the job is deleted meanwhile. Progress events are replaced by newer
        ones, so a late or slow reader gets the newest; every other event comes once and in order, as long as
        the job is kept. Slow readers do not use memory: events wait in the store.
        """

    async def wait_until_finished(self, job_id: str) -> Job:
        """Wait until the job has finished, and return it."""
        async for _ in self.events(job_id):
            pass
        return await self.get(job_id)

    @abstractmethod
    async def sweep(self, older_than_s: float) -> tuple[Job, ...]:
        """
        Delete jobs that finished at least `older_than_s` ago. Returns them, so that their files can be
        removed.

        To be called once a minute or so.
        """

    @abstractmethod
    async def check(self) -> str:
        """
        Check within seconds that jobs can be stored and read, and return where they are stored.

        Raises:
            QueueUnavailable: the check failed; the message gives the reason.
        """
