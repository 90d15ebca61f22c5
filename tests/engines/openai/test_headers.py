"""What headers say about the request limit."""

from __future__ import annotations

import pytest

from audio_tools.engines.openai.headers import read_quota
from audio_tools.transcript import Quota


def headers(limit: str, remaining: str, reset: str) -> dict[str, str]:
    values = {"limit": limit, "remaining": remaining, "reset": reset}
    return {f"x-ratelimit-{name}-requests": value for name, value in values.items()}


@pytest.mark.parametrize(
    ("told", "quota"),
    [
        (headers("30", "29", "2s"), Quota(30, 29, 2.0)),
        (headers("14400", "14370", "2m59.56s"), Quota(14_400, 14_370, 179.56)),
        (headers("3", "0", "20ms"), Quota(3, 0, 0.02)),
        (headers("30", "30", "0s"), None),
        (headers("30", "31", "2s"), None),
        (headers("0", "0", "2s"), None),
        (headers("30", "-1", "2s"), None),
        (headers("many", "29", "2s"), None),
        (headers("30", "29", "soon"), None),
        ({"x-ratelimit-remaining-requests": "0"}, None),
        ({}, None),
    ],
)
def test_a_request_limit_is_read_or_left_alone(told: dict[str, str], quota: Quota | None) -> None:
    """OpenAI's and Groq's headers are understood; what is missing or makes no sense is no limit."""
    assert read_quota(told) == quota
