"""
The values of a transcript: words, segments and silences on the media's own clock.

All times are seconds from the start of the media file (the presentation time 0 that a player shows),
not from the start of its audio stream. JSON names are camelCase, as `spec.md` has them; the docstring below
each field is its description in the OpenAPI document.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field, PlainSerializer, computed_field

from audio_tools.json_value import Json, JsonValue, Seconds, omit_if_none

__all__ = [
    "AudioStream",
    "Channel",
    "DropReason",
    "Dropped",
    "FailedChunk",
    "Filler",
    "FillerDetection",
    "Interval",
    "Json",
    "MediaInfo",
    "Quota",
    "Reply",
    "Segment",
    "Silence",
    "Timing",
    "Transcript",
    "Usage",
    "Word",
]

Timing = Literal["engine", "aligned", "estimated"]
"""The source of a word's times: the engine, forced alignment, or an estimate within bounds."""

FillerDetection = Literal["samples", "transcript"]
"""Where fillers were found: in the samples between words as well as in the words, or in the words alone."""

LONGEST_S = 10_000_000.0
"""No recording is longer, in seconds (four months): a transcript that claims to be is damaged."""

Count = Annotated[int, Field(json_schema_extra={"minimum": 0})]
Percent = Annotated[float, Field(json_schema_extra={"minimum": 0, "maximum": 100})]
FrameRate = Annotated[
    Fraction, PlainSerializer(lambda rate: f"{rate.numerator}/{rate.denominator}", return_type=str)
]


@dataclass(frozen=True, slots=True)
class Word(JsonValue):
    """A spoken word; `start` < `end`."""

    word: str
    """The word as it is written, with its punctuation."""
    start: Seconds
    """Start, seconds from the start of the media."""
    end: Seconds
    """End, seconds from the start of the media."""
    confidence: Annotated[
        Annotated[float, PlainSerializer(lambda value: round(value, 4), return_type=float)] | None,
        omit_if_none(minimum=0, maximum=1),
    ] = None
    """Probability that the word is right, where the engine reports it."""
    timing: Timing = "engine"
    """Source of the times: the engine, the samples (`aligned`), or an estimate within bounds."""
    speaker: Annotated[str | None, omit_if_none()] = None
    """Speaker, where the engine separates speakers; a name holds within one transcript."""
    channel: Annotated[Count | None, omit_if_none()] = None
    """Channel of the stream, from 0, with `channelMode: separate`."""

    @property
    def middle(self) -> float:
        """The word's midpoint in seconds: it decides which chunk owns the word."""
        return (self.start + self.end) / 2

    def shifted(self, seconds: float) -> Word:
        """The same word, `seconds` later."""
        return replace(self, start=self.start + seconds, end=self.end + seconds)


@dataclass(frozen=True, slots=True)
class Segment(JsonValue):
    """A sentence or phrase, as the engine cut it."""

    id: Count
    """Number of the segment, from 0."""
    start: Seconds
    """Start, seconds from the start of the media."""
    end: Seconds
    """End, seconds from the start of the media."""
    text: str
    """Text of the segment."""
    avg_logprob: Annotated[float | None, omit_if_none()] = None
    """Whisper's mean log probability per token, where known."""
    compression_ratio: Annotated[float | None, omit_if_none()] = None
    """Whisper's compression ratio of the text: high where it repeats itself."""
    no_speech_prob: Annotated[float | None, omit_if_none(minimum=0, maximum=1)] = None
    """Whisper's probability that the segment contains no speech."""
    speaker: Annotated[str | None, omit_if_none()] = None
    """Speaker, where the engine separates speakers; a name holds within one transcript."""
    language: Annotated[str | None, omit_if_none()] = None
    """Language of the segment, ISO 639-1, with `language: multi` or `channelMode: separate`."""
    channel: Annotated[Count | None, omit_if_none()] = None
    """Channel of the stream, from 0, with `channelMode: separate`."""

    def shifted(self, seconds: float) -> Segment:
        """The same segment, `seconds` later."""
        return replace(self, start=self.start + seconds, end=self.end + seconds)


