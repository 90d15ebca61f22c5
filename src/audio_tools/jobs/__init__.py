"""The queue: what a job is, the contract that every backend keeps, and the backends."""

from __future__ import annotations

from audio_tools.jobs.base import Added, JobPage, Lease, LeaseLost, Queue
from audio_tools.jobs.job import TERMINAL, UNFINISHED, Event, Job, JobState
from audio_tools.jobs.sqlite import SqliteQueue

__all__ = [
    "TERMINAL",
    "UNFINISHED",
    "Added",
    "Event",
    "Job",
    "JobPage",
    "JobState",
    "Lease",
    "LeaseLost",
    "Queue",
    "SqliteQueue",
]
