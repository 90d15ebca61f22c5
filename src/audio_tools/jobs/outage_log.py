"""Log the start, continuation and end of an outage, without flooding."""

from __future__ import annotations

import logging
from time import monotonic

REMIND_S = 60.0
"""Interval at which a continuing outage is logged again, in seconds."""


class OutageLog:
    """
    Logs the start of an outage, a reminder once a minute, and its end.

    Args:
        log: the logger of the component.
        failing, over: messages; the error is appended to the first.
    """

    def __init__(self, log: logging.Logger, failing: str, over: str) -> None:
        self._log = log
        self._failing = failing
        self._over = over
        self._told_at: float | None = None

    def failed(self, error: Exception) -> None:
        """Record a failed attempt."""
        now = monotonic()
        if self._told_at is None or now - self._told_at >= REMIND_S:
            self._told_at = now
            self._log.warning("%s: %s", self._failing, error)

    def passed(self) -> None:
        """Record a successful attempt."""
        if self._told_at is not None:
            self._told_at = None
            self._log.info(self._over)
