"""Disk space in reserve, so that jobs can be cancelled, finished and deleted on a full disk."""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from shutil import disk_usage
from typing import TypeVar

RESERVE_BYTES = 1 << 20
DISK_ERRORS = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}
"""SQLite's error codes for a full disk."""

T = TypeVar("T")

log = logging.getLogger(__name__)


class DiskReserve:
    """A file that reserves disk space for changes that must be stored even on a full disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._is_given_up = False

    def keep(self) -> None:
        """Create the file if it is missing and there is plenty of free space."""
        with suppress(OSError):
            if not self.path.exists() and disk_usage(self.path.parent).free > 4 * RESERVE_BYTES:
                self.path.write_bytes(bytes(RESERVE_BYTES))
                self._is_given_up = False

    def use(self, store: Callable[[sqlite3.Connection], T], db: sqlite3.Connection) -> T:
        """Call `store`, once more without the reserve if the disk is full."""
        try:
            return store(db)
        except sqlite3.OperationalError as error:
            if not is_disk_error(error) or not self.give_up():
                raise
            return store(db)

    def restore(self) -> None:
        """Create the file again soon after it was used: the disk may fill up again before the next sweep."""
        if self._is_given_up:
            self.keep()

    def give_up(self) -> bool:
        """Remove the file; False if there is none."""
        try:
            self.path.unlink()
        except OSError:
            return False
        self._is_given_up = True
        log.warning("disk full, using the queue's reserved space")
        return True


def is_disk_error(error: BaseException | None) -> bool:
    """Whether SQLite failed because the disk is full."""
    return isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode & 0xFF in DISK_ERRORS
