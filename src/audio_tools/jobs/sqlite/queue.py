"""
The embedded queue: one SQLite file under DATA_DIR, used by one process.

A file lock held for the lifetime of the process stands for the leases of all its jobs: a process that
acquires the lock knows that every active job was left by a dead process. One thread owns the only write
connection, another the only read connection, so the event loop never waits for the disk. Events are announced
to the event loop after their transaction is committed, in commit order, even if the caller was cancelled;
this wakes takers and readers, and marks leases as cancelled or lost.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sqlite3
from collections.abc import AsyncGenerator, Callable, Collection
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar
from weakref import WeakValueDictionary

from audio_tools.errors import AudioToolsError, DiskFull, QueueUnavailable
from audio_tools.jobs.base import EVENTS_PER_READ, Added, JobPage, Lease, Queue
from audio_tools.jobs.broadcast import Broadcast
from audio_tools.jobs.failure import JobFailure
from audio_tools.jobs.job import CANCELLING, TERMINAL, Event, Job, JobState
from audio_tools.jobs.request import JobRequest
from audio_tools.jobs.sqlite.connection import ThreadConnection
from audio_tools.jobs.sqlite.disk_reserve import DiskReserve, is_disk_error
from audio_tools.jobs.sqlite.emptied import require_jobs_kept
from audio_tools.jobs.sqlite.queue_lock import lock_queue
from audio_tools.jobs.sqlite.transactions import Changes, Reading, Writing
from audio_tools.transcript import Json

T = TypeVar("T")

log = logging.getLogger(__name__)

FileId = tuple[int, int]
"""Device and inode number, which identify a file."""
EventPage = tuple[list[Event], bool]

CHECK_TIMEOUT_S = 2.0


class SqliteQueue(Queue):
    """The queue in `folder`/queue.db. A second process or instance on the same folder raises ConfigError."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "queue.db"
        self._reserve = DiskReserve(folder / "queue.reserve")
        self._is_open = False
        self._files: dict[Path, FileId | None] = {}
        self._leases: dict[str, SqliteLease] = {}
        self._waiting = Broadcast[None]()
        # A broadcast exists as long as a reader follows the events of its job.
        self._broadcasts: WeakValueDictionary[str, Broadcast[EventPage]] = WeakValueDictionary()

    async def open(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._lock = await asyncio.to_thread(lock_queue, self._path.with_suffix(".lock"))
        self._writer, self._reader = ThreadConnection(self._path, "rwc"), ThreadConnection(self._path, "ro")
        self._is_open = True
        try:
            await asyncio.to_thread(require_jobs_kept, self._path, self._reserve.path)
            await self._recover()
            await asyncio.to_thread(self._reserve.keep)
            # The log of changes stays the same file while it is open.
            names = (self._path, self._path.with_suffix(".lock"), self._path.with_suffix(".db-wal"))
            self._files = {path: _file_id(path) for path in names}
        except BaseException:
            await self._let_go()
            raise

    async def _recover(self) -> None:
        try:
            await self._write(Writing.recover, vital=True)
        except (DiskFull, QueueUnavailable) as error:
            # Even to open the file takes room, for the memory that its readers share.
            if not is_disk_error(error.__cause__) or not await asyncio.to_thread(self._reserve.give_up):
                raise
            await self._write(Writing.recover)

    async def close(self) -> None:
        if not self._is_open:
            return
        released = self._submit_write(Writing.release_all, vital=True)
        self._is_open = False
        try:
            # jobs that stay active are requeued when the queue is opened again
            with suppress(AudioToolsError):
                await asyncio.shield(released)
        finally:
            await self._let_go()

    async def _let_go(self) -> None:
        self._is_open = False
        self._drop_leases()
        self._waiting.notify_all()
        for broadcast in self._broadcasts.values():
            broadcast.notify_all()
        await self._reader.close()
        await self._writer.close()
        os.close(self._lock)

    async def _add(self, job_id: str, request: JobRequest, idempotency_key: str | None) -> Added:
        return await self._write(lambda writing: writing.add(job_id, request, idempotency_key))

    async def get(self, job_id: str) -> Job:
        return await self._read(lambda reading: reading.job(job_id))

    async def find(self, idempotency_key: str) -> Job | None:
        return await self._read(lambda reading: reading.find(idempotency_key))

    async def _newest(
        self, states: Collection[JobState], *, before: int | None, skip: int, limit: int
    ) -> JobPage:
        return await self._read(lambda reading: reading.newest(states, before, skip, limit))

    async def counts(self) -> dict[JobState, int]:
        return await self._read(Reading.counts)

    async def take(self) -> Lease:
        while True:
            next_change = self._waiting.next_change
            claim = self._submit_write(Writing.claim)
            try:
                job = await asyncio.shield(claim)
            except asyncio.CancelledError:
                claim.add_done_callback(self._put_back)
                raise
            if job is None:
                await next_change.wait()
            elif lease := self._leases.get(job.id):
                return lease

    def _put_back(self, claim: asyncio.Future[Job | None]) -> None:
        if self._is_open and claim.exception() is None and (job := claim.result()):
            self._submit_write(lambda writing: writing.release(job))

    async def cancel(self, job_id: str) -> Job:
        try:
            return await self._write(lambda writing: writing.cancel(job_id), vital=True)
        except DiskFull:
            if (lease := self._leases.get(job_id)) is None:
                raise
            # Its worker removes its files, which makes room to store the end.
            lease.cancelled.set()
            return replace(await self.get(job_id), cancel_requested=True)

    async def restart(self, job_id: str) -> Job:
        return await self._write(lambda writing: writing.restart(job_id))

    async def forgo_restart(self, job_id: str) -> bool:
        return await self._write(lambda writing: writing.forgo_restart(job_id), vital=True)

    async def delete(self, job_id: str) -> Job:
        return await self._write(lambda writing: writing.delete(job_id), vital=True)

    async def sweep(self, older_than_s: float) -> tuple[Job, ...]:
        swept: tuple[Job, ...] = ()
        while batch := await self._write(lambda writing: writing.sweep(older_than_s), vital=True):
            swept += batch
        await self._write(Writing.shrink, durable=False)
        await asyncio.to_thread(self._reserve.keep)
        return swept

    async def check(self) -> str:
        try:
            async with asyncio.timeout(CHECK_TIMEOUT_S):
                await self._write(Writing.touch, durable=False)
                await self.counts()
            return "SQLite"
        except TimeoutError:
            raise QueueUnavailable(
                f"The queue has not answered for {CHECK_TIMEOUT_S:g} s.",
                hint=f"Check whether the disk of {self._path} is overloaded or failing.",
            ) from None

    async def events(
        self, job_id: str, after: str | None = None, *, follow: bool = True
    ) -> AsyncGenerator[Event, None]:
        await self.get(job_id)
        last = _event_number(after)
        changed = self._broadcasts.setdefault(job_id, Broadcast())
        more = True
        while more:
            next_change = changed.next_change
            read = partial(self._submit_read, partial(Reading.events, job_id=job_id, after=last))
            page, more = await changed.share(str(last), read)
            for event in page:
                yield event
                last = int(event.id)
            if more and len(page) < EVENTS_PER_READ:
                if not follow:
                    return
                await next_change.wait()

    def _announce(self, changes: Changes) -> None:
        for job, type in changes:
            if type == JobState.ACTIVE:
                self._leases[job.id] = SqliteLease(job, self)
            elif type == CANCELLING:
                self._leases[job.id].cancelled.set()
            elif (type == JobState.WAITING or type in TERMINAL) and job.id in self._leases:
                self._leases.pop(job.id).lost.set()
            if type == JobState.WAITING:
                self._waiting.notify_all()
            if broadcast := self._broadcasts.get(job.id):
                broadcast.notify_all()

    async def _write(self, work: Callable[[Writing], T], *, durable: bool = True, vital: bool = False) -> T:
        return await asyncio.shield(self._submit_write(work, durable=durable, vital=vital))

    async def _read(self, work: Callable[[Reading], T]) -> T:
        return await asyncio.shield(self._submit_read(work))

    def _submit_write(
        self, work: Callable[[Writing], T], *, durable: bool = True, vital: bool = False
    ) -> asyncio.Future[T]:
        """Run a write transaction; a `vital` one may use the reserve on a full disk."""
        self._require_open()
        store = partial(self._store, work, durable)
        return asyncio.wrap_future(self._writer.submit(partial(self._reserve.use, store) if vital else store))

    def _submit_read(self, work: Callable[[Reading], T]) -> asyncio.Future[T]:
        self._require_open()
        return asyncio.wrap_future(self._reader.submit(partial(self._look, work)))

    def _require_open(self) -> None:
        if not self._is_open:
            raise QueueUnavailable("The service is shutting down.", hint="Try again when it is running.")

    def _store(self, work: Callable[[Writing], T], durable: bool, db: sqlite3.Connection) -> T:
        # NORMAL does not wait for the disk, which may take 20 ms. A power failure can lose only the last
        # reports; the next FULL commit makes them durable as well.
        self._require_same_files()
        db.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
        writing = Writing(db)
        with db:
            db.execute("BEGIN IMMEDIATE")
            result = work(writing)
        self._loop.call_soon_threadsafe(self._announce, writing.changes)
        self._reserve.restore()
        return result

    def _look(self, work: Callable[[Reading], T], db: sqlite3.Connection) -> T:
        self._require_same_files()
        with db:
            db.execute("BEGIN")
            return work(Reading(db))

    def _require_same_files(self) -> None:
        """
        Raise QueueUnavailable if the paths no longer name the open files, since stored data is then lost.
        """
        for path, opened in self._files.items():
            if (found := _file_id(path)) == opened:
                continue
            if found is not None:  # another process may run the same jobs
                self._loop.call_soon_threadsafe(self._drop_leases)
            raise QueueUnavailable(
                f"{path} is {'missing' if found is None else 'another file'}: DATA_DIR was deleted, restored "
                "or mounted anew while the service was running.",
                hint="Put the right folder back, then restart the service.",
            )

    def _drop_leases(self) -> None:
        for lease in self._leases.values():
            lease.lost.set()
        self._leases.clear()


class SqliteLease(Lease):
    """The lease on a job of the embedded queue; the attempt number in the job's row is its fencing token."""

    def __init__(self, job: Job, queue: SqliteQueue) -> None:
        super().__init__(job)
        self._queue = queue

    async def _release(self) -> Job:
        return await self._queue._write(lambda writing: writing.release(self.job), vital=True)

    async def _report(self, type: str, payload: Json) -> None:
        await self._queue._write(lambda writing: writing.report(self.job, type, payload), durable=False)

    async def _finish(
        self, state: JobState, *, result: Json | None = None, error: JobFailure | None = None
    ) -> Job:
        return await self._queue._write(
            lambda writing: writing.finish(self.job, state, result, error), vital=True
        )


def _file_id(path: Path) -> FileId | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _event_number(after: str | None) -> int:
    known = after is not None and after.isascii() and after.isdigit() and len(after) < 19  # fits 64 bits
    return int(after) if known and after else 0
