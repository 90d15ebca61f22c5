"""The transcript for Premiere, held against our own statement of what its schema demands."""

from __future__ import annotations

import copy
import json
from itertools import pairwise
from typing import Any
from uuid import UUID

import jsonschema_rs
import pytest
from hypothesis import given

from audio_tools.errors import NoWords
from audio_tools.exports.adobe import adobe_language, write_adobe
from audio_tools.exports.export import Export
from audio_tools.exports.export_options import ExportOptions
from audio_tools.exports.registry import render
from audio_tools.transcript import Interval, Json, Segment, Word
from tests.exports.material import say, transcript_of, transcripts


def closed(**properties: Json) -> Json:
    """An object with all of these fields and no other."""
    return {
        "type": "object",
        "properties": properties,
        "required": [*properties],
        "additionalProperties": False,
    }


LANGUAGE = {
    "enum": [
        "en-us",
        "en-gb",
        "zh-hk",
        "cmn-hans",
        "cmn-hant",
        "es-es",
        "de-de",
        "fr-fr",
        "ja-jp",
        "pt-pt",
        "pt-br",
        "ko-kr",
        "it-it",
        "ru-ru",
        "hi-in",
        "nb-no",
        "sv-se",
        "nl-nl",
        "da-dk",
        "id-id",
        "th-th",
        "vi-vn",
        "ms-my",
        "tr-tr",
        "pl-pl",
        "fil-ph",
        "te-in",
        "ml-in",
        "pa-in",
        "??-??",
    ]
}
ID = {"type": "string", "pattern": "^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$"}
TIME = {"type": "number", "minimum": 0}
WORD = closed(
    confidence={"type": "number", "minimum": 0, "maximum": 1},
    duration=TIME,
    eos={"type": "boolean"},
    start=TIME,
    tags={"type": "array", "items": {"enum": ["profanity", "filler"]}, "uniqueItems": True},
    text={"type": "string"},
    type={"enum": ["word", "punctuation"]},
)
SEGMENT = closed(
    start=TIME,
    duration=TIME,
    language=LANGUAGE,
    speaker=ID,
    words={"type": "array", "items": WORD, "minItems": 1},
)
SPEAKER = closed(id=ID, name={"type": "string", "minLength": 1})
SCHEMA = closed(
    language=LANGUAGE,
    segments={"type": "array", "items": SEGMENT, "minItems": 1},
    speakers={"type": "array", "items": SPEAKER, "minItems": 1},
)
"""The facts of static transcript 1.0.0, in our words."""
VALIDATOR = jsonschema_rs.validator_for(SCHEMA)

TALK = transcript_of(
    Word("Hello,", 0.5, 0.9, 0.8, speaker="Ann"),
    Word("um,", 1.0, 1.2, speaker="Ann"),
    Word("shit.", 1.3, 2.5, speaker="Ann"),
    Word("Dr.", 5.0, 5.3, speaker="Bob"),
    Word("No", 5.3, 5.6, speaker="Bob"),
    Word("—", 5.6, 5.7, speaker="Bob"),
    silences=(Interval(1.8, 5.0),),
)


def document_of(text: str) -> Json:
    document: Json = json.loads(text)
    VALIDATOR.validate(document)
    return document


def words_of(document: Json) -> list[Json]:
    return [word for segment in document["segments"] for word in segment["words"]]


def test_a_transcript_is_a_valid_document() -> None:
    """Two speakers with ids that stay the same, tags, ends of sentences, types; segments by speaker."""
    first, second = (document_of(write_adobe(TALK)) for _ in range(2))
    words = words_of(first)
    names = {speaker["id"]: speaker["name"] for speaker in first["speakers"]}

    assert first == second
    assert [names[segment["speaker"]] for segment in first["segments"]] == ["Ann", "Bob"]
    assert all(UUID(key).version == 4 for key in names)
    assert [word["text"] for word in words] == ["Hello,", "um,", "shit.", "Dr.", "No", "—"]
    assert [word["tags"] for word in words] == [[], ["filler"], ["profanity"], [], [], []]
    assert [word["eos"] for word in words] == [False, False, True, False, False, True]
    assert words[0]["confidence"] == 0.8
    assert [word["type"] for word in words] == ["word"] * 5 + ["punctuation"]
    assert first["language"] == "en-us"


