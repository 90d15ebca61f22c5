"""The failure of a job: stored once, read by name."""

from __future__ import annotations

from audio_tools.errors import EngineRateLimited, NoAudioStream
from audio_tools.jobs import JobFailure


def test_an_error_keeps_its_code_status_and_facts() -> None:
    """The response to a request for the result says what an immediate error would have said."""
    error = EngineRateLimited("slow down", retry_after_s=3.0)
    failure = JobFailure.of(error, "slow down")

    assert (failure.code, failure.status, failure.message) == (error.code, error.status, "slow down")
    body = failure.response_body()
    assert body["success"] is False
    assert (body["error"], body["retryable"]) == (error.code, True)
    assert body.items() >= error.facts().items()
    assert not {"code", "status"} & body.keys()


def test_a_failure_whose_upload_is_removed_cannot_be_restarted() -> None:
    """The other fields stay; the hint says what to do instead."""
    failure = JobFailure({"code": "engine_timeout", "message": "late", "status": 504, "restartable": True})
    removed = failure.without_upload()

    assert (failure.restartable, failure.upload_removed) == (True, False)
    assert (removed.restartable, removed.upload_removed) == (False, True)
    assert (removed.code, removed.message, removed.status) == ("engine_timeout", "late", 504)
    assert "Upload the file again" in (removed.hint or "")


def test_a_record_of_an_older_version_has_defaults() -> None:
    """Records are never rewritten, so fields that came later may be missing."""
    failure = JobFailure({"message": NoAudioStream.__doc__ or ""})

    assert (failure.code, failure.status, failure.hint) == ("internal_error", 500, None)
    assert not failure.restartable