@dataclass(frozen=True, slots=True)
class Quota:
    """
    The request limit of a key as its provider counts it: of `limit` requests `remaining` are left, and in
    `reset_s` seconds (more than 0) all of them are there again.
    """

    limit: int
    remaining: int
    reset_s: float

    @property
    def per_second(self) -> float:
        """Requests regained per second, whatever the period of the limit."""
        return max(self.limit - self.remaining, 1) / self.reset_s


@dataclass(frozen=True, slots=True, order=True)
class Interval(JsonValue):
    """A stretch of time."""

    start: Seconds
    """Start, seconds from the start of the media."""
    end: Seconds
    """End, seconds from the start of the media."""

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.end - self.start


DropReason = Literal["sound", "repetition", "silence", "no voice"]
"""Why a phrase is dropped: it names a sound, it is repeated endlessly, or nothing sounds where it lies."""


@dataclass(frozen=True, slots=True)
class Dropped(JsonValue):
    """A phrase of an engine, said `count` times, that is left out of the words; times in seconds."""

    text: str
    start: Seconds
    end: Seconds
    reason: DropReason
    count: int = 1

    def shifted(self, seconds: float) -> Dropped:
        """The same phrase, `seconds` later."""
        return replace(self, start=self.start + seconds, end=self.end + seconds)


@dataclass(frozen=True, slots=True)
class Reply(JsonValue):
    """
    An engine's answer for one chunk; times in seconds from the start of the chunk, words in order.

    Where an engine returns text alone, `words` and `segments` are empty. `language`: ISO 639-1 or None.
    `quota`: the provider's request limit; None: unknown, or unused. `cost_usd`: the cost by the provider's
    own count; None: unknown or free. `tokens`: tokens counted, in and out. What a reply cost is not stored:
    it is paid only once. `dropped`: phrases of the engine that are no speech. `detected_language`, with its
    `language_probability` in 0..1: what the model detects, whatever language was requested; None: unknown.
    `hesitations`: `um` and `uh` between the words, found in the samples; None: not searched for. `context`:
    for the request of the next chunk, in the engine's own form.
    """

    text: str
    words: tuple[Word, ...] = ()
    segments: tuple[Segment, ...] = ()
    language: str | None = None
    detected_language: str | None = None
    language_probability: float | None = None
    quota: Annotated[Quota | None, Field(exclude=True)] = None
    cost_usd: Annotated[float | None, Field(exclude=True)] = None
    tokens: Annotated[int, Field(exclude=True)] = 0
    dropped: tuple[Dropped, ...] = ()
    hesitations: tuple[Interval, ...] | None = None
    context: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Filler(JsonValue):
    """A sound of hesitation, in the words or between them."""

    first_word: Count | None
    """Index of its first word; null for a sound between two words."""
    last_word: Count | None
    """Index of its last word, included; null for a sound between two words."""
    start: Seconds
    """Start, seconds from the start of the media."""
    end: Seconds
    """End, seconds from the start of the media."""
    text: str
    """The words; `uh` for a sound between two words."""
    score: Annotated[float, Field(json_schema_extra={"minimum": 0, "maximum": 1})] = 1.0
    """Confidence that it is one."""
    channel: Annotated[Count | None, omit_if_none()] = None
    """Channel of the stream, from 0, with `channelMode: separate`."""


@dataclass(frozen=True, slots=True)
class Silence(JsonValue):
    """A stretch without speech, at least `silenceThreshold` seconds long, or 10 ms less."""

    start: Seconds
    """Start, seconds from the start of the media."""
    end: Seconds
    """End, seconds from the start of the media."""
    duration: Annotated[Seconds, Field(json_schema_extra={"minimum": 0})]
    """Length, seconds."""
    type: Literal["silence"] = "silence"
    """Always `silence`."""

    @classmethod
    def of(cls, found: Interval) -> Silence:
        """The silence as the result lists it."""
        return cls(found.start, found.end, found.duration)


