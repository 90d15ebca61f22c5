"""
What comes out: words, segments and silences on the media's own clock, and their JSON.

All times are seconds from the start of the media file (the presentation time 0 that a player shows),
not from the start of its audio stream. JSON names are camelCase, as `spec.md` has them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any, Literal

Timing = Literal["engine", "aligned", "estimated"]
"""Where a word's times come from: the engine itself, forced alignment, or a guess within bounds."""

Json = dict[str, Any]


def _without_none(record: Json) -> Json:
    return {key: value for key, value in record.items() if value is not None}


def _seconds(value: float) -> float:
    # A tenth of a millisecond is finer than one sample at 16 kHz and keeps float noise out of the JSON.
    return round(value, 4)


@dataclass(frozen=True, slots=True)
class Word:
    """
    One spoken word. `start` < `end`, in seconds; `confidence` in 0..1 and `speaker` where the engine gives
    them. A speaker's name holds within one transcript.
    """

    word: str
    start: float
    end: float
    confidence: float | None = None
    timing: Timing = "engine"
    speaker: str | None = None

    @property
    def middle(self) -> float:
        """The word's midpoint in seconds: it decides which chunk owns the word."""
        return (self.start + self.end) / 2

    def shifted(self, seconds: float) -> Word:
        """The same word, `seconds` later."""
        return replace(self, start=self.start + seconds, end=self.end + seconds)

    def to_json(self) -> Json:
        record = {"word": self.word, "start": _seconds(self.start), "end": _seconds(self.end)}
        confidence = None if self.confidence is None else round(self.confidence, 4)
        known = _without_none({"confidence": confidence, "speaker": self.speaker})
        return record | known | {"timing": self.timing}

    @classmethod
    def from_json(cls, record: Json) -> Word:
        return cls(
            word=str(record["word"]),
            start=float(record["start"]),
            end=float(record["end"]),
            confidence=record.get("confidence"),
            timing=record.get("timing", "engine"),
            speaker=record.get("speaker"),
        )


@dataclass(frozen=True, slots=True)
class Segment:
    """
    A sentence or phrase as the engine cut it; times in seconds. The three figures are Whisper's own,
    `speaker` is there where the engine tells speakers apart.
    """

    id: int
    start: float
    end: float
    text: str
    avg_logprob: float | None = None
    compression_ratio: float | None = None
    no_speech_prob: float | None = None
    speaker: str | None = None

    def shifted(self, seconds: float) -> Segment:
        """The same segment, `seconds` later."""
        return replace(self, start=self.start + seconds, end=self.end + seconds)

    def to_json(self) -> Json:
        return {
            "id": self.id,
            "start": _seconds(self.start),
            "end": _seconds(self.end),
            "text": self.text,
        } | _without_none(
            {
                "avgLogprob": self.avg_logprob,
                "compressionRatio": self.compression_ratio,
                "noSpeechProb": self.no_speech_prob,
                "speaker": self.speaker,
            }
        )

    @classmethod
    def from_json(cls, record: Json) -> Segment:
        return cls(
            id=int(record["id"]),
            start=float(record["start"]),
            end=float(record["end"]),
            text=str(record["text"]),
            avg_logprob=record.get("avgLogprob"),
            compression_ratio=record.get("compressionRatio"),
            no_speech_prob=record.get("noSpeechProb"),
            speaker=record.get("speaker"),
        )


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
        """How many come back in a second, whatever the period of the limit."""
        return max(self.limit - self.remaining, 1) / self.reset_s


DropReason = Literal["sound", "repetition", "silence"]
"""Why a phrase is left out: it names a sound, it is repeated without end, or nothing sounds where it lies."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A phrase of an engine, said `count` times, that is left out of the words; times in seconds."""

    text: str
    start: float
    end: float
    reason: DropReason
    count: int = 1

    def shifted(self, seconds: float) -> Dropped:
        """The same phrase, `seconds` later."""
        return replace(self, start=self.start + seconds, end=self.end + seconds)

    def to_json(self) -> Json:
        times = {"start": _seconds(self.start), "end": _seconds(self.end)}
        return {"text": self.text, **times, "reason": self.reason, "count": self.count}

    @classmethod
    def from_json(cls, record: Json) -> Dropped:
        return cls(**record)


