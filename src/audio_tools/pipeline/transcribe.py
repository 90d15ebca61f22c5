"""
Transcribe a media file.

Probe the file, decode one audio stream, cut it into chunks at pauses, transcribe as many chunks at once as
the
limits of the engine allow, and stitch the words onto the file's own clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from audio_tools.alignment.base import Aligner
from audio_tools.audio.channel_cutting import ChannelCutter
from audio_tools.audio.chunking import WINDOW_FILL, Cutter, capped_target, cut, target_seconds
from audio_tools.audio.pcm import Pcm
from audio_tools.audio.peaks import PeakMeter
from audio_tools.audio.vad import make_detector
from audio_tools.concurrency import first_error_of
from audio_tools.engines.base import Capabilities, Engine
from audio_tools.engines.rate_limits import RequestLimiter
from audio_tools.engines.retry import OUTAGE_WAIT_S, EngineClient
from audio_tools.errors import (
    AllChunksFailed,
    AudioToolsError,
    CostLimitReached,
    EngineError,
    EngineRefused,
    EngineUnreachable,
    InvalidOption,
)
from audio_tools.events import ChunkWords, Publish
from audio_tools.media.decode import Decoder
from audio_tools.media.encode import max_encoded_bytes, seconds_within
from audio_tools.media.probe import choose_audio, measured, passed_over, probe
from audio_tools.options import Options
from audio_tools.pipeline.assemble import TRUNCATED_S, ChunkResults, assemble
from audio_tools.pipeline.chunk_transcriber import ChunkResult, ChunkTranscriber, PreparedChunk
from audio_tools.pipeline.estimate import estimate, expected_chunks
from audio_tools.pipeline.progress import ProgressTracker
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.storage.disk_wait import DiskWait
from audio_tools.transcript import AudioStream, FailedChunk, MediaInfo, Transcript

READY_CHUNKS = 1
"""Chunks that wait, encoded, for a lane; behind them one that is being encoded, and one that is being cut."""
PASSES = 2
"""Chunks that failed for a passing reason are tried again when all others are through."""
SHORTEST_LIMIT_S = 5.0
"""A chunk size that holds less (seconds) is refused: 3 s of overlap, and some words beside them, must fit."""
WATCH_S = 0.5
"""How often a job looks whether it waits for something, in seconds."""
MULTILINGUAL_TARGET_S = 8.0
"""Target with `language: multi`, in seconds: an engine detects one language for each chunk it gets."""
SPEAKERS_TARGET_S = 300.0
"""Chunks (seconds) for engines that name speakers: a name holds within a chunk, so the fewer the better."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A chunk without an answer, and whether another pass, or the same job later, may bring one."""

    chunk: FailedChunk
    retryable: bool
    restartable: bool = True
    hint: str = ""


@dataclass(frozen=True, slots=True)
class PipelineContext:
    """
    The context of a job.

    `chunk_size` caps an encoded chunk, in bytes. Without an aligner words keep the times of the engine. An
    engine that cannot be reached and a full disk are waited for up to `outage_wait_s` seconds.
    """

    engine: Engine
    lanes: RequestLimiter
    store: ChunkCache
    chunk_size: int
    aligner: Aligner | None = None
    outage_wait_s: float = OUTAGE_WAIT_S

    async def close(self) -> None:
        """Close the engine and the aligner."""
        await self.engine.close()
        if self.aligner is not None:
            await self.aligner.close()


async def transcribe(path: Path, options: Options, tools: PipelineContext, publish: Publish) -> Transcript:
    """
    Transcribe one local media file.

    Args:
        path: the file.
        options: options of the job; `tools` already applies its limits.
        tools: the engine is started here, and closed by the caller.
        publish: takes the progress and the words of each chunk as they come.

    Returns:
        The transcript; with `options.dry_run` what it would cost, see `estimate.estimate`.

    Raises:
        InvalidOption: the chunk size is too small for the audio format, or the model does not translate.
        MediaError: the file cannot be used.
        EngineError: the engine takes nothing at all, cannot be reached, or not one chunk came back.
        CostLimitReached: the rest would cost more than `options.max_cost`.
        StorageError: a reply cannot be stored; those stored before are safe.
    """
    meter = ProgressTracker(publish)
    if options.task == "translate" and not tools.engine.capabilities.translates:
        raise InvalidOption("task", options.task, f"transcribe: {tools.engine.model} does not translate")
    meter.say("probe", "Reading the file")
    media = await probe(path)
    stream = choose_audio(media, options.audio_stream)
    target_s, window_s = _chunk_length(media, options, tools)
    channels = max(stream.channels, 1) if options.separates_channels else None
    if options.dry_run:
        return await estimate(path, media, stream, target_s, engine=tools.engine, channels=channels or 1)
    meter.say("load", f"Starting {tools.engine.name} ({tools.engine.model})")
    await tools.engine.start(meter.downloaded)
    meter.expect(media.likely_duration, expected_chunks(media.likely_duration, target_s), channels or 1)
    asker = EngineClient(tools.engine, tools.lanes, options.max_cost, tools.outage_wait_s)
    disk = DiskWait(tools.outage_wait_s)
    listener = ChunkTranscriber(tools.engine, asker, tools.store, options, tools.aligner, disk=disk)
    new_cutter = partial(_make_cutter, channels, target_s, window_s, options)
    job = _FileRun(path, media, stream, channels, new_cutter, tools, listener, meter, publish)
    meter.say("decode", "Extracting audio")
    async with _waits_reported(tools.lanes, disk, meter):
        for _ in range(PASSES):
            await job.hear_all()
            # If failed attempts used up the budget, report those failures instead of the limit.
            if job.too_dear and (job.anything_heard() or not job.failures):
                raise _cost_limit_reached(job, target_s, options, asker)
            if not job.anything_heard() or not any(failure.retryable for failure in job.failures.values()):
                break
    if job.failures and not job.anything_heard():
        raise AllChunksFailed(
            f"No chunk was transcribed ({len(job.failures)} failed); last error: "
            + job.failures[max(job.failures)].chunk.message,
            hint=job.failures[max(job.failures)].hint or "Run the same command again later.",
            restartable=any(failure.restartable for failure in job.failures.values()),
        )
    meter.say("stitch", "Joining the words")
    return await asyncio.to_thread(assemble, job.heard(), options, tools.engine, tools.aligner, asker)


