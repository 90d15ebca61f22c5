"""Puts the files of the page at `/` into the wheel; an editable install reads them from the checkout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PATTERNS = ("web/src/*", "clients/js/src/*.js")


class PageHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds each file below `audio_tools/page`, by its path in the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        root = Path(self.root)
        if version == "editable":
            return
        for path in sorted(found for pattern in PATTERNS for found in root.glob(pattern)):
            name = path.relative_to(root).as_posix()
            build_data["force_include"][str(path)] = f"audio_tools/page/{name}"
