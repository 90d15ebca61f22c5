"""Files under DATA_DIR: written whole or not at all, found again after any crash."""

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
"""Goes into each digest: raise it when what is stored changes its meaning."""


PART_S = 3600.0
"""Age in seconds after which a half-written file was left by a crash: writing one takes milliseconds."""


def samples_digest(pcm: Pcm) -> str:
    """What a chunk's samples are, in hex; not the encoded file, so that another encoder finds them too."""
    return _hex(pcm.data)


def chunk_digest(samples: str, shaped_by: Sequence[str]) -> str:
    """The name of a chunk's result: a digest of `samples_digest` and of everything that shapes the answer."""
    return _hex(json.dumps([FORMAT, *shaped_by, samples]).encode())


def _hex(data: bytes | memoryview) -> str:
    return hashlib.blake2b(data, digest_size=20).hexdigest()


class ChunkCache:
    """Replies of engines by digest, one small JSON file each under `DATA_DIR/chunks`."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "chunks"

    def get(self, digest: str) -> Reply | None:
        """
        The stored reply, or None. Using it renews its age. Blocks on the disk for a moment.

        Raises:
            StorageError: it may be there, but cannot be read.
        """
        path = self._path(digest)
        try:
            reply = Reply.from_json_text(path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            # Not as if it were absent: what is there has been paid.
            raise StorageError(
                f"Cannot read {path}: {error.strerror or error}.",
                hint="Choose a readable and writable folder (DATA_DIR).",
            ) from error
        except (ValueError, LookupError, TypeError, RecursionError):
            # Not ours, or damaged by the disk: as good as absent, and replaced by the next put.
            return None
        with suppress(OSError):
            os.utime(path)
        return reply

    def put(self, digest: str, reply: Reply) -> Reply:
        """
        Store a reply; when this returns it survives a crash. Blocks on the disk for a moment.

        Returns:
            The reply as `get` will give it (times are rounded), so that a first run equals all later ones.

        Raises:
            DiskFull, StorageError: it is not stored.
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
