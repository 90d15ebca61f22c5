"""How documents of editing programs name a media file."""

from __future__ import annotations

import re
from urllib.parse import quote

_WINDOWS = re.compile(r"([A-Za-z]):[\\/]")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://")


def file_url(path: str, *, host: str = "", relative_prefix: str = "", drive_colon: str = ":") -> str:
    """
    A file as a percent-encoded URL; a URL stays as it is, and a bare name becomes a relative URL.

    Args:
        path: an absolute path (POSIX, Windows or UNC), a URL or a name.
        host: between `file://` and the path: Premiere writes `localhost`.
        relative_prefix: before a relative URL: Final Cut wants `./`.
        drive_colon: the colon of a Windows drive: Premiere writes `%3a`.
    """
    if _URL.match(path):
        return path
    if drive := _WINDOWS.match(path):
        rest = quote(path[3:].replace("\\", "/"), errors="replace")
        return f"file://{host}/{drive[1]}{drive_colon}/{rest}"
    if path.startswith("\\\\"):
        return "file:" + quote(path.replace("\\", "/"), errors="replace")
    if path.startswith("/"):
        return f"file://{host}{quote(path, errors='replace')}"
    return relative_prefix + quote(path.replace("\\", "/"), errors="replace")
