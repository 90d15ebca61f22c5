"""Addresses that play the recording of one job for some hours: a media element cannot send a header."""

from __future__ import annotations

import hmac
import re
import time
from urllib.parse import parse_qs

VALID_S = 12 * 3600
"""Seconds for which an address is valid: longer than any recording that is listened to in one sitting."""
_PATH = re.compile(r"/job/([^/]+)/(?:media|preview)")
_TICKET = re.compile(r"([0-9]{1,12})\.([0-9a-f]{64})", re.ASCII)


def media_ticket(token: str, job_id: str, expires_at: int) -> str:
    """Return a ticket for the recording of a job until `expires_at` (epoch seconds)."""
    signed = hmac.new(token.encode(), f"media {job_id} {expires_at}".encode(), "sha256").hexdigest()
    return f"{expires_at}.{signed}"


def ticket_is_valid(token: str, path: str, query: bytes) -> bool:
    """Whether a query has a ticket for the recording that `path` names, compared in constant time."""
    named = _PATH.fullmatch(path)
    given = parse_qs(query.decode("latin-1")).get("ticket", [""])[0]
    parts = _TICKET.fullmatch(given)
    if named is None or parts is None or int(parts[1]) < time.time():
        return False
    return hmac.compare_digest(media_ticket(token, named[1], int(parts[1])), given)
