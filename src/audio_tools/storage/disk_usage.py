"""What the files under DATA_DIR take."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

FOLDERS = {"chunks": "chunk results", "uploads": "uploads", "transcripts": "transcripts", "models": "models"}


def disk_usage_of(data_dir: Path) -> dict[str, int]:
    """Bytes by kind of file; looks at every file, which takes seconds for a million of them."""
    return {name: _size_of(data_dir / folder) for folder, name in FOLDERS.items()}


def _size_of(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # removed meanwhile
                total += Path(parent, name).lstat().st_size
    return total
