"""
The queue for many machines: BullMQ on Redis.

BullMQ assigns jobs to workers with its own lists, locks and stalled-job recovery, and any BullMQ tool can
inspect it or add jobs. Clients see a separate record of each job with its event log (`records.py`). BullMQ
alone is not sufficient: it drops jobs, lets any process write progress, and marks a job as failed that
completed during a short Redis outage. The order of the steps makes a crash between two of them harmless: the
record is written first, and a worker that gets a job from BullMQ follows its record.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Collection, Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import bullmq

from audio_tools.errors import AudioToolsError, QueueUnavailable
from audio_tools.jobs.base import EVENTS_PER_READ, Added, JobPage, Lease, Queue
from audio_tools.jobs.bullmq.connection import (
    CALL_TIMEOUT_S,
    RedisAddress,
    connect,
    map_redis_errors,
    stop,
    wait_for_server,
)
from audio_tools.jobs.bullmq.consumer import POLL_S, RETRY_S, Consumer
from audio_tools.jobs.bullmq.process_lock import ProcessLock
from audio_tools.jobs.bullmq.pubsub import Changes
from audio_tools.jobs.bullmq.records import EventPage, Records
from audio_tools.jobs.job import Event, Job, JobState
from audio_tools.jobs.request import JobRequest

QUEUE = "audio-tools"
"""BullMQ's name of the queue."""
JOB = "transcribe"
"""BullMQ's name of each job."""
MOST_BULL_EVENTS = 1000  # in BullMQ's own stream, which is for Node's QueueEvents alone

T = TypeVar("T")

log = logging.getLogger(__name__)


