"""
The record of every job in Redis, as clients see it, independent of BullMQ's retention.

Each method runs one atomic script of `lua/`; its result is visible to all processes once it returns.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any, NamedTuple

from redis.asyncio import Redis

from audio_tools.errors import ConfigError, JobNotFinished, JobNotFound, JobNotRestartable
from audio_tools.jobs.base import (
    CRASH_LIMIT,
    EVENTS_PER_READ,
    WORKER_CRASHED,
    Added,
    JobPage,
    LeaseLost,
)
from audio_tools.jobs.bullmq.connection import CALL_TIMEOUT_S, RedisAddress, map_redis_errors
from audio_tools.jobs.failure import JobFailure
from audio_tools.jobs.job import TERMINAL, Event, Job, JobState
from audio_tools.jobs.request import JobRequest
from audio_tools.lua import read_script
from audio_tools.transcript import Json

PACKAGE = "audio_tools.jobs.bullmq"
JOBS_PER_STEP = 200  # so that one script does not block the server for long

EVENT_ID = re.compile(r"\d{1,15}-\d{1,9}", re.ASCII)
WHOLE_JOB_ID = re.compile(r"[\w-]{1,128}", re.ASCII)


class FencingToken(NamedTuple):
    """What an attempt shows with each write: its job, and a token unique to the attempt."""

    job_id: str
    token: str


class Begun(NamedTuple):
    """A job assigned by BullMQ, and the outcome: held, ended (before the start), refused, lost."""

    outcome: str
    job: Job | None


class EventPage(NamedTuple):
    """Some events of a job, and whether more may follow."""

    events: list[Event]
    more: bool


class Records:
    """
    The records whose keys begin with `records`, beside the BullMQ queue whose keys begin with `bull`.

    The lock of a held job expires after `lock_s` seconds unless it is renewed.
    """

    def __init__(
        self, client: Redis, address: RedisAddress, *, records: str, bull: str, lock_s: float
    ) -> None:
        self._client = client
        self._address = address
        self._keys = [records, bull]
        self._lock_ms = round(1000 * lock_s)
        self._scripts: dict[str, Any] = {}
        self.channel = f"{records}changes"

    async def add(self, job_id: str, request: JobRequest, idempotency_key: str | None) -> Added:
        """Create a record, or return the one with this key or id."""
        key = "" if idempotency_key is None else dump(idempotency_key)
        digest = "" if idempotency_key is None else _digest(idempotency_key)
        new, fields = await self._step("add", job_id, digest, key, dump(request.stored))
        return Added(_job(fields), bool(new))

    async def get(self, job_id: str) -> Job:
        """Return the job, or raise JobNotFound. A job that exists only in BullMQ is adopted."""
        return _known(job_id, await self._step("get", job_id) if WHOLE_JOB_ID.fullmatch(job_id) else None)

    async def find(self, idempotency_key: str) -> Job | None:
        """The job that was added with this key."""
        fields = await self._step("find", _digest(idempotency_key))
        return _job(fields) if fields else None

    async def newest(
        self, states: Collection[JobState], before: int | None, skip: int, limit: int
    ) -> JobPage:
        """Jobs in these states with a number below `before`, highest first."""
        end = "+inf" if before is None else f"({before}"
        total, found = await self._step("newest", limit, skip, end, *(f"in:{state}" for state in states))
        return JobPage(tuple(map(_job, found)), total)

    async def counts(self) -> dict[JobState, int]:
        """How many jobs there are in each state."""
        return dict(zip(JobState, await self._step("count", *JobState), strict=True))

    async def begin(self, fence: FencingToken) -> Begun:
        """Start an attempt on a job whose lock BullMQ gave to this token."""
        outcome, *fields = await self._step("begin", *fence, CRASH_LIMIT, dump(WORKER_CRASHED.stored))
        return Begun(outcome, _job(fields[0]) if fields else None)

    async def report(
        self, fence: FencingToken, number: int, type: str, payload: Json, *, progress: float | None
    ) -> None:
        """Store the attempt's report `number`; a repeat changes nothing. LeaseLost if the job is not held."""
        text = "" if progress is None else repr(progress)
        if not await self._step("report", *fence, number, type, dump(payload), text):
            raise LeaseLost(f"job {fence.job_id} is no longer held by this worker")

    async def finish(
        self, fence: FencingToken, state: JobState, result: Json | None, error: JobFailure | None
    ) -> Job:
        """Finish a held job; a repeated call returns the finished job. Raises LeaseLost if it is not held."""
        outcome = result, error.stored if error else None
        texts = ["" if value is None else dump(value) for value in outcome]
        return _held(fence, await self._step("finish", *fence, self._lock_ms, state, *texts))

    async def release(self, fence: FencingToken) -> Job:
        """Requeue the job, or finish it if it was cancelled. Raises LeaseLost if it is not held."""
        return _held(fence, await self._step("release", *fence, self._lock_ms))

    async def renew(self, fences: Sequence[FencingToken]) -> list[str]:
        """Renew the locks of these attempts; returns for each: held, cancelled or lost."""
        parts = [part for fence in fences for part in fence]
        answers: list[str] = await self._step("renew", self._lock_ms, *parts)
        return answers

    async def requeue_stalled(self, job_ids: Iterable[str]) -> None:
        """Record the crash of these jobs' worker, unless another worker already has them."""
        await self._step("requeue_stalled", CRASH_LIMIT, dump(WORKER_CRASHED.stored), *job_ids)

    async def release_locks(self, instance: str, alive: Iterable[str] = ()) -> int:
        """Unlock jobs of this instance except those alive; BullMQ's next stalled check requeues them."""
        freed: int = await self._step("release_locks", instance, *alive)
        return freed

    async def cancel(self, job_id: str) -> Job:
        """Cancel a job that is not held, or store the cancellation request."""
        return _known(job_id, await self._step("cancel", job_id) if WHOLE_JOB_ID.fullmatch(job_id) else None)

    async def unlock_ended(self, job_id: str) -> Job:
        """Return a finished job, so that BullMQ can remove it. Raises JobNotFinished otherwise."""
        job = _known(job_id, await self._step("unlock", job_id))
        if not job.finished:
            raise JobNotFinished(job_id, job.state)
        return job

    async def unlock_restartable(self, job_id: str) -> Job:
        """A job that is not finished or can be restarted; JobNotRestartable otherwise."""
        job = _known(job_id, await self._step("unlock", job_id))
        if job.finished and not job.restartable:
            raise JobNotRestartable(job_id, job.state, upload_removed=job.upload_removed)
        return job

    async def restart(self, job_id: str) -> Job:
        """Make a failed job wait again; any other stays as it is."""
        return _known(job_id, await self._step("restart", job_id))

    async def forgo_restart(self, job_id: str) -> bool:
        """Store that the upload of a failed job is removed; False if it cannot be restarted anyway."""
        job = _known(job_id, await self._step("get", job_id))
        if not job.restartable or job.error is None:
            return False
        texts = dump(job.error.stored), dump(job.error.without_upload().stored)
        return bool(await self._step("replace_error", job_id, *texts))

    async def ended(self, older_than_s: float) -> list[Job]:
        """Return and unlock the first jobs that finished at least this long ago."""
        return [_job(fields) for fields in await self._step("ended", older_than_s, JOBS_PER_STEP)]

    async def forget(self, jobs: Iterable[Job]) -> None:
        """Remove the records of jobs that have ended."""
        await self._step("forget", *(job.id for job in jobs))

    async def reconcile(self) -> list[Job]:
        """Adopt jobs that exist only in BullMQ; returns those that are missing from it."""
        return [_job(fields) for fields in await self._step("reconcile")]

    async def require_shared_folder(self, folder_id: str) -> None:
        """Check that all processes use the same folder. Raises ConfigError if they do not."""
        if await self._step("share_folder", folder_id) != folder_id:
            raise ConfigError(
                "DATA_DIR differs from the folder that the other processes of this queue use.",
                hint="Mount the same folder on all machines. If the other one is gone for good: another "
                f"REDIS_PREFIX, or delete {self._keys[0]}folder in Redis.",
            )

    async def require_writable(self) -> None:
        """Write a value, to check that jobs can be stored."""
        await self._step("require_writable")

    async def events(self, job_id: str, after: str) -> EventPage:
        """Return the next events after the one with this id; all stored events if the id is unknown."""
        place = after if EVENT_ID.fullmatch(after) else ""
        state, entries = await self._step("events", job_id, place, EVENTS_PER_READ)
        unfinished = bool(state) and state not in TERMINAL
        return EventPage([_event(*entry) for entry in entries], unfinished or len(entries) == EVENTS_PER_READ)

    async def _step(self, script: str, *args: str | float) -> Any:
        if script not in self._scripts:
            source = read_script(PACKAGE, "common") + read_script(PACKAGE, script)
            self._scripts[script] = self._client.register_script(source)
        with map_redis_errors(self._address):
            async with asyncio.timeout(CALL_TIMEOUT_S):
                return await self._scripts[script](keys=self._keys, args=args)


