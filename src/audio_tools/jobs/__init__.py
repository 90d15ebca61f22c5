"""The job queue: jobs, the contract of a queue, and its backends."""

from __future__ import annotations

from audio_tools.errors import ConfigError
from audio_tools.jobs.base import Added, JobPage, Lease, LeaseLost, Queue
from audio_tools.jobs.failure import JobFailure
from audio_tools.jobs.job import TERMINAL, UNFINISHED, Event, Job, JobState
from audio_tools.jobs.request import JobRequest
from audio_tools.jobs.sqlite.queue import SqliteQueue
from audio_tools.settings import Settings

__all__ = [
    "TERMINAL",
    "UNFINISHED",
    "Added",
    "Event",
    "Job",
    "JobFailure",
    "JobPage",
    "JobRequest",
    "JobState",
    "Lease",
    "LeaseLost",
    "Queue",
    "SqliteQueue",
    "make_queue",
]


def make_queue(settings: Settings, wait_s: float | None) -> Queue:
    """
    Create the queue of the settings, not yet opened; `open` waits for Redis for up to `wait_s` seconds.

    Raises:
        ConfigError: the packages for Redis are not installed, or its address is not valid.
    """
    if not settings.uses_redis:
        return SqliteQueue(settings.data_dir)
    try:
        from audio_tools.jobs.bullmq.connection import address_of
        from audio_tools.jobs.bullmq.queue import BullQueue
    except ModuleNotFoundError as missing:
        raise ConfigError(
            f"REDIS_URL or REDIS_HOST is set, but the package {missing.name} is not installed.",
            hint="Install it (from a checkout: pip install '.[redis]'), or unset them.",
        ) from None
    return BullQueue(address_of(settings), settings.data_dir, prefix=settings.redis_prefix, wait_s=wait_s)