@asynccontextmanager
async def _waits_reported(
    lanes: RequestLimiter, disk: DiskWait, meter: ProgressTracker
) -> AsyncIterator[None]:
    """Context manager: report waiting for the engine, its provider or the disk."""

    async def watch() -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            meter.wait(disk.waiting or lanes.waiting)

    watching = asyncio.create_task(watch(), name="watch waits")
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        meter.wait(None)


@dataclass(slots=True)
class _FileRun:
    """
    The chunks of one file by index: transcribed or failed.

    `channels`: how many channels are transcribed, each on its own; None: their mix is.
    """

    path: Path
    media: MediaInfo
    stream: AudioStream
    channels: int | None
    new_cutter: Callable[[], Cutter | ChannelCutter]
    tools: PipelineContext
    listener: ChunkTranscriber
    meter: ProgressTracker
    publish: Publish
    cutter: Cutter | ChannelCutter = field(init=False)
    peaks: PeakMeter = field(init=False)
    hearings: dict[int, ChunkResult] = field(default_factory=dict)
    failures: dict[int, Failure] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    cut_off: bool = False
    too_dear: bool = False
    found: MediaInfo | None = None

    async def hear_all(self) -> None:
        """
        Cut the file and transcribe every chunk that has no result yet.

        The same file gives the same chunks, so a second pass processes only those that failed in the first.
        """
        self.failures.clear()
        self.meter.start_pass()
        self.peaks = PeakMeter()
        self.cutter = await asyncio.to_thread(self.new_cutter)  # which loads the model of the voice
        ready: asyncio.Queue[PreparedChunk | None] = asyncio.Queue(READY_CHUNKS)
        lanes = min(self.tools.lanes.lanes, self.tools.engine.capabilities.lanes or self.tools.lanes.lanes)
        with first_error_of(AudioToolsError):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._feed(ready, lanes), name="feed chunks")
                for number in range(lanes):
                    tasks.create_task(self._drain(ready), name=f"lane {number}")

    def anything_heard(self) -> bool:
        """Whether the engine answered for any chunk."""
        return any(hearing.sound for hearing in self.hearings.values())

    def heard(self) -> ChunkResults:
        """What there is to put together."""
        return ChunkResults(
            media=self.found or self.media,
            stream=(self.found or self.media).audio_streams[self.stream.position],
            seconds=self.cutter.seconds,
            pauses=self.cutter.pauses(),
            hearings=[self.hearings[index] for index in sorted(self.hearings)],
            failures=[self.failures[index].chunk for index in sorted(self.failures)],
            warnings=self.warnings,
            cut_off=self.cut_off,
            peaks=self.peaks.finish(),
            channels=self.cutter.channels() if isinstance(self.cutter, ChannelCutter) else (),
        )

    async def _feed(self, ready: asyncio.Queue[PreparedChunk | None], lanes: int) -> None:
        """Decode and cut in one thread while another one encodes the chunk before; as fast as it is taken."""
        # Always the same two threads: in each new one malloc would start another heap.
        encoding = ThreadPoolExecutor(1, "encode")
        with (
            ThreadPoolExecutor(1, "cut") as cutting,
            Decoder(self.path, self.stream.position, channels=self.channels) as decoder,
        ):
            chunks, loop = cut(self._measured(decoder), self.cutter), asyncio.get_running_loop()
            cut_next = partial(loop.run_in_executor, cutting, next, chunks, None)
            coming = cut_next()
            try:
                while (chunk := await asyncio.shield(coming)) is not None and not self.too_dear:
                    coming = cut_next()
                    heard = chunk.index in self.hearings
                    if not heard:
                        await ready.put(await loop.run_in_executor(encoding, self.listener.prepare, chunk))
                    self.meter.cut(chunk.end)
                    if heard:
                        self.meter.done(chunk.own.duration, by_engine=False)
            finally:
                # Do not wait: encoding an MP3 takes up to a second and would block cancellation.
                encoding.shutdown(wait=False)
                if not coming.done():
                    decoder.kill()
                    await asyncio.wait([coming])
                coming.exception()
            self._note_end(decoder)
        self.meter.cut_all(self.cutter.seconds)
        for _ in range(lanes):
            await ready.put(None)

    def _measured(self, blocks: Iterable[Pcm]) -> Iterator[Pcm]:
        """The same blocks, whose waveform is taken in passing."""
        for block in blocks:
            self.peaks.push(block)
            yield block

    def _note_end(self, decoder: Decoder) -> None:
        """Replace what the container promised by what was found, and report where it promised more."""
        self.warnings = [*passed_over(self.media, self.stream), *decoder.warnings]
        self.cut_off = decoder.cut_off
        if decoder.start is None:
            return
        end = max(self.cutter.seconds, decoder.media_end or 0.0)
        promised = self.media.duration or 0.0
        if self.media.frame_rate is not None and decoder.media_end is None:
            end = max(end, promised)
        elif promised - end > TRUNCATED_S and not decoder.duration_explained:
            self.cut_off = True
        if self.cut_off:
            self.warnings.append(
                f"The file was cut off at {end:.1f} s when it was recorded or copied. Copy it again; the "
                "missing "
                "part is not reported as silence."
            )
        self.found = measured(self.media, self.stream.position, decoder.start, end)

    async def _drain(self, ready: asyncio.Queue[PreparedChunk | None]) -> None:
        """One lane: transcribe chunks one by one."""
        while (item := await ready.get()) is not None:
            chunk = item.chunk
            if self.too_dear:
                continue  # only so that the feeder, which waits for room, sees it too
            self.meter.asking()
            try:
                hearing = await self.listener.hear(item)
            except CostLimitReached:
                # Let requests in flight finish and be stored, since they are charged.
                self.too_dear = True
                continue
            except (EngineRefused, EngineUnreachable):
                raise
            except EngineError as error:
                own = chunk.own
                failed = FailedChunk(
                    chunk.index, own.start, own.end, error.code, error.message, chunk.channel
                )
                self.failures[chunk.index] = Failure(failed, error.retryable, error.restartable, error.hint)
                self.meter.failed(chunk.own.duration)
            else:
                self.hearings[chunk.index] = hearing
                heard = hearing.chunk
                own = heard.own
                self.publish(
                    ChunkWords(
                        chunk.index, own.start, own.end, heard.words, chunk.channel, overlaps=heard.overlaps
                    )
                )
                by_engine = hearing.sound and not hearing.stored
                self.meter.done(chunk.own.duration, by_engine=by_engine)


