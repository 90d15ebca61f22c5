"""The embedded queue against a model of a queue, under random sequences of calls, restarts and crashes."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from audio_tools.errors import JobNotFinished
from audio_tools.jobs import JobFailure, JobRequest, JobState, Lease, LeaseLost, SqliteQueue
from audio_tools.jobs.base import CRASH_LIMIT
from tests.jobs.sqlite.test_queue import crash
from tests.jobs.steps import assert_logs_agree

T = TypeVar("T")


@dataclass
class Expected:
    """What the model knows of a job."""

    id: str
    state: JobState = JobState.WAITING
    attempts: int = 0
    crashes: int = 0
    cancel_requested: bool = False
    progress: float = 0.0
    key: str | None = None


class QueueAgainstModel(RuleBasedStateMachine):
    """Jobs by number in `model`; `leases` of the running attempts; `stale` ones that must have no effect."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.root = Path(tempfile.mkdtemp())
        self.folders = 0
        self.model: dict[int, Expected] = {}
        self.leases: dict[int, Lease] = {}
        self.stale: list[Lease] = []

    def run(self, call: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(asyncio.wait_for(call, 10))

    @property
    def folder(self) -> Path:
        return self.root / str(self.folders)

    def in_state(self, *states: JobState) -> list[int]:
        return [number for number, job in self.model.items() if job.state in states]

    def end(self, number: int, state: JobState) -> None:
        job = self.model[number]
        job.state = JobState.CANCELLED if job.cancel_requested else state
        if job.state == JobState.COMPLETED:
            job.progress = 100.0

    def give_back(self, number: int) -> None:
        self.end(number, JobState.WAITING)

    def drop_leases(self) -> None:
        self.stale += self.leases.values()
        self.leases.clear()

    @initialize()
    def open(self) -> None:
        self.queue = SqliteQueue(self.folder)
        self.run(self.queue.open())

    @rule(key=st.sampled_from([None, None, None, "a", "b"]))
    def add(self, key: str | None) -> None:
        known = [number for number, job in self.model.items() if key is not None and job.key == key]
        job, new = self.run(self.queue.add(JobRequest({}), idempotency_key=key))
        assert new is not bool(known)
        if known:
            assert [job.number] == known
        else:
            assert job.number > max(self.model, default=0)
            self.model[job.number] = Expected(job.id, key=key)

    @precondition(lambda self: self.in_state(JobState.WAITING))
    @rule()
    def take(self) -> None:
        number = min(self.in_state(JobState.WAITING))
        lease = self.run(self.queue.take())
        job = self.model[number]
        job.state, job.attempts = JobState.ACTIVE, job.attempts + 1
        assert (lease.job.number, lease.attempt, lease.job.progress) == (number, job.attempts, job.progress)
        self.leases[number] = lease

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), progress=st.floats(-10, 110))
    def report(self, data: st.DataObject, progress: float) -> None:
        number, lease = data.draw(st.sampled_from(sorted(self.leases.items(), key=lambda item: item[0])))
        self.run(lease.report("words", {"words": []}))
        self.run(lease.report("progress", {"progress": progress}))
        job = self.model[number]
        if min(progress, 100.0) > job.progress:
            job.progress, job.crashes = min(progress, 100.0), 0

    @precondition(lambda self: self.leases)
    @rule(data=st.data(), way=st.sampled_from(["complete", "fail", "release", "acknowledge_cancel"]))
    def let_go(self, data: st.DataObject, way: str) -> None:
        number = data.draw(st.sampled_from(sorted(self.leases)))
        lease = self.leases.pop(number)
        match way:
            case "complete":
                self.run(lease.complete({}))
                self.end(number, JobState.COMPLETED)
            case "fail":
                self.run(lease.fail(JobFailure({})))
                self.end(number, JobState.FAILED)
            case "release":
                self.run(lease.release())
                self.give_back(number)
            case _:
                self.run(lease.acknowledge_cancel())
                self.end(number, JobState.CANCELLED)
        self.stale.append(lease)

    @precondition(lambda self: self.stale)
    @rule(data=st.data())
    def use_a_stale_lease(self, data: st.DataObject) -> None:
        lease = data.draw(st.sampled_from(self.stale))
        for call in (lease.complete({}), lease.release(), lease.report("progress", {"progress": 100})):
            with pytest.raises(LeaseLost):
                self.run(call)

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.model)))
        job = self.model[number]
        self.run(self.queue.cancel(job.id))
        if job.state == JobState.WAITING:
            self.end(number, JobState.CANCELLED)
        elif job.state == JobState.ACTIVE:
            job.cancel_requested = True
            assert self.leases[number].cancelled.is_set()

    @precondition(lambda self: self.model)
    @rule(data=st.data())
    def delete(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.model)))
        job = self.model[number]
        if job.state in (JobState.WAITING, JobState.ACTIVE):
            with pytest.raises(JobNotFinished):
                self.run(self.queue.delete(job.id))
        else:
            self.run(self.queue.delete(job.id))
            del self.model[number]

    @rule()
    def restart(self) -> None:
        self.run(self.queue.close())
        for number in self.leases:
            self.give_back(number)
        self.drop_leases()
        self.open()

    @rule()
    def crash(self) -> None:
        old = self.folder
        self.folders += 1
        crash(old, self.folder)
        self.run(self.queue.close())
        for number in self.leases:
            job = self.model[number]
            job.crashes += 1
            if job.crashes >= CRASH_LIMIT:
                self.end(number, JobState.FAILED)
            else:
                self.give_back(number)
        self.drop_leases()
        self.open()

    @invariant()
    def the_list_agrees(self) -> None:
        if self.folder.exists():
            found = {
                job.number: (job.id, job.state, job.attempts, job.cancel_requested, job.progress)
                for job in self.run(self.queue.list(limit=10_000)).jobs
            }
            assert found == {
                number: (job.id, job.state, job.attempts, job.cancel_requested, job.progress)
                for number, job in self.model.items()
            }

    def teardown(self) -> None:
        if self.folder.exists():
            self.run(assert_logs_agree(self.queue))
            self.run(self.queue.close())
        self.runner.close()
        shutil.rmtree(self.root)


TestQueueAgainstModel = pytest.mark.slow(QueueAgainstModel.TestCase)
TestQueueAgainstModel.settings = settings(
    max_examples=20,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
