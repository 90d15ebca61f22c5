"""What the headers of an answer say about waiting."""

from __future__ import annotations

import re
from collections.abc import Mapping

from audio_tools.transcript import Quota


def read_quota(headers: Mapping[str, str]) -> Quota | None:
    """How the request limit stands; None if that is not said, makes no sense, or nothing is used up."""
    try:
        limit, remaining = (int(headers[f"x-ratelimit-{name}-requests"]) for name in ("limit", "remaining"))
    except (KeyError, ValueError):
        return None
    reset_s = reset_seconds(headers)
    return Quota(limit, remaining, reset_s) if 0 <= remaining <= limit and limit and reset_s else None


def reset_seconds(headers: Mapping[str, str]) -> float | None:
    """When the window of the request limit is as good as new, in seconds; None: it is not said."""
    return go_duration_seconds(headers.get("x-ratelimit-reset-requests", ""))


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """The seconds of `Retry-After`; None without it, or if it is a date."""
    try:
        return max(float(headers["retry-after"]), 0.0)
    except (KeyError, ValueError):
        return None


def go_duration_seconds(text: str) -> float | None:
    """Read a duration as Go writes it (`1m3.5s`, `20ms`), in seconds; None if it is none."""
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text.strip():
        return None
    return sum(float(number) * units[unit] for number, unit in parts)
