"""The media file of a job: an upload, or a file of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from audio_tools.errors import MalformedRequest, UploadNotFound
from audio_tools.jobs import Job, Queue
from audio_tools.media.allowed_paths import OpenedMedia, resolve_media
from audio_tools.storage import Uploads


@dataclass(frozen=True, slots=True)
class MediaSources:
    """Finds the media files of jobs; `media_roots` are the folders that local files must lie in."""

    queue: Queue
    uploads: Uploads
    media_roots: Sequence[Path]

    async def resolve(self, path: str) -> tuple[Path, int]:
        """
        Return the resolved path and the size in bytes of a local file.

        Raises:
            PathRefused: the path is not that of a file under `media_roots`.
        """
        return await asyncio.to_thread(resolve_media, path, self.media_roots)

    async def path(self, job: Job) -> Path:
        """
        Return the path of a job's media file.

        Raises:
            UploadError, PathRefused: the file is gone.
            MalformedRequest: the job, added by another producer, names no file.
            QueueUnavailable: the file may exist, but not on this machine.
        """
        if job.upload_id:
            return await self._upload_path(job.upload_id)
        if job.path:
            return (await self.resolve(job.path))[0]
        raise MalformedRequest(
            "The job names neither a path nor an uploadId.",
            hint='Its data must be like {"path": "/media/talk.mp4", "options": {}}.',
        )

    @asynccontextmanager
    async def opened(self, job: Job) -> AsyncIterator[Path]:
        """Context manager: as `path`, but a local file stays open, and the path names this open file."""
        if job.upload_id or not job.path:
            yield await self.path(job)
            return
        with await asyncio.to_thread(OpenedMedia, job.path, self.media_roots) as opened:
            yield opened.path

    async def _upload_path(self, upload_id: str) -> Path:
        try:
            return (await self.uploads.open(upload_id)).path
        except UploadNotFound:
            # The shared folder may be missing on this machine: then the check fails, and another machine
            # gets the job.
            await self.queue.check()
            raise
