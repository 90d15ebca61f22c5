"""
Which uploads are kept after their job has ended, and which of them are removed to free disk space.

The worker removes those that are not kept when their job ends, the sweeper those whose time is over.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field

from audio_tools.errors import DiskFull, JobNotFound
from audio_tools.jobs import UNFINISHED, Job, JobState, Queue
from audio_tools.storage import SPARE_BYTES, Uploads

MOST_LISTED = 100_000
"""Maximum number of jobs examined by a sweep."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class UploadRetention:
    """
    Keeps the uploads of failed jobs, which can be restarted, and of completed jobs, for playback.

    Completed jobs keep their upload for `keep_s` seconds.
    """

    queue: Queue
    uploads: Uploads
    keep_s: float
    _making_room: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def keeps_completed(self) -> bool:
        """Return whether the upload of a job that completes now is kept for playback."""
        return self.keep_s > 0 and not await self.uploads.missing_bytes(SPARE_BYTES)

    async def needed_ids(self) -> set[str]:
        """Return the ids of all uploads that must stay."""
        kept = {JobState.FAILED, *([JobState.COMPLETED] if self.keep_s else [])}
        page = await self.queue.list(UNFINISHED | kept, limit=MOST_LISTED)
        return {job.upload_id for job in page.jobs if job.upload_id and self._is_needed(job)}

    async def make_room(self, n_bytes: int, *, enough_or_nothing: bool = True) -> bool:
        """
        Free disk space: remove the uploads kept for playback, then those kept for a restart, oldest first.

        Args:
            n_bytes: bytes to free; no more uploads are removed than needed.
            enough_or_nothing: remove none if all of them together are smaller than that.

        Returns:
            Whether that many bytes were freed.
        """
        async with self._making_room:
            page = await self.queue.list({JobState.FAILED, JobState.COMPLETED}, limit=MOST_LISTED)
            jobs = sorted(filter(self._is_needed, page.jobs), key=_importance)
            kept = [(job, await self._kept_bytes(job)) for job in jobs]
            if enough_or_nothing and sum(size for _, size in kept) < n_bytes:
                return False
            for job, size in kept:
                if n_bytes <= 0:
                    break
                if size and await self._remove(job):
                    log.warning(
                        "disk space low, removed the upload of %s job %s: %d bytes", job.state, job.id, size
                    )
                    n_bytes -= size
        return n_bytes <= 0

    def _is_needed(self, job: Job) -> bool:
        """Whether the upload of a job must stay: to be transcribed, restarted or played."""
        if job.state is JobState.COMPLETED:
            return (job.finished_at or 0.0) + self.keep_s > time.time()
        return not job.finished or job.restartable

    async def _kept_bytes(self, job: Job) -> int:
        return await self.uploads.size(job.upload_id) if job.upload_id else 0

    async def _remove(self, job: Job) -> bool:
        """Remove the upload of a job, which can then not be restarted; returns whether it was removed."""
        upload_id = job.upload_id or ""
        if job.state is JobState.COMPLETED:
            await self.uploads.remove(upload_id)
            return True
        try:
            if not await self.queue.forgo_restart(job.id):
                return False  # it was restarted or deleted meanwhile
            await self.uploads.remove(upload_id)
        except DiskFull:
            await self.uploads.remove(upload_id)  # which frees the space to store the change
            await self.queue.forgo_restart(job.id)
        except JobNotFound:
            return False
        return True


def _importance(job: Job) -> tuple[bool, float]:
    """The order in which kept uploads are removed: those for playback first, then by age."""
    return job.state is not JobState.COMPLETED, job.finished_at or 0.0
