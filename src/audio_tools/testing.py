"""
Test doubles for programs that build on this package: an engine without a model, blobs without a disk, and a
queue that leaves nothing behind.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from audio_tools.engines.base import Capabilities, OnDownload, Request
from audio_tools.errors import StorageError
from audio_tools.jobs import SqliteQueue
from audio_tools.storage.base import BlobStatus
from audio_tools.transcript import Interval, Reply
from audio_tools.words.timing import spread


def say(text: str) -> Callable[[Request], Reply]:
    """Answer every chunk with the words of `text`, spread over the speech in the chunk."""

    def reply(request: Request) -> Reply:
        speech = request.speech or (Interval(0.0, request.audio.seconds),)
        return Reply(text=text, words=tuple(spread(text, speech)), language=request.language)

    return reply


class FakeEngine:
    """
    An `Engine` that answers with `reply`, and keeps the `requests` that it received.

    `reply` may raise an `EngineError`, as an engine does. `is_started`: whether `start` was called, and
    `close` was not called after it.
    """

    def __init__(
        self,
        reply: Callable[[Request], Reply],
        *,
        capabilities: Capabilities | None = None,
        name: str = "fake",
        model: str = "fake",
    ) -> None:
        self.capabilities = capabilities or Capabilities(words=True, segments=True)
        self.name = name
        self.model = model
        self.requests: list[Request] = []
        self.is_started = False
        self._reply = reply

    def identity(self) -> tuple[str, ...]:
        """Name and model; two engines whose replies differ need different ones if they share a cache."""
        return (self.name, self.model)

    async def start(self, on_download: OnDownload | None = None) -> None:  # noqa: ARG002
        """Load nothing."""
        self.is_started = True

    async def transcribe(self, request: Request) -> Reply:
        """Return the reply to a request. Raises what `reply` raises."""
        self.requests.append(request)
        return self._reply(request)

    async def close(self) -> None:
        """Close nothing."""
        self.is_started = False


class MemoryBlobs:
    """`Blobs` in memory, for `ChunkCache` and `TranscriptStore`. They end with the object."""

    def __init__(self) -> None:
        self._blobs: dict[str, tuple[bytes, float]] = {}

    def put(self, name: str, data: bytes) -> None:
        """Store a value; replaces an earlier one."""
        self._blobs[name] = bytes(data), time.time()

    def append(self, name: str, data: bytes, at: int) -> None:
        """Append to a value that grows and has `at` bytes so far. Raises StorageError."""
        before = self._blobs.get(name, (b"", 0.0))[0] if at else b""
        if len(before) != at:
            raise StorageError(f"Another process writes {name}.")
        self.put(name, before + data)

    def get(self, name: str) -> bytes:
        """Return the value. Raises FileNotFoundError."""
        return self._entry(name)[0]

    def open(self, name: str) -> BinaryIO:
        """Open the value for reading. Raises FileNotFoundError."""
        return io.BytesIO(self.get(name))

    def status(self, name: str) -> BlobStatus:
        """Return size and age. Raises FileNotFoundError."""
        data, used_at = self._entry(name)
        return BlobStatus(name, len(data), used_at)

    def touch(self, name: str) -> None:
        """Renew the age; never raises."""
        if name in self._blobs:
            self._blobs[name] = self._blobs[name][0], time.time()

    def remove(self, name: str) -> None:
        """Remove a blob. A missing blob is not an error."""
        self._blobs.pop(name, None)

    def list(self) -> Iterator[BlobStatus]:
        """All blobs."""
        return iter([BlobStatus(name, len(data), used_at) for name, (data, used_at) in self._blobs.items()])

    def clean(self, older_than_s: float) -> int:  # noqa: ARG002
        """Remove nothing: no blob is ever half-written."""
        return 0

    def _entry(self, name: str) -> tuple[bytes, float]:
        try:
            return self._blobs[name]
        except KeyError:
            raise FileNotFoundError(name) from None


class TemporaryQueue(SqliteQueue):
    """
    The embedded queue in a folder of its own, which is removed when the queue is closed.

    It is the real one, not an imitation: its contract is that of every queue (`jobs/base.py`).
    """

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="audio-tools-queue-")
        super().__init__(Path(self._folder.name))

    async def close(self) -> None:
        """Release held jobs, close, and remove all jobs. Safe to call twice."""
        await super().close()
        self._folder.cleanup()
