"""
A media file becomes a transcript.

Probe the file, decode one audio stream, cut it where nobody speaks, let an engine hear as many chunks at
once as its limits allow, and stitch the words back onto the file's own clock.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from audio_tools.align.base import Aligner
from audio_tools.audio.chunks import Cutter, capped_target, cut, target_seconds
from audio_tools.audio.silence import find_silences
from audio_tools.audio.stitch import stitch
from audio_tools.engines.ask import Asker
from audio_tools.engines.base import Capabilities, Engine
from audio_tools.engines.limits import Lanes
from audio_tools.errors import AllChunksFailed, AudioToolsError, EngineError, EngineRefused
from audio_tools.events import ChunkWords, Publish
from audio_tools.listen import Hearing, Listener, ReadyChunk
from audio_tools.media.decode import Decoder
from audio_tools.media.encode import seconds_within
from audio_tools.media.probe import choose_audio, probe
from audio_tools.options import Options
from audio_tools.progress import Meter
from audio_tools.store import ResultStore
from audio_tools.transcript import AudioStream, FailedChunk, Interval, MediaInfo, Transcript, Usage

READY_CHUNKS = 2
"""Chunks that wait, encoded, for a lane: enough that none idles, few enough for memory not to matter."""
PASSES = 2
"""Chunks that failed for a passing reason are tried again when all others are through."""
TRUNCATED_S = 2.0
"""A stream that ends so much earlier (seconds) than the file promises is reported."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A chunk without an answer, and whether another pass may bring one."""

    chunk: FailedChunk
    retryable: bool


@dataclass(frozen=True, slots=True)
class Tools:
    """What a job works with; `chunk_size` caps an encoded chunk, in bytes. Without an aligner words keep
    the times of the engine."""

    ffmpeg: Path
    engine: Engine
    lanes: Lanes
    store: ResultStore
    chunk_size: int
    aligner: Aligner | None = None

    async def close(self) -> None:
        """Let engine and aligner go."""
        await self.engine.close()
        if self.aligner is not None:
            await self.aligner.close()


async def transcribe(path: Path, options: Options, tools: Tools, publish: Publish) -> Transcript:
    """
    Transcribe one local media file.

    Args:
        path: the file.
        options: what the job asks for; what it asks of limits, `tools` already obeys.
        tools: the engine is started here, and closed by the caller.
        publish: takes the progress and the words of each chunk as they come.

    Raises:
        MediaError: the file cannot be used.
        EngineError: the engine takes nothing at all, or not one chunk came back.
        StorageError: a reply cannot be stored; those stored before are safe.
    """
    media = await probe(path)
    await tools.engine.start()
    stream = choose_audio(media, options.audio_stream)
    target_s = _chunk_target(media, options, tools)
    meter = Meter(publish, media.duration, round((media.duration or 0.0) / target_s) or 1)
    asker = Asker(tools.engine, tools.lanes)
    listener = Listener(tools.engine, asker, tools.store, options, tools.aligner)
    job = _Job(
        path, media, stream, Cutter(target_s, options.silence_detection), tools, listener, meter, publish
    )
    meter.say("decode", "Extracting audio")
    for _ in range(PASSES):
        await job.hear_all()
        if not job.anything_heard() or not any(failure.retryable for failure in job.failures.values()):
            break
    if job.failures and not job.anything_heard():
        raise AllChunksFailed(
            f"Not one of {len(job.failures)} chunks was transcribed; the last answer: "
            + job.failures[max(job.failures)].chunk.message,
            hint="Run the same again later.",
        )
    meter.say("stitch", "Joining the words")
    return _assemble(job, options, asker)


@dataclass(slots=True)
class _Job:
    """The chunks of one file, by their index: heard or failed."""

    path: Path
    media: MediaInfo
    stream: AudioStream
    cutter: Cutter
    tools: Tools
    listener: Listener
    meter: Meter
    publish: Publish
    hearings: dict[int, Hearing] = field(default_factory=dict)
    failures: dict[int, Failure] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    async def hear_all(self) -> None:
        """
        Cut the file and have every chunk heard that has no hearing yet.

        The same file gives the same chunks, so a second pass asks only for what failed in the first.
        """
        self.failures.clear()
        self.meter.start_pass()
        self.cutter = Cutter(self.cutter.target_s, self.cutter.detection)
        ready: asyncio.Queue[ReadyChunk | None] = asyncio.Queue(READY_CHUNKS)
        lanes = min(self.tools.lanes.lanes, self.tools.engine.capabilities.lanes or self.tools.lanes.lanes)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._feed(ready, lanes), name="feed chunks")
                for number in range(lanes):
                    tasks.create_task(self._drain(ready), name=f"lane {number}")
        except* AudioToolsError as group:
            raise _first(group) from None

    def anything_heard(self) -> bool:
        """Whether the engine answered for any chunk."""
        return any(hearing.sound for hearing in self.hearings.values())

    async def _feed(self, ready: asyncio.Queue[ReadyChunk | None], lanes: int) -> None:
        """Decode, cut and encode in a thread, one chunk ahead of what the queue has room for."""
        # One thread, always the same: in each new one malloc would start another heap.
        with (
            ThreadPoolExecutor(1, "feed") as thread,
            Decoder(self.tools.ffmpeg, self.path, self.stream.position) as decoder,
        ):
            chunks = self._ready_chunks(decoder)
            while (item := await _next(chunks, decoder, thread)) is not None:
                self.meter.cut(item.chunk.end)
                await ready.put(item)
            self.warnings = list(decoder.warnings)
        self.meter.cut_all(self.cutter.seconds)
        for _ in range(lanes):
            await ready.put(None)

    def _ready_chunks(self, decoder: Decoder) -> Iterator[ReadyChunk]:
        for chunk in cut(decoder, self.cutter):
            yield self.listener.prepare(chunk)

    async def _drain(self, ready: asyncio.Queue[ReadyChunk | None]) -> None:
        """One lane: hear one chunk after the other."""
        while (item := await ready.get()) is not None:
            chunk = item.chunk
            if chunk.index not in self.hearings:
                try:
                    hearing = await self.listener.hear(item)
                except EngineRefused:
                    raise
                except EngineError as error:
                    failed = FailedChunk(
                        chunk.index, chunk.own.start, chunk.own.end, error.code, error.message
                    )
                    self.failures[chunk.index] = Failure(failed, error.retryable)
                else:
                    self.hearings[chunk.index] = hearing
                    own = hearing.chunk.own
                    self.publish(ChunkWords(chunk.index, own.start, own.end, hearing.chunk.words))
            self.meter.done(chunk.own.duration)


