"""Recognise a queue file that lost its jobs, where SQLite would start an empty one without a word."""

from __future__ import annotations

import logging
from pathlib import Path

from audio_tools.errors import ConfigError

TAKEN_FOR_NEW_BYTES = 1
"""SQLite takes a file of this size or less for a new one; it reports every other damage itself."""

log = logging.getLogger(__name__)


def require_jobs_kept(path: Path, reserve: Path) -> None:
    """
    Check before SQLite opens the file at `path` that it will not replace a lost one by an empty one.

    Args:
        path: the file of the queue.
        reserve: a file beside it that is made once the queue has been open.

    Raises:
        ConfigError: the file was emptied, or is missing although the log of its changes is there.
    """
    size, wal = _size(path), path.with_suffix(".db-wal")
    if size is not None and size > TAKEN_FOR_NEW_BYTES:
        return
    if _size(wal):
        # SQLite would delete the log, and with it the changes that were not yet in the file.
        raise ConfigError(
            f"{path} is {'missing' if size is None else 'empty'}, but {wal.name} holds changes of its jobs.",
            hint=f"Put the file back, or move {wal.name} away as well to start without its jobs.",
        )
    if size or (size is not None and reserve.exists()):
        raise ConfigError(
            f"{path} is empty: the jobs that it held are lost.",
            hint="Restore it from a backup, or move it away to start without jobs.",
        )
    if size is None and reserve.exists():
        log.warning("queue file missing, starting with an empty queue: %s", path)


def _size(path: Path) -> int | None:
    """The size of a file in bytes; None if there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None
