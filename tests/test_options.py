"""Processing options: names, ranges and errors are part of the contract with clients."""

from __future__ import annotations

import pytest

from audio_tools.errors import InvalidOption
from audio_tools.options import Options

SPEC = {
    "chunkSize": 25 * 1024 * 1024,
    "maxConcurrent": 5,
    "rateLimitDelay": 2000,
    "silenceThreshold": 2.0,
    "audioFormat": "wav",
    "sampleRate": 16000,
    "channels": 1,
}


def test_the_options_of_the_spec_are_taken_as_they_are() -> None:
    """An existing client's options mean what they meant."""
    options, unknown = Options.parse(SPEC)

    assert unknown == []
    assert options.model_dump(by_alias=True, include={"chunk_size", "audio_format"}) == {
        "chunkSize": 26_214_400,
        "audioFormat": "wav",
    }
    assert Options.parse({"silenceThreshold": 2})[0].silence_threshold == 2.0
    assert Options.parse({"maxCost": 0})[0].max_cost == 0.0


def test_unknown_names_are_told_and_null_means_left_out() -> None:
    """Old clients send extras; they do no harm."""
    options, unknown = Options.parse({"turbo": True, "language": None, "maxConcurrent": 3})

    assert unknown == ["turbo"]
    assert (options.language, options.max_concurrent) == (None, 3)


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("chunkSize", "25MB", "a whole number from 65536 to 1073741824"),
        ("chunkSize", 10, "a whole number from 65536 to 1073741824"),
        ("chunkSize", True, "a whole number from 65536 to 1073741824"),
        ("maxConcurrent", 0, "a whole number from 1 to 64"),
        ("maxConcurrent", 2.5, "a whole number from 1 to 64"),
        ("rateLimitDelay", -1, "a whole number from 0 to 600000"),
        ("silenceThreshold", 0.1, "a number from 0.3 to 3600"),
        ("silenceThreshold", float("nan"), "a number from 0.3 to 3600"),
        ("silenceThreshold", "long", "a number from 0.3 to 3600"),
        ("silenceThreshold", "5", "a number from 0.3 to 3600"),
        ("silenceThreshold", True, "a number from 0.3 to 3600"),
        ("maxCost", "0.001", "a number from 0 to 1000000"),
        ("maxCost", True, "a number from 0 to 1000000"),
        ("audioFormat", "aiff", "one of flac, wav, mp3, ogg, opus"),
        ("sampleRate", 7999, "a whole number from 8000 to 48000"),
        ("channels", 6, "a whole number from 1 to 2"),
        ("language", "English", "text like en (ISO 639-1, lower case), or multi"),
        ("wordTimestamps", "yes", "true or false"),
        ("audioStream", -1, "a whole number from 0 to 63"),
        ("engine", "magic", "one of auto, openai, whisper"),
    ],
)
def test_a_wrong_option_is_named_with_its_value_and_range(name: str, value: object, allowed: str) -> None:
    """The error says what to send instead."""
    with pytest.raises(InvalidOption) as caught:
        Options.parse({name: value})

    assert caught.value.option == name
    assert caught.value.allowed == allowed
    assert caught.value.exit_code == 2
    assert allowed in caught.value.message


def test_multi_stands_for_no_single_language() -> None:
    """The language of each stretch is detected."""
    options, _ = Options.parse({"language": "multi"})

    assert (options.one_language, options.is_multilingual) == (None, True)
    assert Options(language="de").one_language == "de"
