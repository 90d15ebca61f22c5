"""Remove what has expired, and what crashed processes left behind."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass

from audio_tools.backend.retention import UploadRetention
from audio_tools.errors import AudioToolsError, JobNotFound
from audio_tools.jobs import Queue
from audio_tools.storage import SPARE_BYTES, Uploads
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.storage.transcripts import TranscriptStore
from audio_tools.webhooks import Subscriptions

DAY_S = 86_400.0
SWEEP_S = 60.0
"""Interval between sweeps, in seconds."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long data is stored after its last use, in seconds, and the size limit of the chunk cache."""

    result_s: float = 7 * DAY_S
    chunk_s: float = 30 * DAY_S
    cache_max_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Sweeper:
    """Removes expired jobs, files and chunk results. All processes of a service sweep."""

    queue: Queue
    uploads: Uploads
    transcripts: TranscriptStore
    chunk_cache: ChunkCache
    subscriptions: Subscriptions
    retention: UploadRetention
    lifetimes: Lifetimes

    async def run(self) -> None:
        """Sweep every SWEEP_S seconds until cancelled; errors are logged."""
        while True:
            try:
                await self.sweep()
            except AudioToolsError as error:
                log.warning("sweep failed, retrying in %g s: %s", SWEEP_S, error)
            except Exception:
                log.exception("sweep failed, retrying in %g s", SWEEP_S)
            await asyncio.sleep(SWEEP_S)

    async def sweep(self) -> None:
        """Remove what has expired now."""
        if missing := await self.uploads.missing_bytes(SPARE_BYTES):
            await self.retention.make_room(missing, enough_or_nothing=False)
        await self._sweep_jobs()
        await self.uploads.sweep(await self.retention.needed_ids())
        lifetimes = self.lifetimes
        await asyncio.to_thread(self.subscriptions.store.sweep, lifetimes.result_s)
        # There are many chunks, so only one process at a time looks through them.
        await asyncio.to_thread(self.chunk_cache.sweep, lifetimes.chunk_s, SWEEP_S, lifetimes.cache_max_bytes)

    async def _sweep_jobs(self) -> None:
        for job in await self.queue.sweep(self.lifetimes.result_s):
            # The upload of a failed job is kept as long as the job could be restarted.
            if job.upload_id:
                await self.uploads.remove(job.upload_id)
            await asyncio.to_thread(self.transcripts.remove, job.id)
            await self.subscriptions.keep_end(job)
        for job_id in await asyncio.to_thread(self.transcripts.sweep, self.lifetimes.result_s):
            # Left by a process that died in between; an old one may still belong to a job that took long.
            try:
                await self.queue.get(job_id)
            except JobNotFound:
                await asyncio.to_thread(self.transcripts.remove, job_id)
