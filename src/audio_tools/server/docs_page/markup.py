"""Turn text, values and tables into HTML."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from html import escape

from audio_tools.transcript import Json


def table(rows: Iterable[tuple[str, str, str]]) -> str:
    """Rows of a name as HTML, its type as HTML, and a description; nothing for none."""
    lines = "".join(f"<tr><td>{name}<td>{kind}<td>{prose(text)}" for name, kind, text in rows)
    return lines and f"<table>{lines}</table>"


def code(text: str) -> str:
    """Text in a fixed-width font."""
    return f"<code>{escape(text)}</code>"


def prose(text: str) -> str:
    """The Markdown that descriptions use: paragraphs, lists, and code in backticks."""
    html = re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text, quote=False))
    items = re.sub(r"^- (.*)$", r"<li>\1", html, flags=re.MULTILINE)
    lists = re.sub(r"(?:^<li>.*\n?)+", lambda found: f"<ul>{found[0]}</ul>", items, flags=re.MULTILINE)
    return "".join(
        part if part.startswith("<ul>") else f"<p>{part}</p>" for part in re.split(r"\n\s*\n", lists) if part
    )


def example(value: Json) -> str:
    """A JSON value that opens on a click."""
    text = escape(json.dumps(value, indent=2, ensure_ascii=False), quote=False)
    return f"<details class=example><summary>Example</summary><pre><code>{text}</code></pre></details>"