@dataclass(frozen=True, slots=True)
class Channel(JsonValue):
    """A channel of the stream that was transcribed on its own."""

    channel: Count
    """Number of the channel, from 0."""
    silences: Annotated[tuple[Silence, ...], Field(alias="silenceSegments")] = ()
    """Silences of this channel in order: nothing is spoken on it, or only what another channel has louder."""
    gaps: tuple[Interval, ...] = ()
    """Speech on this channel that no word covers, although it was sent twice."""
    language: Annotated[str | None, omit_if_none()] = None
    """Language of this channel, ISO 639-1; left out if it is unknown."""


@dataclass(frozen=True, slots=True)
class FailedChunk(JsonValue):
    """A chunk that was not transcribed."""

    index: Count
    """Number of the chunk, from 0."""
    start: Seconds
    """Start, seconds from the start of the media."""
    end: Seconds
    """End, seconds from the start of the media."""
    error: str
    """Stable code of the last error."""
    message: str
    """What was wrong, one sentence."""
    channel: Annotated[Count | None, omit_if_none()] = None
    """Channel of the stream, from 0, with `channelMode: separate`."""


@dataclass(frozen=True, slots=True)
class AudioStream(JsonValue):
    """An audio stream of the file."""

    position: Count
    """Position among the audio streams, from 0: the value of `audioStream`, FFmpeg's `0:a:N`."""
    index: Count
    """Position among all streams, from 0."""
    codec: str
    """FFmpeg's name of the codec."""
    sample_rate_hz: Annotated[int, Field(alias="sampleRate", json_schema_extra={"minimum": 0})]
    """Sample rate, Hz."""
    channels: Count
    """Number of channels."""
    start: Seconds = 0.0
    """First presentation time on the media's clock, seconds."""
    duration: Annotated[float | None, omit_if_none(minimum=0)] = None
    """Duration that the file states, seconds."""
    language: Annotated[str | None, omit_if_none()] = None
    """Language that the file states, mostly ISO 639-2."""
    title: Annotated[str | None, omit_if_none()] = None
    """Title that the file states."""
    default: bool = False
    """Whether the file marks it as the default."""


@dataclass(frozen=True, slots=True)
class MediaInfo(JsonValue):
    """The media file. Facts that are unknown, or meaningless without a picture, are left out."""

    container: str
    """FFmpeg's name of the container format."""
    duration: Annotated[float | None, omit_if_none(minimum=0)] = None
    """Duration that the file states, seconds."""
    audio_streams: tuple[AudioStream, ...] = ()
    """All audio streams."""
    default_audio: Annotated[int, Field(exclude=True)] = 0
    """Position of the audio stream that a player would choose."""
    frame_rate: Annotated[FrameRate | None, omit_if_none()] = None
    """Frames per second as a fraction: `30000/1001`."""
    variable_frame_rate: Annotated[bool | None, omit_if_none()] = None
    """Whether the frame rate is variable."""
    width: Annotated[int | None, omit_if_none(minimum=0)] = None
    """Width of the picture, pixels."""
    height: Annotated[int | None, omit_if_none(minimum=0)] = None
    """Height of the picture, pixels."""
    start_timecode: Annotated[str | None, omit_if_none()] = None
    """`HH:MM:SS:FF`, with `;` before the frames if they are drop-frame."""
    drop_frame: Annotated[bool | None, omit_if_none()] = None
    """Whether the timecode is drop-frame."""
    time_reference: Annotated[float | None, omit_if_none(minimum=0)] = None
    """Time of day of the first sample by a broadcast WAV, seconds since midnight."""
    guessed_duration: Annotated[float | None, Field(exclude=True)] = None
    """FFmpeg's estimate from size and bit rate, seconds; it may be five times too long."""
    audio_stream: Count = 0
    """Position of the audio stream that was transcribed."""
    video_start: Annotated[float | None, omit_if_none(minimum=0), Field(alias="videoStartOffset")] = None
    """Start of the picture on the media's clock, seconds: frame 0 of a timeline."""

    @computed_field(alias="audioStartOffset")  # type: ignore[prop-decorator]  # as pydantic documents it
    @property
    def audio_start(self) -> Seconds:
        """Start of that stream on the media's clock, seconds."""
        return self.audio_streams[self.audio_stream].start if self.audio_streams else 0.0

    @property
    def likely_duration(self) -> float | None:
        """The duration in seconds, as far as it is known before the file is decoded."""
        return self.duration or self.guessed_duration

    def of_stream(self, position: int) -> MediaInfo:
        """The same file, transcribed from the audio stream at `position`, without facts that mean nothing."""
        return replace(
            self,
            audio_stream=position,
            variable_frame_rate=self.variable_frame_rate if self.frame_rate else None,
            drop_frame=self.drop_frame if self.start_timecode else None,
        )


