"""Assemble the results of the chunks of a file into its transcript."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from audio_tools.alignment.base import Aligner
from audio_tools.audio.channel_cutting import ChannelSound
from audio_tools.audio.pauses import PAUSE_S, find_silences
from audio_tools.audio.vad import describe_detector
from audio_tools.engines.base import Engine
from audio_tools.engines.retry import EngineClient
from audio_tools.exports.fillers import list_fillers
from audio_tools.options import Options
from audio_tools.pipeline.channels import channel_warnings
from audio_tools.pipeline.chunk_transcriber import ChunkResult
from audio_tools.pipeline.languages import DetectedLanguage, language_warnings
from audio_tools.transcript import (
    AudioStream,
    Channel,
    FailedChunk,
    Filler,
    Interval,
    MediaInfo,
    Segment,
    Silence,
    Transcript,
    Usage,
    Word,
)
from audio_tools.words.channels import in_spoken_order
from audio_tools.words.script import join_phrases
from audio_tools.words.stitch import stitch
from audio_tools.words.unspoken import describe_dropped

Named = TypeVar("Named", Word, Segment)

TRUNCATED_S = 2.0
"""A stream that ends this much earlier than the file declares, in seconds, is reported."""


@dataclass(frozen=True, slots=True)
class FileResults:
    """
    All results of one file after its last chunk.

    `seconds` of sound were decoded, with `pauses` in it; `media.duration` is when sound and picture end.
    `chunks` and `failures`: its chunks, in order. `warnings` of the decoder; `cut_off` if it found that the
    file ends before its time; `channels`: what each holds, if they were transcribed one by one.
    """

    media: MediaInfo
    stream: AudioStream
    seconds: float
    pauses: Sequence[Interval]
    chunks: Sequence[ChunkResult]
    failures: Sequence[FailedChunk]
    warnings: Sequence[str]
    cut_off: bool = False
    channels: Sequence[ChannelSound] = ()

    @property
    def promised(self) -> float:
        """When the sound should end, in seconds; where the file does not say, when it starts."""
        return self.stream.start + (self.stream.duration or 0.0)

    @property
    def sound_missing(self) -> bool:
        """Whether audio is missing after the last sample."""
        return self.cut_off or self.promised - self.seconds > TRUNCATED_S


def assemble(
    file: FileResults, options: Options, engine: Engine, aligner: Aligner | None, client: EngineClient
) -> Transcript:
    """Join the words of the chunks on the media's clock; `client` has the usage."""
    media, chunks = file.media, file.chunks
    words, segments = _joined(chunks)
    duration = max(media.duration or 0.0, file.seconds)
    # The missing part may be speech, so it must not be reported as a silence to cut.
    pauses = file.pauses if file.sound_missing else _until(file.pauses, file.seconds, duration)
    language = _language(chunks, options)
    total = len(chunks) + len(file.failures)
    return Transcript(
        words=tuple(words) if options.word_timestamps else (),
        segments=tuple(segments),
        silences=tuple(find_silences(pauses, words, options.silence_threshold)),
        duration=duration,
        total_chunks=total,
        success_rate=round(100 * len(chunks) / total, 2) if total else 100.0,
        text=join_phrases([segment.text for segment in segments]),
        language=language,
        engine=engine.name,
        model=engine.model,
        media=media.of_stream(file.stream.position),
        aligner=_aligner_used(aligner, words, language),
        pauses=tuple(find_silences(pauses, words, PAUSE_S)),
        silence_detection=describe_detector(options.silence_detection),
        fillers=tuple(_fillers(chunks, words if options.word_timestamps else (), options)),
        filler_detection="transcript" if _hesitations(chunks) is None else "samples",
        failed_chunks=tuple(file.failures),
        gaps=tuple(_gaps(chunks)),
        warnings=(*file.warnings, *_warnings(file, words, options, engine)),
        usage=Usage(
            seconds=client.seconds,
            calls=client.calls,
            stored_chunks=sum(chunk.stored for chunk in chunks),
            cost_usd=client.cost_usd,
            tokens=client.tokens,
        ),
        channels=tuple(_channels(file, words, duration, options)),
    )


def _hesitations(chunks: Sequence[ChunkResult]) -> list[Interval] | None:
    """The hesitations between words, in order; None if no chunk was searched for them."""
    found = [result.hesitations for result in chunks if result.hesitations is not None]
    return [each for part in found for each in part] if found else None


def _fillers(chunks: Sequence[ChunkResult], words: Sequence[Word], options: Options) -> list[Filler]:
    """The fillers of all channels, each in its language."""
    found = [
        list_fillers(words, _language(row, options), _hesitations(row), channel)
        for channel, row in _by_channel(chunks).items()
    ]
    return sorted((filler for part in found for filler in part), key=lambda filler: filler.start)


