"""The lock on the queue's folder, which one process holds."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from audio_tools.errors import ConfigError
from audio_tools.system.files import open_binary
from audio_tools.system.locks import try_lock


def lock_queue(path: Path) -> int:
    """Lock the file at `path` for this process and return its descriptor: closing it unlocks."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not inherited by child processes: an FFmpeg that outlives us must not keep the queue locked.
        lock = open_binary(path, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        raise ConfigError(
            f"Cannot write {path}: {error.strerror}.",
            hint="Set DATA_DIR to a writable folder.",
        ) from error
    try:
        owner = "" if try_lock(lock) else os.read(lock, 20).decode() or "of unknown number"
    except OSError as error:
        os.close(lock)
        raise ConfigError(
            f"Cannot lock {path}: {error.strerror}.",
            hint="Set DATA_DIR to a folder on a local disk, or set REDIS_URL.",
        ) from error
    if owner:
        os.close(lock)
        raise ConfigError(
            f"The queue in {path.parent} is used by another process ({owner}).",
            hint="Stop that process, or set REDIS_URL to run several.",
        )
    with suppress(OSError):  # the number only makes the message above more helpful
        os.ftruncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
    return lock
