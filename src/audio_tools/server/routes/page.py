"""The page at `/`: plain files, from the installed package or from a checkout of the project."""

from __future__ import annotations

import asyncio
import re
from hashlib import blake2b
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, HTTPException
from fastapi.responses import HTMLResponse, Response

from audio_tools.server.access_rules import PAGE_FILES

INDEX = "web/src/index.html"
CLIENT = "clients/js/src/audio-tools.js"
NAME = re.compile(r"(?:web/src|clients/js/src)(?:/[a-z0-9-]+)+\.(js|css|svg)")
"""Files that are served below PAGE_FILES by their path in a checkout, and nothing else of it."""
TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml", "html": "text/html"}
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "media-src 'self' blob:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        # Strings never become HTML or scripts, whatever a transcript contains.
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    ]
)
_PACKAGE = Path(__file__).resolve().parents[2]
_FOLDERS = (_PACKAGE.parents[1], _PACKAGE / "page")
"""A checkout with `src/audio_tools`, and what `pip install` writes."""

MISSING = """\
<!doctype html><html lang="en"><meta charset="utf-8"><title>Audio Tools</title>
<h1>The page is not installed</h1>
<p>The service runs, but the files of its page are missing: {missing}. \
Install the package again from a complete checkout: <code>pip install .</code></p>
<p>The API is described at <a href="docs">docs</a>.</p></html>
"""


def page_router() -> APIRouter:
    """The routes, to be mounted at the root."""
    router = APIRouter(include_in_schema=False)
    folder = _find_folder()

    @router.get("/")
    async def index(if_none_match: Annotated[str, Header()] = "") -> Response:
        missing = [name for name in (INDEX, CLIENT) if not (folder / name).is_file()]
        if missing:
            return HTMLResponse(MISSING.format(missing=", ".join(missing)), 503)
        return await _file(folder / INDEX, if_none_match)

    @router.get(PAGE_FILES + "{name:path}")
    async def asset(name: str, if_none_match: Annotated[str, Header()] = "") -> Response:
        if not NAME.fullmatch(name):
            raise HTTPException(404)
        return await _file(folder / name, if_none_match)

    return router


def _find_folder() -> Path:
    return next((each for each in _FOLDERS if (each / INDEX).is_file()), _FOLDERS[-1])


async def _file(path: Path, if_none_match: str) -> Response:
    """A file with its ETag: browsers ask each time, and load it again only if it has changed."""
    try:
        data = await asyncio.to_thread(path.read_bytes)
    except OSError:
        raise HTTPException(404) from None
    tag = f'"{blake2b(data, digest_size=12).hexdigest()}"'
    headers = {
        "ETag": tag,
        "Cache-Control": "no-cache",
        "Content-Security-Policy": CONTENT_SECURITY_POLICY,
        "Referrer-Policy": "no-referrer",
    }
    if tag in if_none_match:
        return Response(status_code=304, headers=headers)
    return Response(data, media_type=TYPES[path.suffix[1:]], headers=headers)