def dump(value: Json | str) -> str:
    """Serialise as ASCII JSON: NaN is rejected, and non-UTF-8 file names survive."""
    return json.dumps(value, allow_nan=False, separators=(",", ":"))


def _digest(idempotency_key: str) -> str:
    return hashlib.sha256(dump(idempotency_key).encode()).hexdigest()


def _known(job_id: str, fields: Sequence[str] | None) -> Job:
    if not fields:
        raise JobNotFound(job_id)
    return _job(fields)


def _held(fence: FencingToken, fields: Sequence[str] | None) -> Job:
    if not fields:
        raise LeaseLost(f"job {fence.job_id} is no longer held by this worker")
    return _job(fields)


def _job(fields: Sequence[str]) -> Job:
    found = dict(zip(fields[::2], fields[1::2], strict=True))
    data = json.loads(found["data"])
    return Job(
        number=int(found["number"]),
        id=found["id"],
        state=JobState(found["state"]),
        request=JobRequest(data if isinstance(data, dict) else {}),
        created_at=float(found["created_at"]),
        progress=float(found["progress"]),
        report=json.loads(found["report"]),
        result=json.loads(found["result"]) if "result" in found else None,
        error=JobFailure(json.loads(found["error"])) if "error" in found else None,
        attempts=int(found["attempts"]),
        cancel_requested=found["cancel"] == "1",
        started_at=float(found["started_at"]) if "started_at" in found else None,
        finished_at=float(found["finished_at"]) if "finished_at" in found else None,
        idempotency_key=json.loads(found["key"]) if found["key"] else None,
    )


def _event(id: str, fields: Sequence[str]) -> Event:
    found = dict(zip(fields[::2], fields[1::2], strict=True))
    return Event(id, found["type"], int(id.split("-", maxsplit=1)[0]) / 1000, json.loads(found["payload"]))
