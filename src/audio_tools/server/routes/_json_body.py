"""JSON bodies, and warnings about unknown names in them."""

from __future__ import annotations

import json
from collections.abc import Sequence

from fastapi import Request

from audio_tools.errors import MalformedRequest
from audio_tools.server.request_body import Body, require_plain_body
from audio_tools.transcript import Json

MOST_NAMES, LONGEST_NAME = 20, 80
"""Number of unknown options that a warning names, and characters of each."""


async def json_body(request: Request, idle_s: float, max_bytes: int, *, optional: bool = False) -> Json:
    """
    Read the body as a JSON object; if `optional`, an empty body is an empty object.

    Raises:
        MalformedRequest: not a JSON object, or larger than `max_bytes`.
        UnsupportedMediaType: it is compressed.
    """
    require_plain_body(request.headers)
    body = bytearray()
    async for block in Body(request.receive, idle_s):
        body += block
        if len(body) > max_bytes:
            raise MalformedRequest(f"The JSON body is larger than {max_bytes} bytes.")
    return json_object(bytes(body), "The body") if body or not optional else {}


def json_object(text: bytes | str, what: str) -> Json:
    """
    Parse a JSON object; `what` names it in the error.

    Raises:
        MalformedRequest: not a JSON object.
    """
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise MalformedRequest(f"{what} is not JSON: {error.msg}, at {place}.") from None
    except UnicodeDecodeError:
        raise MalformedRequest(f"{what} is not JSON: its text is not UTF-8.") from None
    except (ValueError, RecursionError):
        raise MalformedRequest(
            f"{what} contains a number with too many digits, or is nested too deeply."
        ) from None
    if not isinstance(value, dict):
        raise MalformedRequest(f"{what} must be a JSON object.")
    return value


def unknown_names(kind: str, unknown: Sequence[str]) -> list[str]:
    """Warnings about names that are ignored."""
    named = [name[:LONGEST_NAME] for name in unknown[:MOST_NAMES]]
    warnings = [f"The {kind} {name} is unknown and was ignored." for name in named]
    if more := len(unknown) - len(warnings):
        warnings.append(f"{more} more were ignored as well.")
    return warnings
