r"""
Names and paths by the rules of Windows, as pure functions on text.

Windows opens devices under ordinary names (`NUL.mp4`), hides streams behind a colon, drops trailing dots and
spaces, and signs in to any server that a path such as `\\server\share` names.
"""

from __future__ import annotations

import os
import re
from pathlib import Path, PureWindowsPath

LONGEST_PLAIN_PATH = 247
"""Longer ones, in characters, need the prefix; a folder must leave room for a name of 8.3 characters."""

_RESERVED = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])[ ]*(\..*)?", re.I | re.S)
_FORBIDDEN = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_PREFIX = "\\\\?\\"


def is_plain_windows_path(path: str) -> bool:
    r"""
    Return whether a path is absolute, on a drive, and means a file: `C:\talks\one.mp4`.

    False for `\\server\share`, `\\.\COM1`, `\\?\…`, `C:one.mp4`, `C:\NUL.mp4`, `C:\one.mp4:stream`,
    `C:\one.mp4.` and everything with a character that no name holds.
    """
    parsed = PureWindowsPath(path)
    if not re.fullmatch("[A-Za-z]:", parsed.drive) or not parsed.root:
        return False
    return all(_is_plain_name(part) for part in parsed.parts[1:])


def _is_plain_name(name: str) -> bool:
    if name == "..":
        return True
    return not (_RESERVED.fullmatch(name) or _FORBIDDEN.search(name) or name.endswith((".", " ")))


def windows_name(name: str) -> str:
    """Return the name, changed as little as Windows needs to store it: `a:b.` becomes `a_b`."""
    name = _FORBIDDEN.sub("_", name).rstrip(". ")
    return f"_{name}" if not name or _RESERVED.fullmatch(name) else name


def extended_windows_path(path: PureWindowsPath) -> str:
    r"""Return a path that Windows takes at any length: with `\\?\` in front where it is long and absolute."""
    text = str(path)
    if len(text) <= LONGEST_PLAIN_PATH or not path.is_absolute() or text.startswith(_PREFIX):
        return text
    if path.drive.startswith("\\\\"):
        return f"{_PREFIX}UNC\\{text[2:]}"
    return _PREFIX + text


def storable_name(name: str) -> str:
    """Return a name under which this system can store a file."""
    return windows_name(name) if os.name == "nt" else name


def means_a_local_file(path: str) -> bool:
    """Return False for what must not even be looked at on this system, since looking has effects."""
    return os.name != "nt" or is_plain_windows_path(path)


def at_any_length(path: Path) -> Path:
    """Return the path in a form that has no length limit on this system."""
    if os.name != "nt":
        return path
    return Path(extended_windows_path(PureWindowsPath(path.absolute())))