@dataclass(frozen=True, slots=True)
class Usage(JsonValue):
    """What the transcript took."""

    seconds: Annotated[
        float,
        PlainSerializer(lambda value: round(value, 2), return_type=float),
        Field(json_schema_extra={"minimum": 0}),
    ] = 0.0
    """Audio sent to the engine in this run, seconds."""
    calls: Count = 0
    """Requests made."""
    stored_chunks: Count = 0
    """Chunks answered by results stored earlier, free of charge."""
    cost_usd: Annotated[
        float,
        PlainSerializer(lambda value: round(value, 4), return_type=float),
        Field(alias="estimatedCostUsd", json_schema_extra={"minimum": 0}),
    ] = 0.0
    """US dollars, by the provider's count where it gives one, else by the engine's price."""
    tokens: Annotated[int, Field(exclude_if=lambda n: n == 0, json_schema_extra={"minimum": 0})] = 0
    """Tokens that the provider counted, in and out; left out where it counts none."""


@dataclass(frozen=True, slots=True)
class Transcript(JsonValue):
    """The result of one job. All times are seconds from the start of the media."""

    words: tuple[Word, ...]
    """Words in spoken order; empty where `wordTimestamps` is false."""
    segments: tuple[Segment, ...]
    """Segments in spoken order."""
    silences: Annotated[
        tuple[Annotated[Interval, PlainSerializer(Silence.of, return_type=Silence)], ...],
        Field(alias="silenceSegments"),
    ]
    """Silences in order; with `channelMode: separate` those in which no channel speaks."""
    duration: Annotated[
        Seconds, Field(alias="totalDuration", ge=0, le=LONGEST_S, json_schema_extra={"minimum": 0})
    ]
    """Seconds from the start of the media to its end."""
    total_chunks: Count
    """Number of chunks the audio was cut into."""
    success_rate: Percent
    """Percentage of chunks that were transcribed."""
    text: str
    """The whole text."""
    language: str | None
    """Spoken language, ISO 639-1; null if unknown."""
    engine: str
    """Engine that transcribed the chunks."""
    model: str
    """Model of the engine."""
    media: MediaInfo
    """The media file."""
    aligner: str | None = None
    """Aligner used for word times: `pocketsphinx`, `whisper`; null if none was."""
    silence_detection: Literal["level", "vad", "auto"] = "level"
    """How silence was really found: by level, by voice activity (`vad`), or by both (`auto`)."""
    pauses: tuple[Interval, ...] = ()
    """Pauses of at least 0.3 s without speech, in order, from which the silences were chosen."""
    fillers: tuple[Filler, ...] = ()
    """Hesitations such as `um` and `uh`, in order."""
    filler_detection: FillerDetection = "transcript"
    """Where they were found: in the samples as well (`samples`), or in the words alone (`transcript`)."""
    failed_chunks: tuple[FailedChunk, ...] = ()
    """Chunks that were not transcribed; no text is invented for them."""
    gaps: tuple[Interval, ...] = ()
    """Speech that no word covers, although it was sent twice."""
    warnings: tuple[str, ...] = ()
    """Sentences about anything else that needs attention."""
    usage: Usage = Usage()
    """Audio sent, requests and cost."""
    dry_run: bool = False
    """Whether nothing was transcribed, and the figures are an estimate."""
    channels: Annotated[tuple[Channel, ...], Field(exclude_if=lambda channels: not channels)] = ()
    """The channels in order, with `channelMode: separate`; left out otherwise."""