@dataclass(frozen=True, slots=True)
class Reply:
    """
    What an engine heard in one chunk; times in seconds from the start of the chunk, words in order.

    Where an engine gives text alone, `words` and `segments` are empty. `language`: ISO-639-1 or None.
    `dropped`: what the engine said besides, which is no word of anyone.
    `quota`: how the provider's request limit stands; None: it does not say, or all is there.
    `cost_usd`: what the answer cost by the provider's own count; None: it does not say, or has no price.
    `tokens`: how many it counted, in and out; 0: it counts none.
    """

    text: str
    words: tuple[Word, ...] = ()
    segments: tuple[Segment, ...] = ()
    language: str | None = None
    quota: Quota | None = None
    cost_usd: float | None = None
    tokens: int = 0
    dropped: tuple[Dropped, ...] = ()

    def to_json(self) -> Json:
        """What is worth keeping; what it cost is paid only once."""
        return {
            "text": self.text,
            "words": [word.to_json() for word in self.words],
            "segments": [segment.to_json() for segment in self.segments],
            "language": self.language,
            "dropped": [phrase.to_json() for phrase in self.dropped],
        }

    @classmethod
    def from_json(cls, record: Json) -> Reply:
        return cls(
            text=str(record["text"]),
            words=tuple(Word.from_json(word) for word in record["words"]),
            segments=tuple(Segment.from_json(segment) for segment in record["segments"]),
            language=record["language"],
            dropped=tuple(Dropped.from_json(phrase) for phrase in record.get("dropped", ())),
        )


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """A stretch of time from `start` to `end`, in seconds."""

    start: float
    end: float

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.end - self.start

    def to_json(self) -> Json:
        return {"start": _seconds(self.start), "end": _seconds(self.end)}

    @classmethod
    def from_json(cls, record: Json) -> Interval:
        return cls(float(record["start"]), float(record["end"]))


@dataclass(frozen=True, slots=True)
class FailedChunk:
    """A chunk that no attempt could transcribe: where it lies (seconds) and what the engine said last."""

    index: int
    start: float
    end: float
    error: str
    message: str

    def to_json(self) -> Json:
        return {
            "index": self.index,
            "start": _seconds(self.start),
            "end": _seconds(self.end),
            "error": self.error,
            "message": self.message,
        }

    @classmethod
    def from_json(cls, record: Json) -> FailedChunk:
        return cls(**record)


