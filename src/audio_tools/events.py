"""Events that a running job publishes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer

from audio_tools.errors import DiskFull, EngineRateLimited, EngineUnavailable, EngineUnreachable
from audio_tools.json_value import JsonValue, Moment, Seconds, iso, omit_if_none
from audio_tools.transcript import Count, Word

Stage = Literal["probe", "load", "decode", "transcribe", "stitch"]

WAITED_FOR = (DiskFull.code, EngineRateLimited.code, EngineUnavailable.code, EngineUnreachable.code)
"""Codes of what a running job may wait for."""
Tenths = Annotated[float, PlainSerializer(lambda value: round(value, 1), return_type=float)]
Hundredths = Annotated[float, PlainSerializer(lambda value: round(value, 2), return_type=float)]


@dataclass(frozen=True, slots=True)
class Waiting(JsonValue):
    """What a running job waits for before it can continue: its engine, its provider or room on the disk."""

    code: Annotated[str, Field(json_schema_extra={"enum": [*WAITED_FOR]})]
    """Code of the error that would end the job without the wait."""
    reason: str
    """The reason, one sentence."""
    since: Moment
    """Start of the wait, ISO 8601 in UTC."""
    next_attempt_at: Moment
    """Time of the next attempt, ISO 8601 in UTC."""

    @classmethod
    def of(cls, code: str, reason: str, *, since: float, next_attempt_at: float) -> Waiting:
        """The same of times in epoch seconds."""
        return cls(code, reason, iso(since), iso(next_attempt_at))


@dataclass(frozen=True, slots=True)
class Progress(JsonValue):
    """Progress update. Only the latest one is replayed; `progress` reaches 100 right before `completed`."""

    stage: Stage
    """Current stage; `load`: the engine is being loaded."""
    progress: Annotated[Tenths, Field(json_schema_extra={"minimum": 0, "maximum": 100})]
    """Percent; never decreases."""
    message: str
    """The current step, one sentence."""
    chunks_done: Count = 0
    """Chunks that are transcribed."""
    chunks_failed: Count = 0
    """Chunks that have failed so far; they do not count as progress."""
    total_chunks: Count = 0
    """Number of chunks; an estimate until the whole file has been cut."""
    eta_s: Annotated[Tenths | None, Field(alias="etaSeconds", json_schema_extra={"minimum": 0})] = None
    """Estimated seconds left; null while unknown."""
    speed: Annotated[Hundredths | None, Field(json_schema_extra={"minimum": 0})] = None
    """Seconds of audio transcribed per second; null while unknown."""
    waiting: Waiting | None = None
    """What the job waits for before it can continue; null while it works."""
    type: Literal["progress"] = "progress"


@dataclass(frozen=True, slots=True)
class ChunkWords(JsonValue):
    """The words of one finished chunk, in any order of chunks, before its borders are joined."""

    index: Annotated[Count, Field(alias="chunk")]
    """Number of the chunk, from 0."""
    start: Seconds
    """Start of the chunk, seconds from the start of the media."""
    end: Seconds
    """End of the chunk, seconds from the start of the media."""
    words: tuple[Word, ...]
    """Words in spoken order."""
    channel: Annotated[Count | None, omit_if_none()] = None
    """Channel of the stream, from 0, with `channelMode: separate`."""
    overlaps: bool = True
    """Whether its beginning may hold words of the chunk before, too: it was not cut in a pause."""
    type: Literal["words"] = "words"


Event = Progress | ChunkWords
Publish = Callable[[Event], None]
"""Takes an event at once, without waiting; called on the event loop."""
