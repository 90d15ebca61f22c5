"""The schemas of the OpenAPI document: they know every field that there can be, and no other."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from typing import Any

import jsonschema_rs
import pytest

from audio_tools.errors import AudioToolsError
from audio_tools.options import Options
from audio_tools.server.openapi.examples import EXAMPLES
from audio_tools.server.openapi.schemas import event_schemas, schemas
from audio_tools.transcript import (
    AudioStream,
    Channel,
    FailedChunk,
    Filler,
    Interval,
    Json,
    MediaInfo,
    Segment,
    Silence,
    Transcript,
    Usage,
    Word,
)
from tests.server.openapi.described import assert_described


def full_transcript() -> Transcript:
    """One with everything that a transcript can have."""
    stream = AudioStream(0, 1, "aac", 48_000, 2, 0.02, 60.0, "eng", "Main", True)
    film = MediaInfo("mov", 60.0, (stream,), 0, Fraction(25), False, 64, 36, "01:00:00;00", True)
    return Transcript(
        words=(Word("So", 0.5, 0.7, 0.9, "aligned", "A", 0),),
        segments=(Segment(0, 0.5, 0.7, "So", -0.2, 1.1, 0.01, "A", "en", 0),),
        silences=(Interval(1.0, 4.0),),
        duration=60.0,
        total_chunks=2,
        success_rate=50.0,
        text="So",
        language="en",
        engine="openai",
        model="whisper-1",
        media=replace(film.of_stream(0), time_reference=36_000.0, video_start=0.04),
        aligner="pocketsphinx",
        pauses=(Interval(1.0, 4.0),),
        fillers=(Filler(None, None, 0.8, 0.95, "uh", channel=0),),
        failed_chunks=(FailedChunk(1, 30.0, 60.0, "engine_timeout", "No answer.", 0),),
        gaps=(Interval(4.0, 5.0),),
        warnings=("A sentence.",),
        usage=Usage(60.0, 2, 0, 0.006, 17),
        channels=(Channel(0, (Silence(1.0, 4.0, 3.0),), (Interval(4.0, 5.0),), "en"),),
    )


def test_every_field_of_a_transcript_is_known() -> None:
    """Also those that few transcripts have; and each that is described is there."""
    record = full_transcript().to_json()
    parts = {
        "Transcript": record,
        "Word": record["words"][0],
        "Segment": record["segments"][0],
        "Filler": record["fillers"][0],
        "Silence": record["silenceSegments"][0],
        "Channel": record["channels"][0],
        "Interval": record["gaps"][0],
        "FailedChunk": record["failedChunks"][0],
        "MediaInfo": record["media"],
        "AudioStream": record["media"]["audioStreams"][0],
        "Usage": record["usage"],
    }

    assert_described(record, "Transcript")
    for name, part in parts.items():
        assert schemas()[name]["properties"].keys() == part.keys(), name


@pytest.mark.parametrize(
    "harm",
    [{"words": "So"}, {"totalDuration": None}, {"unheardOf": 1}, {"language": 7}, {"successRate": 101}],
)
def test_what_is_not_as_described_is_noticed(harm: Json) -> None:
    """So that the other tests can fail."""
    with pytest.raises(jsonschema_rs.ValidationError):
        assert_described(full_transcript().to_json() | harm, "Transcript")


def fields(schema: Any, place: str) -> Iterator[tuple[str, Json]]:
    """Every field of a schema and of what stands in it."""
    if isinstance(schema, list):
        for item in schema:
            yield from fields(item, place)
    elif isinstance(schema, dict):
        for name, field in schema.get("properties", {}).items():
            yield f"{place}.{name}", field
        for key, value in schema.items():
            yield from fields(value, f"{place}.{key}")


def test_every_field_has_a_meaning() -> None:
    """In words for people, with none of Python's."""
    described = dict(fields(schemas(), ""))
    texts = {place: field.get("description", "") for place, field in described.items()}

    assert len(texts) > 100
    assert [place for place, text in texts.items() if not text.endswith((".", ")"))] == []
    assert [place for place, text in texts.items() if {"None", "True", "False"} & set(text.split())] == []


def test_options_are_described_as_they_are_checked() -> None:
    """All of them, without what Pydantic adds."""
    options = schemas()["Options"]["properties"]

    assert options.keys() == {field.alias for field in Options.model_fields.values()}
    assert [name for name, option in options.items() if option.keys() & {"anyOf", "title"}] == []
    assert options["maxConcurrent"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 64,
        "description": Options.model_fields["max_concurrent"].description,
    }
    assert_described(Options().model_dump(by_alias=True, exclude_none=True), "Options")


def test_every_fact_of_an_error_is_known() -> None:
    """Whichever error it is of; those of other tests aside."""
    known = {*schemas()["ErrorBody"]["properties"]}
    for error in subclasses(AudioToolsError):
        if error.__module__.startswith("audio_tools."):
            tree = ast.parse(textwrap.dedent(inspect.getsource(error.facts)))
            facts = {
                key.value
                for node in ast.walk(tree)
                if isinstance(node, ast.Dict)
                for key in node.keys
                if isinstance(key, ast.Constant)
            }
            assert facts <= known, error


def subclasses(error: type[AudioToolsError]) -> Iterator[type[AudioToolsError]]:
    for child in error.__subclasses__():
        yield child
        yield from subclasses(child)


def test_every_reference_leads_somewhere() -> None:
    """And each event is one of those that a message can be."""
    names = {schema.rpartition("/")[2] for schema in references(schemas())}

    assert names <= schemas().keys()
    assert names >= event_schemas().keys()


def references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if "$ref" in schema:
            yield schema["$ref"]
        for value in schema.values():
            yield from references(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from references(item)


@pytest.mark.parametrize("name", EXAMPLES)
def test_examples_are_as_described(name: str) -> None:
    """Readers copy them."""
    assert_described(EXAMPLES[name], name)
