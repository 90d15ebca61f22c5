"""What all processes of one service share: the queue, and the files under DATA_DIR."""

from __future__ import annotations

import asyncio
import logging
from types import TracebackType
from typing import Self

from audio_tools.errors import AudioToolsError, JobNotFound
from audio_tools.jobs import UNFINISHED, JobState, make_queue
from audio_tools.settings import Settings
from audio_tools.storage import UploadStore
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.storage.transcripts import TranscriptStore

SWEEP_S = 60.0
"""How often leftovers are looked for, in seconds."""

log = logging.getLogger(__name__)


class Backend:
    """
    The queue, uploads, results and transcripts; swept of what nobody needs while it is open.

    Every process sweeps: to find that another one was there first is no error. Results, which are many, are
    looked through by one of them.
    """

    def __init__(self, settings: Settings, wait_s: float | None) -> None:
        self._settings = settings
        self.queue = make_queue(settings, wait_s)
        self.results = ChunkCache(settings.data_dir)
        self.transcripts = TranscriptStore(settings.data_dir)
        self.uploads = UploadStore(
            settings.data_dir,
            max_bytes=settings.max_upload_bytes,
            min_free_bytes=settings.min_free_bytes,
            ttl_s=settings.upload_ttl,
        )

    async def __aenter__(self) -> Self:
        await self.queue.open()
        self._sweeping = asyncio.create_task(self._sweep(), name="sweep")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._sweeping.cancel()
        await asyncio.gather(self._sweeping, return_exceptions=True)
        await self.queue.close()
        self.uploads.close()

    async def _sweep(self) -> None:
        """Remove what nobody needs any more, now and every minute; a failure waits for the next minute."""
        while True:
            try:
                await self._sweep_once()
            except AudioToolsError as error:
                log.warning("leftovers cannot be removed now: %s", error)
            except Exception:
                log.exception("leftovers cannot be removed")
            await asyncio.sleep(SWEEP_S)

    async def _sweep_once(self) -> None:
        for job in await self.queue.sweep(self._settings.result_ttl):
            await asyncio.to_thread(self.transcripts.remove, job.id)
            if job.upload_id:  # kept as long as its failed job could be restarted
                await self.uploads.remove(job.upload_id)
        for job_id in await asyncio.to_thread(self.transcripts.sweep, self._settings.result_ttl):
            # Left by a process that died in between; one that is old may still be of a job that took long.
            try:
                await self.queue.get(job_id)
            except JobNotFound:
                await asyncio.to_thread(self.transcripts.remove, job_id)
        page = await self.queue.list(UNFINISHED | {JobState.FAILED}, limit=100_000)
        needed = (job for job in page.jobs if not job.finished or job.restartable)
        await self.uploads.sweep({job.upload_id for job in needed if job.upload_id})
        await asyncio.to_thread(self.results.sweep, self._settings.chunk_ttl, SWEEP_S)
