"""Which files a command takes; `transcribe` and `submit` refuse the same ones in the same words."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from audio_tools.errors import MediaNotFound, ProbeFailed


def check_file(file: Path) -> None:
    """
    Refuse what is no file with something in it, named as the user typed it (`.` has no other name).

    Raises:
        MediaNotFound: it is not there, or may not be read. ProbeFailed: it is a folder, a device, or empty.
    """
    try:
        status = file.stat()
    except PermissionError:
        raise MediaNotFound(f"{file} may not be read.") from None
    except OSError:
        raise MediaNotFound(f"There is no {file}.") from None
    if stat.S_ISDIR(status.st_mode):
        raise ProbeFailed(f"{file} is a folder, not a media file.")
    if not stat.S_ISREG(status.st_mode):
        raise ProbeFailed(f"{file} is not a regular file.")
    if not os.access(file, os.R_OK):
        raise MediaNotFound(f"{file} may not be read.", hint="Give this user the right to read it.")
    if status.st_size == 0:
        raise ProbeFailed(f"{file} is empty.")