class BullQueue(Queue):
    """
    The queue under `prefix` on a Redis server. Any number of processes may use it.

    While Redis is unavailable, workers that wait for a job and open event readers keep waiting; every other
    call raises. The job of a dead worker is requeued within `lock_s + 2 * stalled_check_s` seconds, or at
    once when that process, or another one on its machine, opens the queue again.

    `folder` is DATA_DIR, shared by all processes; `open` waits up to `wait_s` seconds for Redis, None: no
    limit.
    """

    def __init__(
        self,
        address: RedisAddress,
        folder: Path,
        *,
        prefix: str = "bull",
        wait_s: float | None = 10.0,
        lock_s: float = 30.0,
        stalled_check_s: float = 5.0,
    ) -> None:
        self._address = address
        self._folder = folder
        self._prefix = prefix
        self._wait_s = wait_s
        self._lock_s = lock_s
        self._stalled_check_s = stalled_check_s
        self._is_open = False

    async def open(self) -> None:
        self._client = connect(self._address)
        try:
            await wait_for_server(self._client, self._address, self._wait_s)
            self._process_lock = await asyncio.to_thread(ProcessLock, self._folder)
        except BaseException:
            await self._client.aclose()
            raise
        self._assemble()
        self._is_open = True
        try:
            await self._recover()
            await self._ask(self._changes.connected.wait())
        except BaseException:
            await self._let_go()
            raise

    def _assemble(self) -> None:
        options: Any = {"connection": self._client, "prefix": self._prefix}
        self._bull = bullmq.Queue(QUEUE, options)
        self._records = Records(
            self._client,
            self._address,
            records=f"{self._prefix}:{QUEUE}.records:",
            bull=f"{self._prefix}:{QUEUE}:",
            lock_s=self._lock_s,
        )
        # Without a processor function it is passive: jobs are fetched one by one.
        working = {"drainDelay": POLL_S, "lockDuration": round(1000 * self._lock_s)}
        worker = bullmq.Worker(QUEUE, None, options | working)
        self._consumer = Consumer(
            worker,
            self._records,
            self._address,
            process_lock=self._process_lock,
            lock_s=self._lock_s,
            stalled_check_s=self._stalled_check_s,
        )
        self._changes = Changes(
            self._client, self._address, self._records.channel, self._consumer.refresh_leases
        )
        self._listening = asyncio.create_task(self._changes.run(), name="listen to Redis")

    async def _recover(self) -> None:
        """Requeue the jobs of dead processes of this machine, and reconcile the records with BullMQ."""
        await self._records.require_shared_folder(self._process_lock.folder_id)
        freed = [await self._records.release_locks(f"{name}@") for name in self._process_lock.dead]
        self._process_lock.release_dead()
        if any(freed):
            await self._consumer.check_stalled()
        with map_redis_errors(self._address):
            await self._client.hset(self._bull.toKey("meta"), "opts.maxLenEvents", str(MOST_BULL_EVENTS))
        await self._reconcile()

    async def close(self) -> None:
        if not self._is_open:
            return
        self._is_open = False
        await self._consumer.close(_closed())
        await self._let_go()

    async def _let_go(self) -> None:
        self._is_open = False
        await stop([self._listening])
        await self._consumer.finish_calls()  # a late call would open a connection that is never closed
        self._changes.notify_all()
        await self._client.aclose()
        self._process_lock.close()

    async def _add(self, job_id: str, request: JobRequest, idempotency_key: str | None) -> Added:
        return await self._run(self._add_to_both(job_id, request, idempotency_key))

    async def _add_to_both(self, job_id: str, request: JobRequest, idempotency_key: str | None) -> Added:
        added = await self._records.add(job_id, request, idempotency_key)
        # For a repeated call as well: the first may have crashed in between. BullMQ ignores a known id.
        if added.job.state is JobState.WAITING:
            await self._add_to_bull(added.job)
        return added

    async def _add_to_bull(self, job: Job) -> None:
        await self._ask(self._bull.add(JOB, job.request.stored, {"jobId": job.id}))

    async def get(self, job_id: str) -> Job:
        return await self._run(self._records.get(job_id))

    async def find(self, idempotency_key: str) -> Job | None:
        return await self._run(self._records.find(idempotency_key))

    async def _newest(
        self, states: Collection[JobState], *, before: int | None, skip: int, limit: int
    ) -> JobPage:
        return await self._run(self._records.newest(states, before, skip, limit))

    async def counts(self) -> dict[JobState, int]:
        return await self._run(self._records.counts())

    async def take(self) -> Lease:
        self._require_open()
        return await self._consumer.take()

    async def cancel(self, job_id: str) -> Job:
        return await self._run(self._cancel_in_both(job_id))

    async def _cancel_in_both(self, job_id: str) -> Job:
        job = await self._records.cancel(job_id)
        if job.state is JobState.CANCELLED:
            with suppress(AudioToolsError):  # the worker that gets the job follows its record
                await self._ask(self._bull.remove(job_id))
        elif job.cancel_requested:
            self._consumer.cancel(job_id)
        return job

    async def restart(self, job_id: str) -> Job:
        return await self._run(self._restart_in_both(job_id))

    async def _restart_in_both(self, job_id: str) -> Job:
        # BullMQ's copy has finished and would not run again. Remove it first: a waiting record without a copy
        # gets a new one (`reconcile`), and a finished record needs none.
        if (await self._records.unlock_restartable(job_id)).restartable:
            await self._ask(self._bull.remove(job_id))
        job = await self._records.restart(job_id)
        if job.state is JobState.WAITING:
            await self._add_to_bull(job)
        return job

    async def forgo_restart(self, job_id: str) -> bool:
        return await self._run(self._records.forgo_restart(job_id))

    async def delete(self, job_id: str) -> Job:
        return await self._run(self._delete_from_both(job_id))

    async def _delete_from_both(self, job_id: str) -> Job:
        # Remove BullMQ's copy first: a job that exists only in BullMQ is adopted as new.
        job = await self._records.unlock_ended(job_id)
        await self._ask(self._bull.remove(job_id))
        await self._records.forget([job])
        return job

    async def sweep(self, older_than_s: float) -> tuple[Job, ...]:
        return await self._run(self._sweep_both(older_than_s))

    async def _sweep_both(self, older_than_s: float) -> tuple[Job, ...]:
        await self._reconcile()
        swept: tuple[Job, ...] = ()
        while batch := await self._records.ended(older_than_s):
            for job in batch:
                await self._ask(self._bull.remove(job.id))
            await self._records.forget(batch)
            swept += tuple(batch)
        return swept

    async def _reconcile(self) -> None:
        for job in await self._records.reconcile():
            await self._add_to_bull(job)

    async def check(self) -> str:
        await self._run(self._records.require_writable())
        await asyncio.to_thread(self._process_lock.require_folder)
        return f"Redis at {self._address}"

    async def events(
        self, job_id: str, after: str | None = None, *, follow: bool = True
    ) -> AsyncGenerator[Event, None]:
        await self.get(job_id)
        last = after or ""
        changed = self._changes.broadcast_of(job_id)
        more = True
        while more:
            next_change = changed.next_change
            self._require_open()
            try:
                page = await changed.share(last, partial(self._read_events, job_id, last))
            except QueueUnavailable as error:
                if not follow:
                    raise
                log.info("cannot read events, waiting for Redis: %s", error.message)
                await asyncio.sleep(RETRY_S)
                continue
            for event in page.events:
                yield event
                last = event.id
            more = page.more
            if more and len(page.events) < EVENTS_PER_READ:
                if not follow:
                    return
                await next_change.wait()

    def _read_events(self, job_id: str, after: str) -> asyncio.Task[EventPage]:
        return self._start(self._records.events(job_id, after))

    async def _ask(self, call: Any) -> Any:
        with map_redis_errors(self._address):
            async with asyncio.timeout(CALL_TIMEOUT_S):
                return await call

    async def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return await asyncio.shield(self._start(work))

    def _start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run the call to completion, even if the caller is cancelled."""
        try:
            self._require_open()
        except QueueUnavailable:
            work.close()
            raise
        return self._consumer.run(work)

    def _require_open(self) -> None:
        if not self._is_open:
            raise _closed()


def _closed() -> QueueUnavailable:
    return QueueUnavailable("The service is shutting down.", hint="Try again when it is running.")
