"""What is logged of something that is tried again and again until it works."""

from __future__ import annotations

import logging
from time import monotonic

REMIND_S = 60.0
"""How often an outage that lasts is logged again, in seconds."""


class OutageLog:
    """
    Logs an outage when it begins, once a minute while it lasts, and once when it is over.

    Args:
        log: whose outage it is.
        failing, over: what is logged; the error follows the first.
    """

    def __init__(self, log: logging.Logger, failing: str, over: str) -> None:
        self._log = log
        self._failing = failing
        self._over = over
        self._told_at: float | None = None

    def failed(self, error: Exception) -> None:
        """It was tried in vain."""
        now = monotonic()
        if self._told_at is None or now - self._told_at >= REMIND_S:
            self._told_at = now
            self._log.warning("%s: %s", self._failing, error)

    def passed(self) -> None:
        """It works."""
        if self._told_at is not None:
            self._told_at = None
            self._log.info(self._over)