def _joined(chunks: Sequence[ChunkResult]) -> tuple[list[Word], list[Segment]]:
    """The words and segments of all chunks: stitched channel by channel, then in the order spoken."""
    channels = _by_channel(chunks)
    if channels.keys() <= {None}:
        return stitch([chunk.timed for chunk in chunks])
    stitched = [stitch([chunk.timed for chunk in row]) for row in channels.values()]
    if sum(any(word.speaker for word in words) for words, _ in stitched) > 1:
        stitched = [
            (list(map(_named_apart, words)), list(map(_named_apart, rows))) for words, rows in stitched
        ]
    segments = in_spoken_order([segments for _, segments in stitched])
    return in_spoken_order([words for words, _ in stitched]), [
        replace(segment, id=number) for number, segment in enumerate(segments)
    ]


def _by_channel(chunks: Sequence[ChunkResult]) -> dict[int | None, list[ChunkResult]]:
    channels: dict[int | None, list[ChunkResult]] = {}
    for chunk in chunks:
        channels.setdefault(chunk.channel, []).append(chunk)
    return channels


def _named_apart(item: Named) -> Named:
    """Append the channel to the name of a speaker: names are valid within a channel."""
    return replace(item, speaker=item.speaker and f"{item.speaker}, channel {item.channel}")


def _gaps(chunks: Sequence[ChunkResult]) -> list[Interval]:
    return sorted(gap for chunk in chunks for gap in chunk.gaps)


def _channels(
    file: FileResults, words: Sequence[Word], duration: float, options: Options
) -> Iterator[Channel]:
    """Yield the channels of the result."""
    for number, sound in enumerate(file.channels):
        pauses = sound.pauses if file.sound_missing else _until(sound.pauses, file.seconds, duration)
        own = [word for word in words if word.channel == number]
        chunks = [chunk for chunk in file.chunks if chunk.channel == number]
        silences = find_silences(pauses, own, options.silence_threshold)
        language = _language(chunks, options) if own else None
        yield Channel(number, tuple(map(Silence.of, silences)), tuple(_gaps(chunks)), language)


def _language(chunks: Sequence[ChunkResult], options: Options) -> str | None:
    """The language of the words; if none was requested, that of most of them."""
    if options.task == "translate":
        return "en"
    if options.one_language is not None:
        return options.one_language
    languages = Counter(chunk.language for chunk in chunks for _ in chunk.timed.words if chunk.language)
    return languages.most_common(1)[0][0] if languages else None


def _aligner_used(aligner: Aligner | None, words: Sequence[Word], language: str | None) -> str | None:
    """Name of the aligner that was used, or None (for an unsupported language, for example)."""
    aligned = any(word.timing == "aligned" for word in words)
    return aligner.for_language(language).name if aligner is not None and aligned else None


def _until(pauses: Sequence[Interval], audio_end: float, duration: float) -> list[Interval]:
    """Return the pauses, in seconds, including the silence after the audio if the video is longer."""
    if duration <= audio_end:
        return list(pauses)
    if pauses and pauses[-1].end >= audio_end:
        return [*pauses[:-1], Interval(pauses[-1].start, duration)]
    return [*pauses, Interval(audio_end, duration)]


def _warnings(file: FileResults, words: Sequence[Word], options: Options, engine: Engine) -> Iterator[str]:
    """Return the warnings about the transcript."""
    chunks = file.chunks
    if file.promised - file.seconds > TRUNCATED_S:
        yield f"The audio ends at {file.seconds:.1f} s, but the file declares {file.promised:.1f} s."
    number, streams = file.stream.position, len(file.media.audio_streams)
    if streams > 1 and not words:
        yield f"Audio stream {number} of {streams} contains no words. Choose another stream (audioStream)."
    elif not words and not file.failures and any(chunk.sound for chunk in chunks):
        yield "The audio contains sound, but no words were found in it."
    if file.media.variable_frame_rate:
        yield "The frame rate varies, so frame numbers are unreliable; transcode to a constant frame rate."
    yield from describe_dropped([phrase for chunk in chunks for phrase in chunk.dropped])
    estimated = sum(word.timing == "estimated" for word in words)
    if estimated:
        yield f"{estimated} words had no times from the engine; their times are estimated from the speech."
    telling = sum(any(word.speaker for word in chunk.timed.words) for chunk in chunks)
    if telling > 1:
        yield f"Speaker labels are valid only within one chunk ({telling} chunks here): A (1) and A (2) may "
        "be the same person."
    detected = [_detected(chunk) for chunk in sorted(chunks, key=lambda each: each.timed.own.start)]
    yield from language_warnings(detected, options.one_language)
    yield from channel_warnings(file.channels)
    if options.prompt and not engine.capabilities.prompt:
        yield f"The model {engine.model} does not accept a prompt; the prompt was not sent."


def _detected(result: ChunkResult) -> DetectedLanguage:
    return DetectedLanguage(
        result.timed.own.start,
        result.timed.own.end,
        len(result.timed.words),
        result.language,
        result.detected_language,
        result.language_probability,
    )
