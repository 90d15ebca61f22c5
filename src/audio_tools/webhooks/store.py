"""
What is to be delivered for which job: one JSON file each under `DATA_DIR/webhooks`.

The file of a job is stored in `pending` before the job is in the queue, and moved to `done` after the
delivery of its last message. Whatever dies in between leaves the file in `pending`, from where the dispatcher
takes it up again: with the end of the job, which the queue stores, nothing is lost.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

from audio_tools.jobs import Job
from audio_tools.json_value import JsonValue
from audio_tools.options import WebhookEvent
from audio_tools.storage.local import write_atomically
from audio_tools.system.files import replace_file
from audio_tools.webhooks.delivery import Delivery, Message


@dataclass(frozen=True, slots=True)
class Subscription(JsonValue):
    """The receiver of a job's messages, and what it has been sent."""

    job_id: str
    url: str
    events: tuple[WebhookEvent, ...]
    message: Message | None = None
    """The message that is being delivered; None until the job ends."""
    earlier: tuple[Delivery, ...] = ()
    """Closed deliveries, oldest first: a job that is restarted ends more than once."""
    told_end: float | None = None
    """`finished_at` of the end that `earlier` covers: a later one is news."""

    def is_news(self, job: Job) -> bool:
        """Whether the job has ended, and the receiver has not been told of this end."""
        return job.finished and job.finished_at != self.told_end

    def with_end(self, job: Job) -> Self:
        """The same with the message of the job's end, if it is news and the receiver wants it."""
        if self.message is not None or not self.is_news(job):
            return self
        wanted = str(job.state) in self.events
        return replace(self, message=Message.of(job) if wanted else None, told_end=job.finished_at)

    def closed(self) -> Self:
        """The same after the message was delivered or given up."""
        earlier = (*self.earlier, self.message.delivery) if self.message else self.earlier
        return replace(self, message=None, earlier=earlier)

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        """All deliveries, oldest first."""
        return (*self.earlier, self.message.delivery) if self.message else self.earlier


class SubscriptionStore:
    """The files. All methods block for a moment, so call them in a worker thread."""

    def __init__(self, data_dir: Path) -> None:
        self._pending = data_dir / "webhooks" / "pending"
        self._done = data_dir / "webhooks" / "done"

    @property
    def folder(self) -> Path:
        """The folder of both."""
        return self._pending.parent

    def pending(self) -> set[str]:
        """Ids of the jobs with messages to come."""
        return {path.stem for path in self._pending.glob("*.json")}

    def add(self, subscription: Subscription) -> None:
        """
        Store that a job's messages are wanted, unless that is known already.

        A job that has ended before, and is about to be restarted, is followed again.

        Raises:
            DiskFull, StorageError: it was not stored.
        """
        job_id = subscription.job_id
        if self._file(self._pending, job_id).exists():
            return
        self.put(self._read(self._done, job_id) or subscription)
        self._file(self._done, job_id).unlink(missing_ok=True)

    def put(self, subscription: Subscription) -> None:
        """
        Store the state of a subscription that is not done.

        Raises:
            DiskFull, StorageError: the earlier state stays.
        """
        write_atomically(self._file(self._pending, subscription.job_id), subscription.to_json_text())

    def get(self, job_id: str) -> Subscription | None:
        """The subscription of a job, done or not."""
        return self._read(self._pending, job_id) or self._read(self._done, job_id)

    def get_pending(self, job_id: str) -> Subscription | None:
        """The subscription of a job with messages to come."""
        return self._read(self._pending, job_id)

    def finish(self, subscription: Subscription) -> None:
        """Store that nothing is to be delivered any more."""
        self.put(subscription)
        self._done.mkdir(parents=True, exist_ok=True)
        replace_file(
            self._file(self._pending, subscription.job_id), self._file(self._done, subscription.job_id)
        )

    def remove_done(self, job_id: str) -> None:
        """Forget the deliveries of a deleted job; those that are pending are still made."""
        self._file(self._done, job_id).unlink(missing_ok=True)

    def remove(self, job_id: str) -> None:
        """Forget a job."""
        for folder in (self._pending, self._done):
            self._file(folder, job_id).unlink(missing_ok=True)

    def age_s(self, job_id: str) -> float:
        """Seconds since the file of a pending subscription was written."""
        try:
            return time.time() - self._file(self._pending, job_id).stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def sweep(self, older_than_s: float) -> None:
        """Remove files of jobs that no longer exist, left by crashes."""
        limit = time.time() - older_than_s
        for path in (*self._done.glob("*"), *self._pending.glob(".*.part")):
            with suppress(OSError):
                if path.stat().st_mtime < limit:
                    path.unlink()

    def _read(self, folder: Path, job_id: str) -> Subscription | None:
        try:
            return Subscription.from_json_text(self._file(folder, job_id).read_bytes())
        except FileNotFoundError:
            return None

    def _file(self, folder: Path, job_id: str) -> Path:
        return folder / f"{job_id}.json"