def _cost_limit_reached(
    job: _FileRun, target_s: float, options: Options, asker: EngineClient
) -> CostLimitReached:
    assert options.max_cost is not None
    chunks = expected_chunks(job.media.likely_duration, target_s) * (job.channels or 1)
    heard = len(job.hearings)
    return CostLimitReached(
        options.max_cost,
        f"Spent {asker.cost_usd:.4f} USD; {heard} of about {max(heard + 1, chunks)} chunks are stored.",
    )


def _make_cutter(
    channels: int | None, target_s: float, window_s: float | None, options: Options
) -> Cutter | ChannelCutter:
    detection = options.silence_detection
    new_cutter = partial(Cutter, target_s, detection, window_s=window_s)
    if channels is None:
        return new_cutter()
    return ChannelCutter(channels, new_cutter, partial(make_detector, detection))


def _chunk_length(media: MediaInfo, options: Options, tools: PipelineContext) -> tuple[float, float | None]:
    """
    Return how long a chunk should be, and the window that it must not exceed or None, in seconds.

    Both follow from media, options and what the engine declares, never from lanes or what arrives when.

    Raises:
        InvalidOption: the chunk size holds too little for words to be heard in their context.
    """
    caps: Capabilities = tools.engine.capabilities
    form = options.audio_format, options.sample_rate, options.channels
    room = min(size for size in (tools.chunk_size, caps.max_bytes) if size is not None)
    longest = seconds_within(room, *form)
    if longest < SHORTEST_LIMIT_S:
        enough = max_encoded_bytes(SHORTEST_LIMIT_S, *form) + 1
        raise InvalidOption(
            "chunkSize", room, f"at least {enough}, enough for {SHORTEST_LIMIT_S:g} s of {_describe(*form)}"
        )
    if caps.max_seconds is not None:
        longest = min(longest, caps.max_seconds)
    if options.is_multilingual:
        return capped_target(MULTILINGUAL_TARGET_S, longest), None
    if caps.window_s is not None:
        window_s = min(caps.window_s, longest)
        return window_s * WINDOW_FILL, window_s
    target_s = SPEAKERS_TARGET_S if caps.speakers else target_seconds(media.likely_duration)
    return capped_target(target_s, longest), None


def _describe(audio_format: str, rate_hz: int, channels: int) -> str:
    return f"{audio_format} at {rate_hz} Hz, {('mono', 'stereo')[channels - 1]}"
