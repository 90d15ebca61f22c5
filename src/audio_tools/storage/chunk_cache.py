"""The cache of chunk results. Writes are atomic and durable."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from audio_tools.audio.pcm import Pcm
from audio_tools.errors import StorageError
from audio_tools.storage.base import Blobs
from audio_tools.storage.local import LocalBlobs
from audio_tools.transcript import Reply

FORMAT = "1"
"""Part of each digest; increment it when the meaning of stored results changes."""
SWEPT = "swept"
"""A blob whose age is that of the last sweep by any process, and whose text the bytes in use."""
PART_S = 3600.0
"""Age in seconds after which a half-written file was left by a crash: writing one takes milliseconds."""


def samples_digest(pcm: Pcm) -> str:
    """Hex digest of a chunk's samples, not of the encoded file, so that it is independent of the encoder."""
    return _hex(pcm.data)


def chunk_digest(samples: str, shaped_by: Sequence[str]) -> str:
    """Name of a chunk result: a digest of `samples_digest` and of everything that affects the reply."""
    return _hex(json.dumps([FORMAT, *shaped_by, samples]).encode())


def _hex(data: bytes | memoryview) -> str:
    return hashlib.blake2b(data, digest_size=20).hexdigest()


class ChunkCache:
    """
    Engine replies by digest, one small JSON blob each.

    Args:
        place: where they are: a data folder, or blobs elsewhere.
    """

    def __init__(self, place: Path | Blobs) -> None:
        self._blobs = LocalBlobs(place / "chunks") if isinstance(place, Path) else place

    def get(self, digest: str) -> Reply | None:
        """
        Return the stored reply, or None, and renew its age. Blocks briefly on the disk.

        Raises:
            StorageError: it cannot be read. It is not treated as absent, since it was paid for.
        """
        try:
            reply = Reply.from_json_text(self._blobs.get(_name(digest)))
        except FileNotFoundError:
            return None
        except (ValueError, LookupError, TypeError, RecursionError):
            # Foreign or damaged: treated as absent, and replaced by the next put.
            return None
        self._blobs.touch(_name(digest))
        return reply

    def put(self, digest: str, reply: Reply) -> Reply:
        """
        Store a reply durably. Blocks briefly on the disk.

        Returns:
            The reply as `get` returns it (times are rounded), so that the first run equals later ones.

        Raises:
            DiskFull, StorageError: it was not stored.
        """
        text = reply.to_json_text()
        self._blobs.put(_name(digest), text)
        return Reply.from_json_text(text)

    def sweep(self, older_than_s: float, every_s: float = 0.0, max_bytes: int | None = None) -> int:
        """
        Remove results not used for `older_than_s` seconds, and what a crash left half-written.

        Where the rest takes more than `max_bytes`, the least recently used results are removed as well.

        Returns:
            The number of removed files; 0 if any process has swept in the last `every_s` seconds, since there
            may be many files, on a network drive, and many processes.
        """
        if not self._is_due(every_s):
            return 0
        removed = self._blobs.clean(min(PART_S, older_than_s))
        limit = time.time() - older_than_s
        results = sorted(
            (blob for blob in self._blobs.list() if blob.name != SWEPT), key=lambda blob: blob.used_at
        )
        used = sum(blob.size for blob in results)
        for blob in results:
            if blob.used_at >= limit and (max_bytes is None or used <= max_bytes):
                break
            with suppress(OSError):
                self._blobs.remove(blob.name)
                used -= blob.size
                removed += 1
        if results:  # nothing is left behind where nothing was stored
            with suppress(OSError, StorageError):
                self._blobs.put(SWEPT, str(used).encode())
        return removed

    def used_bytes(self) -> int:
        """Bytes of all results, as of the last sweep by any process."""
        try:
            return int(self._blobs.get(SWEPT) or 0)
        except (OSError, StorageError, ValueError):
            return 0

    def _is_due(self, every_s: float) -> bool:
        with suppress(OSError):
            if time.time() - self._blobs.status(SWEPT).used_at < every_s:
                return False
            self._blobs.touch(SWEPT)
        return True


def _name(digest: str) -> str:
    return f"{digest[:2]}/{digest}.json"
