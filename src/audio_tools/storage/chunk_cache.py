"""The cache of chunk results under DATA_DIR. Writes are atomic and durable."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from audio_tools.audio.pcm import Pcm
from audio_tools.errors import StorageError
from audio_tools.storage.local import write_atomically
from audio_tools.transcript import Reply

FORMAT = "1"
"""Part of each digest; increment it when the meaning of stored results changes."""


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
    """Engine replies by digest, one small JSON file each under `DATA_DIR/chunks`."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "chunks"

    def get(self, digest: str) -> Reply | None:
        """
        Return the stored reply, or None, and renew its age. Blocks briefly on the disk.

        Raises:
            StorageError: it may exist, but cannot be read.
        """
        path = self._path(digest)
        try:
            reply = Reply.from_json_text(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            # Not treated as absent, since an existing result has been paid for.
            raise StorageError(
                f"Cannot read {path}: {error.strerror or error}.",
                hint="Choose a readable and writable folder (DATA_DIR).",
            ) from error
        except (ValueError, LookupError, TypeError, RecursionError):
            # Foreign or damaged: treated as absent, and replaced by the next put.
            return None
        with suppress(OSError):
            os.utime(path)
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
        write_atomically(self._path(digest), text)
        return Reply.from_json_text(text)

    def sweep(self, older_than_s: float, every_s: float = 0.0, max_bytes: int | None = None) -> int:
        """
        Remove results not used for `older_than_s` seconds, and files that a crash left half written.

        Where the rest takes more than `max_bytes`, the least recently used results are removed as well.

        Returns:
            The number of removed files; 0 if any process has swept in the last `every_s` seconds, since there
            may be many files, on a network drive, and many processes.
        """
        if not self._is_due(every_s):
            return 0
        now = time.time()
        kept: list[tuple[float, int, Path]] = []
        removed = 0
        for path in self._folder.glob("*/*"):
            with suppress(OSError):
                status = path.stat()
                longest = min(PART_S, older_than_s) if path.suffix == ".part" else older_than_s
                if status.st_mtime < now - longest:
                    path.unlink()
                    removed += 1
                else:
                    kept.append((status.st_mtime, status.st_size, path))
        used = sum(size for _, size, _ in kept)
        for _, size, path in sorted(kept):
            if max_bytes is None or used <= max_bytes:
                break
            with suppress(OSError):
                path.unlink()
                used -= size
                removed += 1
        with suppress(OSError):
            (self._folder / "swept").write_text(str(used))
        return removed

    def used_bytes(self) -> int:
        """Bytes of all results, as of the last sweep by any process."""
        try:
            return int((self._folder / "swept").read_text() or 0)
        except (OSError, ValueError):
            return 0

    def _is_due(self, every_s: float) -> bool:
        swept = self._folder / "swept"
        with suppress(OSError):
            if time.time() - swept.stat().st_mtime < every_s:
                return False
        with suppress(OSError):
            swept.touch()
        return True

    def _path(self, digest: str) -> Path:
        return self._folder / digest[:2] / f"{digest}.json"
