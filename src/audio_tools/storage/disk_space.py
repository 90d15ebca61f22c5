"""Disk space reservations, so that concurrent uploads do not count on the same free bytes."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

from audio_tools.errors import DiskFull
from audio_tools.storage.local import map_storage_errors


class DiskSpace:
    """
    The free space of the disk of `folder`, less `min_free_bytes`.

    An owner is the writer of one upload. Thread-safe.
    """

    def __init__(self, folder: Path, min_free_bytes: int) -> None:
        self._folder = folder
        self._min_free_bytes = min_free_bytes
        self._reserved: dict[object, int] = {}
        self._lock = threading.Lock()

    def reserve(self, owner: object, n_bytes: int) -> None:
        """Replace an owner's reservation. Raises DiskFull if the bytes are not available."""
        with self._lock:
            others = sum(n for holder, n in self._reserved.items() if holder is not owner)
            self._require_free(n_bytes + others)
            self._reserved[owner] = n_bytes

    def claim(self, owner: object, n_bytes: int) -> None:
        """Account for bytes that an owner is about to write, reserved or not. Raises DiskFull."""
        with self._lock:
            self._require_free(n_bytes)
            self._reserved[owner] = max(0, self._reserved.get(owner, 0) - n_bytes)

    def missing(self, n_bytes: int) -> int:
        """Return how many bytes must be freed before `n_bytes` can be reserved; 0 if they are available."""
        with self._lock:
            wanted = n_bytes + sum(self._reserved.values()) + self._min_free_bytes
            return max(0, wanted - self._free())

    def release(self, owner: object) -> None:
        """Release the unused reservation of an owner."""
        with self._lock:
            self._reserved.pop(owner, None)

    def _require_free(self, n_bytes: int) -> None:
        if self._free() < n_bytes + self._min_free_bytes:
            raise DiskFull(
                "Not enough disk space for the upload.",
                hint="Free disk space, lower MIN_FREE_BYTES, or set DATA_DIR to a folder on a larger disk.",
            )

    def _free(self) -> int:
        with map_storage_errors(self._folder):
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            return shutil.disk_usage(self._folder).free
