"""Files of this machine that clients may name: those under MEDIA_ROOTS and no others."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from audio_tools.errors import PathRefused
from audio_tools.system.open_files import CAN_NAME_OPEN_FILES, open_below, path_of
from audio_tools.system.paths import means_a_local_file


def resolve_media(path: str, roots: Sequence[Path]) -> tuple[Path, int]:
    """
    The regular file that `path` names, links followed, if it lies under one of `roots`; and its bytes.

    Raises:
        PathRefused: it does not, it is not a regular file, or it does not exist: the same error for all,
           so that clients cannot probe for files. Also if no roots are set.
    """
    if not roots:
        raise PathRefused(
            "This service does not accept paths.", hint="Set MEDIA_ROOTS to the folders that contain media."
        )
    refused = PathRefused(
        "The path does not name a file under MEDIA_ROOTS.",
        hint="Pass the absolute path of a file in one of them.",
    )
    if not means_a_local_file(path):
        raise refused
    try:
        resolved = Path(path).resolve(strict=True)
        inside = any(resolved.is_relative_to(root.resolve()) for root in roots)
        if inside and Path(path).is_absolute() and resolved.is_file():
            return resolved, resolved.stat().st_size
    except (OSError, ValueError, RuntimeError):
        pass
    raise refused


class OpenedMedia:
    """
    The file that a path names, open; `path` is one by which child processes reach this very file.

    It is opened from its root downwards, without following links: a folder that is replaced by a link after
    the check is not followed out of the root. Where the system cannot name an open file (all but Linux),
    `path` is that of the file as it was found. A context manager; leaving it closes the file.
    """

    def __init__(self, path: str, roots: Sequence[Path]) -> None:
        """Raises PathRefused, as `resolve_media`."""
        self._descriptor: int | None = None
        self.path, _ = resolve_media(path, roots)
        if not CAN_NAME_OPEN_FILES:
            return
        root = next(each for each in (root.resolve() for root in roots) if self.path.is_relative_to(each))
        try:
            self._descriptor = open_below(root, self.path.relative_to(root).parts)
        except OSError:
            raise PathRefused(
                "The path does not name a file under MEDIA_ROOTS: it was replaced while it was opened.",
                hint="Try again when the file is in place.",
            ) from None
        self.path = path_of(self._descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
