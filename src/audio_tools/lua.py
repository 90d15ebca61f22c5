"""Lua scripts for Redis, kept in `.lua` files of the package."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def read_script(package: str, name: str) -> str:
    """Return the script `lua/<name>.lua` of a package, such as `audio_tools.engines`."""
    return files(package).joinpath("lua", f"{name}.lua").read_text("utf-8")