@dataclass(frozen=True, slots=True)
class AudioStream:
    """
    One audio stream of a media file.

    `position` counts audio streams from 0 (FFmpeg's `0:a:N`); `index` counts all streams.
    `start` is the stream's first presentation time in seconds, on the media's clock.
    """

    position: int
    index: int
    codec: str
    sample_rate_hz: int
    channels: int
    start: float = 0.0
    duration: float | None = None
    language: str | None = None
    title: str | None = None
    default: bool = False

    def to_json(self) -> Json:
        return _without_none(
            {
                "position": self.position,
                "index": self.index,
                "codec": self.codec,
                "sampleRate": self.sample_rate_hz,
                "channels": self.channels,
                "start": _seconds(self.start),
                "duration": self.duration,
                "language": self.language,
                "title": self.title,
                "default": self.default,
            }
        )


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """
    What the timeline needs to know of a media file.

    `duration` in seconds, None if the file does not say, and then perhaps a `guessed_duration` from its size
    and bit rate, which may be five times too long; `frame_rate` exact, None without a picture;
    `start_timecode` as `HH:MM:SS:FF`, with `;` before the frames if `drop_frame`; `audio_start` is the
    first presentation time of the chosen audio stream in seconds.
    """

    container: str
    duration: float | None
    audio_streams: tuple[AudioStream, ...] = ()
    default_audio: int = 0
    frame_rate: Fraction | None = None
    variable_frame_rate: bool = False
    width: int | None = None
    height: int | None = None
    start_timecode: str | None = None
    drop_frame: bool = False
    guessed_duration: float | None = None

    @property
    def likely_duration(self) -> float | None:
        """How long it seems, in seconds, until it is decoded."""
        return self.duration or self.guessed_duration

    def to_json(self, audio_stream: int) -> Json:
        """JSON for a transcript made from the audio stream at position `audio_stream`."""
        rate = self.frame_rate
        return _without_none(
            {
                "container": self.container,
                "duration": self.duration,
                "audioStreams": [stream.to_json() for stream in self.audio_streams],
                "audioStream": audio_stream,
                "audioStartOffset": _seconds(self.audio_streams[audio_stream].start),
                "frameRate": f"{rate.numerator}/{rate.denominator}" if rate else None,
                "variableFrameRate": self.variable_frame_rate if rate else None,
                "width": self.width,
                "height": self.height,
                "startTimecode": self.start_timecode,
                "dropFrame": self.drop_frame if self.start_timecode else None,
            }
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """
    What the transcript cost.

    `seconds` of audio sent to the engine in this run, `calls` made, `stored_chunks` answered by results
    stored earlier (never paid again), `cost_usd` by the provider's count, else by the engine's price.
    `tokens` in and out, 0 where the provider counts none.
    """

    seconds: float = 0.0
    calls: int = 0
    stored_chunks: int = 0
    cost_usd: float = 0.0
    tokens: int = 0

    def to_json(self) -> Json:
        return {
            "seconds": round(self.seconds, 2),
            "calls": self.calls,
            "storedChunks": self.stored_chunks,
            "estimatedCostUsd": round(self.cost_usd, 4),
        } | ({"tokens": self.tokens} if self.tokens else {})

    @classmethod
    def from_json(cls, record: Json) -> Usage:
        return cls(
            seconds=record["seconds"],
            calls=record["calls"],
            stored_chunks=record["storedChunks"],
            cost_usd=record["estimatedCostUsd"],
            tokens=record.get("tokens", 0),
        )


@dataclass(frozen=True, slots=True)
class Transcript:
    """
    Everything one job gives back.

    `success_rate` is the percentage of chunks with a true answer. `aligner` put words on the samples, None
    if it did so with none; `silence_detection` is the way that was really used to find silence, see
    `audio.detectors`.
    """

    words: tuple[Word, ...]
    segments: tuple[Segment, ...]
    silences: tuple[Interval, ...]
    duration: float
    total_chunks: int
    success_rate: float
    text: str
    language: str | None
    engine: str
    model: str
    media: Json
    aligner: str | None = None
    silence_detection: str = "level"
    failed_chunks: tuple[FailedChunk, ...] = ()
    gaps: tuple[Interval, ...] = ()
    warnings: tuple[str, ...] = ()
    usage: Usage = field(default_factory=Usage)
    dry_run: bool = False

    def to_json(self) -> Json:
        """The result as `GET /job/{jobId}/result` gives it."""
        return {
            "words": [word.to_json() for word in self.words],
            "segments": [segment.to_json() for segment in self.segments],
            "silenceSegments": [
                silence.to_json() | {"duration": _seconds(silence.duration), "type": "silence"}
                for silence in self.silences
            ],
            "totalDuration": _seconds(self.duration),
            "totalChunks": self.total_chunks,
            "successRate": self.success_rate,
            "text": self.text,
            "language": self.language,
            "engine": self.engine,
            "model": self.model,
            "aligner": self.aligner,
            "silenceDetection": self.silence_detection,
            "failedChunks": [chunk.to_json() for chunk in self.failed_chunks],
            "gaps": [gap.to_json() for gap in self.gaps],
            "warnings": list(self.warnings),
            "media": self.media,
            "usage": self.usage.to_json(),
            "dryRun": self.dry_run,
        }

    @classmethod
    def from_json(cls, record: Json) -> Transcript:
        """Read what `to_json` wrote."""
        return cls(
            words=tuple(Word.from_json(word) for word in record["words"]),
            segments=tuple(Segment.from_json(segment) for segment in record["segments"]),
            silences=tuple(Interval.from_json(silence) for silence in record["silenceSegments"]),
            duration=record["totalDuration"],
            total_chunks=record["totalChunks"],
            success_rate=record["successRate"],
            text=record["text"],
            language=record["language"],
            engine=record["engine"],
            model=record["model"],
            media=record["media"],
            aligner=record["aligner"],
            silence_detection=record["silenceDetection"],
            failed_chunks=tuple(FailedChunk.from_json(chunk) for chunk in record["failedChunks"]),
            gaps=tuple(Interval.from_json(gap) for gap in record["gaps"]),
            warnings=tuple(record["warnings"]),
            usage=Usage.from_json(record["usage"]),
            dry_run=record["dryRun"],
        )
