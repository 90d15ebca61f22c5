"""The header `Range` (RFC 9110, 14.1 and 14.2): which ranges of a file are sent, and which are ignored."""

from __future__ import annotations

import re

_RANGE = re.compile(r"(?:(?P<first>[0-9]+)-(?P<last>[0-9]*)|-[0-9]+)", re.ASCII)
_MAX_DIGITS = 18
"""More than any file needs, and far less than what `int` refuses to convert."""


def satisfiable_ranges(header: str, size: int) -> str | None:
    """
    The ranges of a header that lie in a file of `size` bytes.

    Returns:
        The header without the other ranges; as it is if none can be satisfied; None if the header is to be
        ignored, because its unit or a range is not valid.
    """
    unit, equals, listed = header.partition("=")
    texts = [text.strip(" \t") for text in listed.split(",")]
    texts = [text for text in texts if text]
    if unit.lower() != "bytes" or not equals or not texts:
        return None
    matches = [_RANGE.fullmatch(text) for text in texts]
    if not all(match and _is_valid(match) for match in matches):
        return None
    inside = [match[0] for match in matches if match and _is_inside(match, size)]
    return f"bytes={','.join(inside or texts)}"


def _is_valid(match: re.Match[str]) -> bool:
    first, last = match["first"], match["last"]
    if max(len(digits) for digits in match[0].split("-")) > _MAX_DIGITS:
        return False
    return not (first and last) or int(first) <= int(last)


def _is_inside(match: re.Match[str], size: int) -> bool:
    first = match["first"]
    return int(first) < size if first else int(match[0][1:]) > 0 and size > 0
