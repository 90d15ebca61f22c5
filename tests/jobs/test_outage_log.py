"""What is logged of an outage."""

from __future__ import annotations

import logging

import pytest

from audio_tools.errors import QueueUnavailable
from audio_tools.jobs import outage_log as outage
from audio_tools.jobs.outage_log import REMIND_S, OutageLog

log = logging.getLogger(__name__)


def test_an_outage_is_logged_at_its_start_once_a_minute_and_at_its_end(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """However often it is tried; what works is not worth a line."""
    caplog.set_level(logging.INFO)
    now = 0
    monkeypatch.setattr(outage, "monotonic", lambda: now)
    redis = OutageLog(log, "away", "back")
    redis.passed()
    for now in range(round(2 * REMIND_S)):  # noqa: B007
        redis.failed(QueueUnavailable("gone"))
    redis.passed()
    redis.passed()
    redis.failed(QueueUnavailable("gone"))

    assert caplog.messages == ["away: gone", "away: gone", "back", "away: gone"]
