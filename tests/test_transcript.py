"""The JSON of a transcript is the contract with clients."""

from __future__ import annotations

import json
from fractions import Fraction

import pytest

from audio_tools.transcript import (
    AudioStream,
    FailedChunk,
    Interval,
    MediaInfo,
    Segment,
    Transcript,
    Usage,
    Word,
)

MEDIA = MediaInfo(
    container="mov,mp4,m4a",
    duration=10.01,
    audio_streams=(
        AudioStream(0, 1, "aac", 48_000, 2, start=0.95, duration=9.0, language="eng", default=True),
    ),
    frame_rate=Fraction(30_000, 1001),
    width=1920,
    height=1080,
    start_timecode="01:00:00;00",
    drop_frame=True,
)
TRANSCRIPT = Transcript(
    words=(Word("Hi", 1.00001, 1.5, 0.98765432), Word("there", 1.5, 2.0, timing="estimated", speaker="B")),
    segments=(Segment(0, 1.0, 2.0, "Hi there", avg_logprob=-0.2, speaker="B"),),
    silences=(Interval(2.5, 10.01),),
    duration=10.01,
    total_chunks=2,
    success_rate=50.0,
    text="Hi there",
    language="en",
    engine="openai",
    model="whisper-1",
    media=MEDIA.of_stream(0),
    aligner="pocketsphinx",
    silence_detection="auto",
    failed_chunks=(FailedChunk(1, 5.0, 10.01, "engine_timeout", "No answer."),),
    gaps=(Interval(3.0, 4.0),),
    warnings=("careful",),
    usage=Usage(20.0, 4, 1, 0.002, tokens=120),
)


def test_the_fields_of_the_spec_have_its_names() -> None:
    """Existing clients find what they look for."""
    record = TRANSCRIPT.to_json()

    assert record["words"][0] == {
        "word": "Hi",
        "start": 1.0,
        "end": 1.5,
        "confidence": 0.9877,
        "timing": "engine",
    }
    assert record["silenceSegments"] == [{"start": 2.5, "end": 10.01, "duration": 7.51, "type": "silence"}]
    assert (record["totalDuration"], record["totalChunks"], record["successRate"]) == (10.01, 2, 50.0)


def test_media_says_what_a_timeline_needs() -> None:
    """The frame rate is exact, the offset and the timecode are there."""
    media = TRANSCRIPT.to_json()["media"]

    assert (media["frameRate"], media["startTimecode"], media["dropFrame"]) == (
        "30000/1001",
        "01:00:00;00",
        True,
    )
    assert (media["audioStartOffset"], media["audioStream"]) == (0.95, 0)


def test_a_transcript_of_impossible_length_is_refused() -> None:
    """A damaged file is named as such, before anything is computed from it."""
    for duration in (-5.0, 1e18):
        with pytest.raises(ValueError, match="totalDuration"):
            Transcript.from_json(TRANSCRIPT.to_json() | {"totalDuration": duration})


def test_a_transcript_survives_its_json() -> None:
    """Written, read and written again it is the same text."""
    text = json.dumps(TRANSCRIPT.to_json())

    assert json.dumps(Transcript.from_json(json.loads(text)).to_json()) == text