def test_word_ends_are_clear_of_silences() -> None:
    """A word that the engine stretched over a pause ends where the pause begins: Premiere finds it."""
    word = words_of(document_of(write_adobe(TALK)))[2]

    assert word["start"] + word["duration"] == pytest.approx(1.8)


@given(transcripts())
def test_any_words_make_a_valid_document(transcript: Any) -> None:
    """In order, none overlapping the next, each in its segment; or no words, and that is said."""
    if not transcript.words:
        with pytest.raises(NoWords):
            write_adobe(transcript)
        return
    document = document_of(write_adobe(transcript))
    words = words_of(document)

    assert [word["text"] for word in words] == [word.word for word in transcript.words]
    for left, right in pairwise(words):
        assert left["start"] + left["duration"] <= right["start"] + 1e-6
    for segment in document["segments"]:
        assert segment["start"] == segment["words"][0]["start"]
        last = segment["words"][-1]
        assert segment["start"] + segment["duration"] == pytest.approx(last["start"] + last["duration"])
        assert last["eos"]


HARMS = {
    "no segments": lambda document: document["segments"].clear(),
    "no speakers": lambda document: document["speakers"].clear(),
    "no words": lambda document: document["segments"][0]["words"].clear(),
    "an extra field": lambda document: document.update(version="1.0.0"),
    "an extra field of a word": lambda document: document["segments"][0]["words"][0].update(end=1.0),
    "a missing field": lambda document: document["segments"][0]["words"][0].pop("eos"),
    "another tag": lambda document: document["segments"][0]["words"][0]["tags"].append("pause"),
    "too sure": lambda document: document["segments"][0]["words"][0].update(confidence=1.2),
    "a name for an id": lambda document: document["speakers"][0].update(id="Ann"),
    "an id of another version": lambda document: document["speakers"][0].update(
        id="00000000-0000-1000-8000-000000000000"
    ),
    "a speaker without a name": lambda document: document["speakers"][0].update(name=""),
    "a language in capitals": lambda document: document.update(language="en-US"),
}


@pytest.mark.parametrize("harm", HARMS)
def test_what_premiere_refuses_is_refused_here(harm: str) -> None:
    """Else the tests above would show nothing."""
    document = copy.deepcopy(document_of(write_adobe(TALK)))
    HARMS[harm](document)

    assert not VALIDATOR.is_valid(document)


@pytest.mark.parametrize(
    ("language", "wanted", "name"),
    [
        ("en", None, "en-us"),
        ("en", "en-GB", "en-gb"),
        ("zh", None, "cmn-hans"),
        ("yue", None, "zh-hk"),
        ("pt", None, "pt-br"),
        ("no", None, "nb-no"),
        ("de", None, "de-de"),
        ("pl", None, "pl-pl"),
        ("ca", None, "??-??"),
        (None, None, "??-??"),
        ("en", "xx-yy", "??-??"),
    ],
)
def test_languages_have_the_names_of_premiere(language: str | None, wanted: str | None, name: str) -> None:
    """The variant that is asked for, else the usual one, else unknown."""
    assert adobe_language(language, wanted) == name


def test_times_are_those_of_the_media_without_its_timecode() -> None:
    """And words that are only in segments are there too."""
    transcript = transcript_of(segments=(Segment(0, 1.0, 3.0, "One two three."),))
    (document,) = render(
        "premiere", Export(transcript, "a.mov", options=ExportOptions(premiere_language="en-gb"))
    )
    words = words_of(document_of(document.data.decode()))

    assert document.suffix == ".premiere.json"
    assert words[0]["start"] == 1.0
    assert [word["text"] for word in words] == ["One", "two", "three."]


def test_without_a_speaker_there_is_one() -> None:
    """The format wants a name."""
    document = document_of(write_adobe(transcript_of(*say("One two."))))

    assert [speaker["name"] for speaker in document["speakers"]] == ["Speaker 1"]
