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
                f"{path} cannot be read: {error.strerror or error}.",
                hint="Choose a folder that may be read and written (DATA_DIR).",
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

    def sweep(self, older_than_s: float, every_s: float = 0.0) -> int:
        """
        Remove results that nobody used for so many seconds, and what a crash left; gives their number.

        Leaves it, and gives 0, if somebody has done it in the last `every_s` seconds: there may be very many,
        on a network drive, and many processes that sweep.
        """
        if not self._is_due(every_s):
            return 0
        limit = time.time() - older_than_s
        removed = 0
        for path in self._folder.glob("*/*"):
            with suppress(OSError):
                if path.stat().st_mtime < limit:
                    path.unlink()
                    removed += 1
        return removed

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
