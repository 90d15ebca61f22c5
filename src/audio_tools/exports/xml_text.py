"""Text for XML documents that are written from templates."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

# Control characters have no place in XML 1.0, escaped or not; lone surrogates have none in UTF-8.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def xml_text(text: str) -> str:
    """Text for an element or a double-quoted attribute."""
    return escape(_FORBIDDEN.sub("\ufffd", text), {'"': "&quot;", "\n": " ", "\r": " ", "\t": " "})
