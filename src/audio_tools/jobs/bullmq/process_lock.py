"""
The identity of a process across restarts.

Each process that uses a shared queue locks one of the files `workers/HOST-NUMBER.lock` under DATA_DIR for its
lifetime, and takes over the name stored in it. If a file can be locked, the process that held jobs under its
name is dead, so its jobs can be requeued at once instead of when their locks expire.
"""

from __future__ import annotations

import os
import re
import socket
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from audio_tools.errors import ConfigError, QueueUnavailable
from audio_tools.system.files import open_binary, read_at, write_at
from audio_tools.system.locks import try_lock

MOST_PROCESSES = 1000


class ProcessLock:
    """
    The lock of this process: its `name`, and the names in `dead` until `release_dead` releases them.

    `folder_id` is the same for all processes that use the same folder, and only for them.
    """

    def __init__(self, folder: Path) -> None:
        """
        Lock the first free file.

        Raises:
            ConfigError: the folder is not writable.
        """
        host = re.sub(r"[^\w.-]", "_", socket.gethostname(), flags=re.ASCII)
        try:
            (folder / "workers").mkdir(parents=True, exist_ok=True)
            self._folder_file = folder / "workers" / "folder-id"
            self.folder_id = _folder_id(self._folder_file)
            self._locks = _lock_all(folder / "workers", host)
        except OSError as error:
            raise ConfigError(
                f"Cannot write to {folder}: {error.strerror}.",
                hint="Set DATA_DIR to a writable folder.",
            ) from error
        self.dead = [_name(lock) for lock in self._locks]
        self.name = self.dead[0]

    def require_folder(self) -> None:
        """
        Check that the folder is still the same: an unmounted network drive leaves an empty one.

        Raises:
            QueueUnavailable: it is missing or another folder.
        """
        try:
            if self._folder_file.read_text(encoding="utf-8") == self.folder_id:
                return
        except OSError:
            pass
        raise QueueUnavailable(
            f"{self._folder_file.parent.parent} was replaced or unmounted since this process started.",
            hint="Mount DATA_DIR again; until then this process starts no jobs.",
        )

    def release_dead(self) -> None:
        """Release the locks of dead processes, whose jobs have been requeued."""
        for lock in self._locks[1:]:
            os.close(lock)
        del self._locks[1:], self.dead[:]

    def close(self) -> None:
        """Release the lock for the next process."""
        for lock in self._locks:
            os.close(lock)
        self._locks.clear()


def _folder_id(path: Path) -> str:
    mine = path.with_name(uuid4().hex)
    mine.write_text(mine.name, encoding="utf-8")
    with suppress(FileExistsError):
        os.link(mine, path)  # atomic, on network drives as well
    mine.unlink()
    return path.read_text(encoding="utf-8")


def _lock_all(folder: Path, host: str) -> list[int]:
    """Lock every unlocked file of this host, or else a new one."""
    known = len(list(folder.glob(f"{host}-*.lock")))
    locks: list[int] = []
    for number in range(MOST_PROCESSES):
        if locks and number >= known:
            break
        # Not inherited by child processes: an FFmpeg that outlives us must not keep the place.
        lock = open_binary(folder / f"{host}-{number}.lock", os.O_RDWR | os.O_CREAT)
        try:
            is_mine = try_lock(lock)
        except OSError:
            os.close(lock)
            with suppress(OSError):
                for other in locks:
                    os.close(other)
            raise
        if is_mine:
            locks.append(lock)
        else:
            os.close(lock)
    return locks


def _name(lock: int) -> str:
    """Return the name in the file, or a new one if it is empty."""
    if name := read_at(lock, 64, 0).decode("ascii", "replace"):
        return name
    name = uuid4().hex
    write_at(lock, name.encode(), 0)
    return name
