"""
The worker side of the Redis queue: fetch jobs from BullMQ, renew their locks, requeue stalled ones.

BullMQ assigns jobs: it moves a job to `active` and locks it with a token. The job's record decides which
attempt may report and finish: the last one that started (`lua/begin.lua`). An attempt therefore survives
a Redis outage longer than its lock, as long as no other attempt has started.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TypeVar
from uuid import uuid4

import bullmq

from audio_tools.errors import AudioToolsError, QueueUnavailable
from audio_tools.jobs.base import Lease, LeaseLost
from audio_tools.jobs.bullmq.connection import CALL_TIMEOUT_S, RedisAddress, map_redis_errors, stop
from audio_tools.jobs.bullmq.process_lock import ProcessLock
from audio_tools.jobs.bullmq.records import Begun, FencingToken, Records
from audio_tools.jobs.failure import JobFailure
from audio_tools.jobs.job import PROGRESS, Job, JobState
from audio_tools.jobs.outage_log import OutageLog
from audio_tools.transcript import Json

RETRY_S = 1.0  # between two connection attempts
POLL_S = 2  # polling interval of an idle worker that was not notified
STALLS = 1000  # disables BullMQ's own limit; CRASH_LIMIT counts crashes without progress
KEEP: Json = {"age": 7 * 86_400, "count": 1000}
"""Retention of finished BullMQ jobs, for bull-board, if the producer did not set it."""

T = TypeVar("T")

log = logging.getLogger(__name__)


class BullLease(Lease):
    """The lease on a job in Redis; its token is stored in the job's record and in BullMQ's lock."""

    def __init__(self, job: Job, bull_job: Any, fence: FencingToken, consumer: Consumer) -> None:
        super().__init__(job)
        self.bull_job = bull_job
        self.fence = fence
        self._consumer = consumer
        self._reporting = asyncio.Lock()
        self._number = 0
        self._unconfirmed: tuple[str, Json] | None = None

    async def _release(self) -> Job:
        return await asyncio.shield(self._consumer.run(self._consumer.release(self)))

    async def _report(self, type: str, payload: Json) -> None:
        await asyncio.shield(self._consumer.run(self._send_report(type, payload)))

    async def _finish(
        self, state: JobState, *, result: Json | None = None, error: JobFailure | None = None
    ) -> Job:
        return await asyncio.shield(self._consumer.run(self._consumer.finish(self, state, result, error)))

    async def _send_report(self, type: str, payload: Json) -> None:
        async with self._reporting:
            # A report that is sent again after a lost reply keeps its number, and is stored once.
            if self._unconfirmed != (type, payload):
                self._number += 1
                self._unconfirmed = (type, payload)
            await self._consumer.report(self, self._number, type, payload)
            self._unconfirmed = None


class Consumer:
    """Distributes the jobs of one queue within one process. Starts with the first request for a job."""

    def __init__(
        self,
        worker: bullmq.Worker,
        records: Records,
        address: RedisAddress,
        *,
        process_lock: ProcessLock,
        lock_s: float,
        stalled_check_s: float,
    ) -> None:
        self._worker = worker
        self._process_lock = process_lock
        self._records = records
        self._address = address
        self._token = f"{process_lock.name}@{uuid4().hex[:8]}"
        self._tokens = 0
        self._renew_s = lock_s / 4
        self._stalled_check_s = stalled_check_s
        self._leases: dict[str, BullLease] = {}
        self._takers: deque[asyncio.Future[BullLease]] = deque()
        self._fetching: asyncio.Task[None] | None = None
        self._loops: list[asyncio.Task[None]] = []
        self._running: set[asyncio.Task[Any]] = set()
        self._taking = OutageLog(log, "cannot fetch jobs", "fetching jobs again")
        self._renewing = OutageLog(log, "cannot renew job locks", "renewing job locks again")

    def run(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run the call in a separate task that continues if the caller is cancelled."""
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ran)
        return task

    def _ran(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            # the caller may have been cancelled: retrieve the exception, so that it is not logged
            task.exception()

    async def take(self) -> BullLease:
        """Wait for a job, also while Redis is unavailable."""
        if not self._loops:
            self._loops = [
                asyncio.create_task(self._renew(), name="renew locks"),
                asyncio.create_task(self._watch_stalled(), name="watch stalled jobs"),
            ]
        for loop in self._loops:
            if loop.done():
                loop.result()  # it ended with a programming error: fail loudly
        taker: asyncio.Future[BullLease] = asyncio.get_running_loop().create_future()
        self._takers.append(taker)
        if self._fetching is None or self._fetching.done():
            self._fetching = asyncio.create_task(self._fetch(), name="fetch jobs")
            self._fetching.add_done_callback(self._fetched)
        try:
            return await taker
        except asyncio.CancelledError:
            if taker.done() and not taker.cancelled() and taker.exception() is None:
                self.run(self._put_back(taker.result()))
            elif taker in self._takers:
                self._takers.remove(taker)
                self._stop_waiting()
            raise

    def _stop_waiting(self) -> None:
        # Only the wait may be cancelled: a job that arrives afterwards is requeued.
        if not self._takers and self._fetching and self._worker.waiting:
            self._fetching.cancel()
            self._worker.drained = False  # the notification may be lost with it: poll before the next wait

    async def _put_back(self, lease: BullLease) -> None:
        with suppress(AudioToolsError, LeaseLost):
            await self.release(lease)

    def refresh_leases(self, job_id: str | None) -> None:
        """Handle a change of a job (None: of any job): it may have been cancelled or reassigned."""
        if self._leases and (job_id is None or job_id in self._leases):
            self.run(self._refresh_leases())

    def cancel(self, job_id: str) -> None:
        """Handle the cancellation of a job."""
        if lease := self._leases.get(job_id):
            lease.cancelled.set()

    async def report(self, lease: BullLease, number: int, type: str, payload: Json) -> None:
        """Store a report, and publish progress to BullMQ's subscribers."""
        progress = payload["progress"] if type == PROGRESS else None
        with self._noting_loss(lease):
            await self._records.report(lease.fence, number, type, payload, progress=progress)
        if progress is not None:
            await self._try_bullmq(self._worker.backend.updateProgress(lease.job.id, round(progress, 1)))

    async def finish(
        self, lease: BullLease, state: JobState, result: Json | None, error: JobFailure | None
    ) -> Job:
        """Finish the job, then update BullMQ."""
        with self._noting_loss(lease):
            job = await self._records.finish(lease.fence, state, result, error)
        self._drop(lease)
        await self._sync_bullmq(lease.bull_job, lease.fence, job)
        return job

    async def release(self, lease: BullLease) -> Job:
        """Requeue the job at the head of the queue."""
        with self._noting_loss(lease):
            job = await self._records.release(lease.fence)
        self._drop(lease)
        await self._sync_bullmq(lease.bull_job, lease.fence, job)
        return job

    @contextmanager
    def _noting_loss(self, lease: BullLease) -> Iterator[None]:
        try:
            yield
        except LeaseLost:
            self._drop(lease)
            raise

    def _drop(self, lease: BullLease) -> None:
        if self._leases.get(lease.job.id) is lease:
            del self._leases[lease.job.id]
        lease.lost.set()

    async def _sync_bullmq(self, bull_job: Any, fence: FencingToken, job: Job) -> None:
        """Update BullMQ from the job's record; if that fails, the next worker that gets the job does it."""
        backend, keep = self._worker.backend, bull_job.opts.get
        if job.state is JobState.COMPLETED:
            kept = keep("removeOnComplete", KEEP)
            await self._try_bullmq(
                backend.moveToCompleted(bull_job, job.result, kept, fence.token, fetch_next=False)
            )
        elif job.finished:
            reason = job.error.message if job.error else str(job.state)
            kept = keep("removeOnFail", KEEP)
            await self._try_bullmq(
                backend.moveToFailed(bull_job, reason, kept, fence.token, fetch_next=False)
            )
        else:
            await self._try_bullmq(backend.retryJob(job.id, True, fence.token, {}))

    async def _try_bullmq(self, call: Any) -> None:
        try:
            with map_redis_errors(self._address):
                async with asyncio.timeout(CALL_TIMEOUT_S):
                    await call
        except TypeError as error:  # BullMQ's errors for a token that does not fence the job
            log.info("job state differs in BullMQ: %s", error)
        except AudioToolsError as error:
            log.warning("cannot update BullMQ: %s", error.message)

    async def _fetch(self) -> None:
        while self._takers:
            try:
                with map_redis_errors(self._address):
                    lease = await self._next_lease()
            except AudioToolsError as error:
                self._taking.failed(error)
                await asyncio.sleep(RETRY_S)
                await self._requeue_strays()
                continue
            self._taking.passed()
            if lease is None:
                continue
            taker = self._next_taker()
            if taker:
                taker.set_result(lease)
            else:
                await self._put_back(lease)

    def _fetched(self, fetching: asyncio.Task[None]) -> None:
        if not fetching.cancelled() and (mistake := fetching.exception()):
            while taker := self._next_taker():
                taker.set_exception(mistake)

    def _next_taker(self) -> asyncio.Future[BullLease] | None:
        while self._takers:
            if not (taker := self._takers.popleft()).done():
                return taker
        return None

    async def _next_lease(self) -> BullLease | None:
        # otherwise the upload of every job would appear to be missing
        await asyncio.to_thread(self._process_lock.require_folder)
        self._tokens += 1
        token = f"{self._token}:{self._tokens}"
        bull_job = await self._worker.getNextJob(token)
        if bull_job is None:
            return None
        fence = FencingToken(bull_job.id, token)
        begun = await self._records.begin(fence)
        if begun.outcome == "held" and begun.job:
            lease = BullLease(begun.job, bull_job, fence, self)
            self._leases[begun.job.id] = lease
            if begun.job.cancel_requested:
                lease.cancelled.set()
            return lease
        await self._decline(bull_job, fence, begun)
        return None

    async def _decline(self, bull_job: Any, fence: FencingToken, begun: Begun) -> None:
        if begun.outcome == "ended" and begun.job:
            await self._sync_bullmq(bull_job, fence, begun.job)
        elif begun.outcome == "refused":
            reason = "a job id may contain only letters, digits, - and _"
            await self._try_bullmq(
                self._worker.backend.moveToFailed(bull_job, reason, KEEP, fence.token, fetch_next=False)
            )

    async def _requeue_strays(self) -> None:
        """Requeue jobs that BullMQ assigned in a reply that was lost."""
        with suppress(AudioToolsError):
            held = [lease.fence.token for lease in self._leases.values()]
            if await self._records.release_locks(f"{self._token}:", held):
                await self.check_stalled()

    async def _renew(self) -> None:
        """Renew the locks of held jobs; also detects cancellations whose notification was lost."""
        while True:
            await asyncio.sleep(self._renew_s)
            while not await self._refresh_leases():
                await asyncio.sleep(RETRY_S)

    async def _refresh_leases(self) -> bool:
        """Refresh the leases from the records. Returns whether Redis responded."""
        leases = list(self._leases.values())
        if not leases:
            return True
        try:
            answers = await self._records.renew([lease.fence for lease in leases])
        except AudioToolsError as error:
            self._renewing.failed(error)
            return False
        self._renewing.passed()
        for lease, answer in zip(leases, answers, strict=True):
            if answer == "cancelled":
                lease.cancelled.set()
            elif answer == "lost":
                self._drop(lease)
        return True

    async def _watch_stalled(self) -> None:
        while True:
            await asyncio.sleep(self._stalled_check_s)
            try:
                await self.check_stalled()
            except AudioToolsError:
                # Locks have expired after an outage: give all workers time to renew them.
                await asyncio.sleep(self._renew_s + RETRY_S)

    async def check_stalled(self) -> None:
        """Requeue jobs whose lock was not renewed between two checks."""
        with map_redis_errors(self._address):
            async with asyncio.timeout(CALL_TIMEOUT_S):
                stalled = await self._worker.backend.moveStalledJobsToWait(
                    STALLS, round(1000 * self._stalled_check_s)
                )
        if stalled:
            log.warning("requeued %d stalled jobs", len(stalled))
            await self._records.requeue_stalled(stalled)

    async def close(self, refusal: QueueUnavailable) -> None:
        """Fail waiting calls, and release held jobs, newest first to preserve their order in the queue."""
        while taker := self._next_taker():
            taker.set_exception(refusal)
        await stop(task for task in (self._fetching, *self._loops) if task)
        await self.finish_calls()
        for lease in sorted(self._leases.values(), key=lambda lease: -lease.job.number):
            await self._put_back(lease)
            self._drop(lease)
        if self._tokens:
            await self._requeue_strays()

    async def finish_calls(self) -> None:
        """Wait until all calls passed to `run` are done; each has its own timeout."""
        while self._running:
            await asyncio.wait(self._running)
