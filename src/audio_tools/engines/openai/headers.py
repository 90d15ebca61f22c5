"""Rate-limit and retry headers of a response."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from email.utils import mktime_tz, parsedate_tz

from audio_tools.transcript import Quota


def read_quota(headers: Mapping[str, str]) -> Quota | None:
    """Return the state of the request limit; None if absent, invalid, or nothing is used up."""
    try:
        limit, remaining = (int(headers[f"x-ratelimit-{name}-requests"]) for name in ("limit", "remaining"))
    except (KeyError, ValueError):
        return None
    reset_s = reset_seconds(headers)
    return Quota(limit, remaining, reset_s) if 0 <= remaining <= limit and limit and reset_s else None


def reset_seconds(headers: Mapping[str, str]) -> float | None:
    """Return the seconds until the request limit is reset; None if not given."""
    return go_duration_seconds(headers.get("x-ratelimit-reset-requests", ""))


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of `Retry-After`, a number or a date (RFC 9110, 10.2.3); None if it is absent."""
    text = headers.get("retry-after", "")
    try:
        seconds = float(text)
    except ValueError:
        moment = parsedate_tz(text)
        seconds = math.nan if moment is None else mktime_tz(moment) - time.time()
    return max(seconds, 0.0) if math.isfinite(seconds) else None


def go_duration_seconds(text: str) -> float | None:
    """Parse a Go duration (`1m3.5s`, `20ms`) into seconds; None if it is not one."""
    units = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text.strip():
        return None
    return sum(float(number) * units[unit] for number, unit in parts)
