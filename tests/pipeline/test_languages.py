"""Warnings about speech in a language that it was not transcribed in."""

from __future__ import annotations

import pytest

from audio_tools.pipeline.languages import DetectedLanguage, language_warnings


def chunk(
    number: int, detected: str | None, used: str = "en", probability: float = 0.95, words: int = 20
) -> DetectedLanguage:
    return DetectedLanguage(number * 25.0, number * 25.0 + 25.0, words, used, detected, probability)


def test_speech_in_one_language_is_no_warning() -> None:
    """Nor is an engine that does not say what it detects."""
    assert list(language_warnings([chunk(0, "en"), chunk(1, None)], None)) == []
    assert list(language_warnings([], "de")) == []


def test_a_wrong_language_is_reported() -> None:
    """English forced to German is nonsense, and the transcript says so."""
    (warning,) = language_warnings([chunk(0, "en", "de"), chunk(1, "en", "de"), chunk(2, "de", "de")], "de")

    assert "seems to be in en, not in de as requested (en at 0.0-50.0 s)" in warning


@pytest.mark.parametrize("requested", ["en", None])
def test_a_second_language_is_reported_with_its_place(requested: str | None) -> None:
    """Neighbouring chunks are one stretch, and the way out is named."""
    chunks = [chunk(0, "en"), chunk(1, "es"), chunk(2, "es"), chunk(3, "en"), chunk(4, "fr"), chunk(5, "en")]

    (warning,) = language_warnings(chunks, requested)

    assert "es at 25.0-75.0 s, fr at 100.0-125.0 s." in warning
    assert "language to multi" in warning


def test_a_guessed_language_is_reported() -> None:
    """With `multi`, or at the first words: the model wrote Malay with 13 % for a Spaniard."""
    chunks = [chunk(0, "en"), chunk(1, "ms", "ms", 0.13), chunk(2, "en", probability=0.4)]

    (warning,) = language_warnings(chunks, None)

    assert "is a guess: ms at 25.0-50.0 s;" in warning
    assert list(language_warnings([chunk(0, "ms", "ms", 0.13)], "ms")) == []
    assert list(language_warnings([chunk(0, "ms", "ms", 0.13, words=2)], None)) == []


def test_many_stretches_are_counted() -> None:
    """A long recording does not fill the page."""
    chunks = [chunk(number, "es" if number % 2 else "en") for number in range(20)]

    (warning,) = language_warnings(chunks, None)

    assert warning.count("es at") == 5
    assert "and 5 more" in warning


@pytest.mark.parametrize(
    "doubtful",
    [
        chunk(0, "es", probability=0.6),
        chunk(0, "es", words=2),
        chunk(0, "nn", used="no"),
        chunk(0, "gl", used="pt"),
    ],
)
def test_weak_evidence_is_no_warning(doubtful: DetectedLanguage) -> None:
    """Improbable languages, hardly any words and languages that are alike are not reported."""
    assert list(language_warnings([doubtful], None)) == []
