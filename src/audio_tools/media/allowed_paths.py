"""Files of this machine that clients may name: those under MEDIA_ROOTS and no others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from audio_tools.errors import PathRefused


def resolve_media(path: str, roots: Sequence[Path]) -> tuple[Path, int]:
    """
    The regular file that `path` names, links followed, if it lies under one of `roots`; and its bytes.

    Raises:
        PathRefused: it does not, or it is no regular file, or there is no such file: one answer for all, so
            that nobody can find out what there is. Also if no roots are set.
    """
    if not roots:
        raise PathRefused("Paths are not taken here.", hint="Set MEDIA_ROOTS to the folders that hold media.")
    refused = PathRefused(
        "The path names no file under MEDIA_ROOTS.", hint="Give the absolute path of a file in one of them."
    )
    try:
        resolved = Path(path).resolve(strict=True)
        inside = any(resolved.is_relative_to(root.resolve()) for root in roots)
        if inside and Path(path).is_absolute() and resolved.is_file():
            return resolved, resolved.stat().st_size
    except (OSError, ValueError, RuntimeError):
        pass
    raise refused
