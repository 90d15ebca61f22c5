"""No error lets a secret leave the process, whatever the origin of its text."""

from __future__ import annotations

import base64
import json

import pytest

from audio_tools.errors import EngineRefused
from audio_tools.jobs import Job, JobRequest, JobState
from audio_tools.redaction import REDACTED
from audio_tools.server.error_responses import error_response
from audio_tools.settings import Settings
from audio_tools.worker import failure_of

KEY = "unusual+Key/of-a-provider=42"


@pytest.mark.parametrize(
    "text",
    [
        f"Incorrect API key provided: {KEY}. Find yours in the console.",
        "Invalid key gsk_abcdefghijklmnopqrstuvwxyz012345",
        "hf_abcdefghijklmnopqrstuvwx is not allowed",
        'rejected header "api-key: 0123456789abcdef0123456789abcdef"',
        "token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3In0.SflKxwRJSMeKKF2QT4fw",
        "proxy http://user:hunter2hunter2@10.0.0.1:3128 refused",
        f"Authorization was {base64.b64encode(KEY.encode()).decode()}",
        "Incorrect API key provided: 0123456789abcdef0123456789abcdef. You can find yours",
        "Ocp-Apim-Subscription-Key: 0123456789abcdef was refused",
        "GET /speech?subscription-key=0123456789abcdef&x=1",
        "see https://blobs.example/a.flac?se=2026&sig=0123456789abcdef%3D",
        "r8_abcdefghijklmnopqrstuvwxyz0123456789 is not valid",
        "AKIAabcdefghijklmnop has no access",
    ],
)
def test_an_error_that_quotes_a_key_is_stored_and_sent_without_it(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The settings' own keys, and what looks like one; in message, hint, answer and record of the job."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    Settings.load()
    secrets = [KEY, "gsk_abcd", "hf_abcd", "0123456789abcdef", "SflKxwRJ", "hunter2", "r8_abcd", "AKIAabcd"]
    secrets.append(base64.b64encode(KEY.encode()).decode().rstrip("="))
    error = EngineRefused(f"The provider returned 401: {text}", hint=f"Look at {text}")
    failure = failure_of(error, Job(1, "", JobState.ACTIVE, JobRequest({}), 0.0))
    ways_out = [
        str(error),
        error.message,
        error.hint,
        json.dumps(failure.stored),
        bytes(error_response(error).body).decode(),
    ]

    assert [way for way in ways_out if any(secret in way for secret in secrets)] == []
    assert all(REDACTED in way for way in ways_out)


def test_ordinary_errors_stay_as_they_are() -> None:
    """Words that secrets contain, and hints that show how to give one."""
    text = 'API key required: set OPENAI_API_KEY. Send "Authorization: Bearer <token>"; REDIS_URL is like redis://:PASSWORD@HOST:PORT/0.'

    assert EngineRefused(text).message == text