def _first(group: BaseExceptionGroup[AudioToolsError]) -> AudioToolsError:
    """The error that stopped a group of tasks."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, AudioToolsError)
    return error


async def _next(chunks: Iterator[ReadyChunk], decoder: Decoder, thread: Executor) -> ReadyChunk | None:
    """The next chunk, made in a thread; if we are cancelled, the decoder is stopped and the thread ends."""
    making = asyncio.get_running_loop().run_in_executor(thread, next, chunks, None)
    try:
        return await asyncio.shield(making)
    except asyncio.CancelledError:
        decoder.kill()
        await asyncio.wait([making])
        making.exception()
        raise


def _assemble(job: _Job, options: Options, asker: Asker) -> Transcript:
    """Everything that was heard, as one transcript."""
    media, engine = job.media, job.tools.engine
    failures = [job.failures[index].chunk for index in sorted(job.failures)]
    hearings = [job.hearings[index] for index in sorted(job.hearings)]
    words, segments = stitch([hearing.chunk for hearing in hearings])
    duration = max(media.duration or 0.0, job.cutter.seconds)
    pauses = _until(job.cutter.pauses(), job.cutter.seconds, duration)
    languages = Counter(
        hearing.language for hearing in hearings for _ in hearing.chunk.words if hearing.language
    )
    total = len(hearings) + len(failures)
    return Transcript(
        words=tuple(words) if options.word_timestamps else (),
        segments=tuple(segments),
        silences=tuple(find_silences(pauses, words, options.silence_threshold)),
        duration=duration,
        total_chunks=total,
        success_rate=round(100 * len(hearings) / total, 2) if total else 100.0,
        text=" ".join(segment.text for segment in segments),
        language=options.language or (languages.most_common(1)[0][0] if languages else None),
        engine=engine.name,
        model=engine.model,
        media=media.to_json(job.stream.position),
        failed_chunks=tuple(failures),
        gaps=tuple(gap for hearing in hearings for gap in hearing.gaps),
        warnings=tuple(_warnings(job, hearings)),
        usage=Usage(
            seconds=asker.seconds,
            calls=asker.calls,
            stored_chunks=sum(hearing.stored for hearing in hearings),
            cost_usd=asker.seconds_paid / 60 * engine.capabilities.usd_per_minute,
        ),
    )


def _until(pauses: list[Interval], audio_end: float, duration: float) -> list[Interval]:
    """The pauses of a file whose picture goes on in silence after its sound has ended, in seconds."""
    if duration <= audio_end:
        return pauses
    if pauses and pauses[-1].end >= audio_end:
        return [*pauses[:-1], Interval(pauses[-1].start, duration)]
    return [*pauses, Interval(audio_end, duration)]


def _warnings(job: _Job, hearings: Sequence[Hearing]) -> Iterator[str]:
    """What an editor should know before trusting the transcript."""
    yield from job.warnings
    promised = job.stream.start + (job.stream.duration or 0.0)
    if promised - job.cutter.seconds > TRUNCATED_S:
        yield f"The sound ends at {job.cutter.seconds:.1f} s, but the file promises {promised:.1f} s of it."
    streams = len(job.media.audio_streams)
    if streams > 1 and not any(hearing.chunk.words for hearing in hearings):
        yield f"Audio stream {job.stream.position} of {streams} holds no words: choose another (audioStream)."
    if job.media.variable_frame_rate:
        yield "The frame rate varies, so frame numbers are not safe: transcode to a constant rate."
    invented = sum(hearing.invented for hearing in hearings)
    if invented:
        yield f"{invented} words that the engine placed deep inside silence were dropped."
    estimated = sum(word.timing == "estimated" for hearing in hearings for word in hearing.chunk.words)
    if estimated:
        yield f"The engine gave no times for {estimated} words: theirs are estimated from the speech."


def _chunk_target(media: MediaInfo, options: Options, tools: Tools) -> float:
    """How long a chunk should be, in seconds, within what options, settings and engine allow."""
    caps: Capabilities = tools.engine.capabilities
    room = min(size for size in (tools.chunk_size, caps.max_bytes) if size is not None)
    longest = seconds_within(room, options.audio_format, options.sample_rate, options.channels)
    if caps.max_seconds is not None:
        longest = min(longest, caps.max_seconds)
    return capped_target(target_seconds(media.duration), longest)
