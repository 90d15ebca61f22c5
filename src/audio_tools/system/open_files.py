"""Open a file below a folder without following links, and name the open file for child processes."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

CAN_NAME_OPEN_FILES = sys.platform == "linux" and hasattr(os, "O_DIRECTORY")
"""Whether another process can be given a path that means this very file, whatever happens to its name."""

LEAST_DESCRIPTOR = 200
"""A number that no message about streams and seconds holds: messages with it get the file's name instead."""


def path_of(descriptor: int) -> Path:
    """Return a path by which child processes reach an open file of this process."""
    return Path(f"/proc/{os.getpid()}/fd/{descriptor}")


def open_below(root: Path, parts: Sequence[str]) -> int:
    """
    Open a regular file below a folder and return its descriptor; only where `CAN_NAME_OPEN_FILES`.

    Raises:
        OSError: there is none, or a link is anywhere on the way.
    """
    import fcntl

    folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            below = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
            os.close(folder)
            folder = below
        # Not waited for where it has become a pipe.
        found = os.open(parts[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)
    try:
        if not stat.S_ISREG(os.fstat(found).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        return fcntl.fcntl(found, fcntl.F_DUPFD_CLOEXEC, LEAST_DESCRIPTOR)
    finally:
        os.close(found)
