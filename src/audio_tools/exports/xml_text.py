"""Text for XML documents that are written from templates."""

from __future__ import annotations

import re
from xml.sax.saxutils import escape

# XML 1.0 does not allow control characters, escaped or not; UTF-8 does not allow lone surrogates.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def xml_text(text: str) -> str:
    """Text for an element or a double-quoted attribute."""
    return escape(_FORBIDDEN.sub("\ufffd", text), {'"': "&quot;", "\n": " ", "\r": " ", "\t": " "})
