"""A PATH on which chosen programs cannot be found, for machines that have them."""

from __future__ import annotations

import os
from pathlib import Path

MEDIA = ("ffmpeg", "ffprobe", "redis-server")
"""Programs that the product or its tests bring along."""
EXTRAS = ("node", "npm", "chromium", "chromedriver", "nginx", "systemd-analyze")
"""Programs that some tests use, and skip without."""


def bare_path(hidden: tuple[str, ...], folder: Path, path: str | None = None) -> str:
    """
    Return PATH without the hidden programs.

    A folder of PATH that holds one is replaced by a folder of links to everything else in it.
    """
    entries = (os.environ["PATH"] if path is None else path).split(os.pathsep)
    kept = dict.fromkeys(Path(entry) for entry in entries if Path(entry).is_dir())
    return os.pathsep.join(
        str(_without(hidden, entry, folder / str(number))) for number, entry in enumerate(kept)
    )


def _without(hidden: tuple[str, ...], entry: Path, copy: Path) -> Path:
    if not any((entry / name).exists() for name in hidden):
        return entry
    copy.mkdir(parents=True, exist_ok=True)
    for program in entry.iterdir():
        link = copy / program.name
        if program.name not in hidden and not link.is_symlink():
            link.symlink_to(program)
    return copy
