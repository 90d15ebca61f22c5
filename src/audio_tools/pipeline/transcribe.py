"""
Transcribe a media file.

Probe the file, decode one audio stream, cut it into chunks at pauses, transcribe as many chunks at once
as the limits of the engine allow, and stitch the words onto the file's own clock.
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
from audio_tools.audio.chunking import Chunk, Cutter, cut
from audio_tools.audio.pcm import Pcm
from audio_tools.audio.peaks import PeakMeter, PeakSink
from audio_tools.audio.vad import make_detector
from audio_tools.concurrency import first_error_of
from audio_tools.engines.base import Engine
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
from audio_tools.media.probe import choose_audio, measured, passed_over, probe
from audio_tools.options import Options
from audio_tools.pipeline.assemble import TRUNCATED_S, FileResults, assemble
from audio_tools.pipeline.chunk_length import chunk_length
from audio_tools.pipeline.chunk_transcriber import ChunkResult, ChunkTranscriber, PreparedChunk
from audio_tools.pipeline.estimate import estimate, expected_chunks
from audio_tools.pipeline.progress import ProgressTracker
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.storage.disk_wait import DiskWait
from audio_tools.transcript import AudioStream, FailedChunk, MediaInfo, Transcript

READY_CHUNKS = 1
"""Chunks that wait, encoded, for a lane; behind them one that is being encoded, and one that is being cut."""
PASSES = 2
"""Chunks that failed for a temporary reason are sent again when all others are done."""
WATCH_S = 0.5
"""Interval at which a job checks whether it waits for something, in seconds."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A chunk that was not transcribed, and whether another pass, or the same job later, may succeed."""

    chunk: FailedChunk
    retryable: bool
    restartable: bool = True
    hint: str = ""


@dataclass(frozen=True, slots=True)
class PipelineContext:
    """
    The context of a job.

    `chunk_size` caps an encoded chunk, in bytes. Without an aligner words keep the times of the engine. An
    engine that cannot be reached and a full disk are waited for up to `outage_wait_s` seconds. `peaks` takes
    the waveform while it is measured; without it none is.
    """

    engine: Engine
    limiter: RequestLimiter
    cache: ChunkCache
    chunk_size: int
    aligner: Aligner | None = None
    outage_wait_s: float = OUTAGE_WAIT_S
    peaks: PeakSink | None = None

    async def close(self) -> None:
        """Close the engine and the aligner."""
        await self.engine.close()
        if self.aligner is not None:
            await self.aligner.close()


async def transcribe(path: Path, options: Options, context: PipelineContext, publish: Publish) -> Transcript:
    """
    Transcribe one local media file.

    Args:
        path: the file.
        options: options of the job; `context` already applies its limits.
        context: its engine is started here, and closed by the caller.
        publish: takes the progress and the words of each chunk as they come.

    Returns:
        The transcript; with `options.dry_run` what it would cost, see `estimate.estimate`.

    Raises:
        InvalidOption: the chunk size is too small for the audio format, or the model does not translate.
        MediaError: the file cannot be used.
        EngineError: the engine refuses all requests or cannot be reached, or no chunk was transcribed.
        CostLimitReached: the rest would cost more than `options.max_cost`.
        StorageError: a reply cannot be stored; earlier ones are kept.
    """
    progress = ProgressTracker(publish)
    if options.task == "translate" and not context.engine.capabilities.translates:
        raise InvalidOption("task", options.task, f"transcribe: {context.engine.model} does not translate")
    progress.report("probe", "Reading the file")
    media = await probe(path)
    stream = choose_audio(media, options.audio_stream)
    target_s, window_s = chunk_length(media, options, context.engine.capabilities, context.chunk_size)
    channels = max(stream.channels, 1) if options.separates_channels else None
    if options.dry_run:
        return await estimate(path, media, stream, target_s, engine=context.engine, channels=channels or 1)
    progress.report("load", f"Starting {context.engine.name} ({context.engine.model})")
    await context.engine.start(progress.downloaded)
    progress.expect(media.likely_duration, expected_chunks(media.likely_duration, target_s), channels or 1)
    client = EngineClient(context.engine, context.limiter, options.max_cost, context.outage_wait_s)
    disk = DiskWait(context.outage_wait_s)
    transcriber = ChunkTranscriber(context.engine, client, context.cache, options, context.aligner, disk=disk)
    new_cutter = partial(_make_cutter, channels, target_s, window_s, options)
    run = _FileRun(path, media, stream, channels, new_cutter, context, transcriber, progress, publish)
    progress.report("decode", "Extracting audio")
    async with _waits_reported(context.limiter, disk, progress):
        for _ in range(PASSES):
            await run.transcribe_pending()
            # If failed attempts used up the budget, report those failures instead of the limit.
            if run.over_budget and (run.has_answers() or not run.failures):
                raise _cost_limit_reached(run, target_s, options, client)
            if not run.has_answers() or not any(failure.retryable for failure in run.failures.values()):
                break
    if run.failures and not run.has_answers():
        raise _all_chunks_failed(run.failures)
    progress.report("stitch", "Joining the words")
    return await asyncio.to_thread(assemble, run.results(), options, context.engine, context.aligner, client)


@asynccontextmanager
async def _waits_reported(
    limiter: RequestLimiter, disk: DiskWait, progress: ProgressTracker
) -> AsyncIterator[None]:
    """Context manager: report waiting for the engine, its provider or the disk."""

    async def watch() -> None:
        while True:
            await asyncio.sleep(WATCH_S)
            progress.wait(disk.waiting or limiter.waiting)

    watching = asyncio.create_task(watch(), name="watch waits")
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        progress.wait(None)


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
    context: PipelineContext
    transcriber: ChunkTranscriber
    progress: ProgressTracker
    publish: Publish
    cutter: Cutter | ChannelCutter = field(init=False)
    results_by_index: dict[int, ChunkResult] = field(default_factory=dict)
    failures: dict[int, Failure] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    cut_off: bool = False
    over_budget: bool = False
    found: MediaInfo | None = None
    peaks_complete: bool = False

    async def transcribe_pending(self) -> None:
        """
        Cut the file and transcribe every chunk that has no result yet.

        The same file gives the same chunks, so a second pass processes only those that failed in the first.
        """
        self.failures.clear()
        self.progress.start_pass()
        self.cutter = await asyncio.to_thread(self.new_cutter)  # which loads the model of the voice
        ready: asyncio.Queue[PreparedChunk | None] = asyncio.Queue(READY_CHUNKS)
        limiter, engine = self.context.limiter, self.context.engine
        lanes = min(limiter.lanes, engine.capabilities.lanes or limiter.lanes)
        with first_error_of(AudioToolsError):
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._feed(ready, lanes), name="feed chunks")
                for number in range(lanes):
                    tasks.create_task(self._drain(ready), name=f"lane {number}")

    def has_answers(self) -> bool:
        """Whether the engine answered for any chunk."""
        return any(result.sound for result in self.results_by_index.values())

    def results(self) -> FileResults:
        """Return everything that the transcript is assembled from."""
        return FileResults(
            media=self.found or self.media,
            stream=(self.found or self.media).audio_streams[self.stream.position],
            seconds=self.cutter.seconds,
            pauses=self.cutter.pauses(),
            chunks=[self.results_by_index[index] for index in sorted(self.results_by_index)],
            failures=[self.failures[index].chunk for index in sorted(self.failures)],
            warnings=self.warnings,
            cut_off=self.cut_off,
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
            cut_next = partial(loop.run_in_executor, cutting, self._next, chunks)
            coming = cut_next()
            try:
                while (chunk := await asyncio.shield(coming)) is not None and not self.over_budget:
                    coming = cut_next()
                    done = chunk.index in self.results_by_index
                    if not done:
                        await ready.put(await loop.run_in_executor(encoding, self.transcriber.prepare, chunk))
                    self.progress.cut(chunk.end)
                    if done:
                        self.progress.done(chunk.own.duration, by_engine=False)
            finally:
                # Do not wait: encoding an MP3 takes up to a second and would block cancellation.
                encoding.shutdown(wait=False)
                if not coming.done():
                    decoder.kill()
                    await asyncio.wait([coming])
                coming.exception()
            self._note_end(decoder)
        self.progress.cut_all(self.cutter.seconds)
        for _ in range(lanes):
            await ready.put(None)

    def _next(self, chunks: Iterator[Chunk]) -> Chunk | None:
        """Cut the next chunk, and publish the waveform up to there: the engine may take a while with it."""
        chunk = next(chunks, None)
        if self.context.peaks is not None:
            self.context.peaks.flush()
        return chunk

    def _measured(self, blocks: Iterable[Pcm]) -> Iterator[Pcm]:
        """The same blocks, whose waveform is taken in passing; a second pass would bring the same one."""
        sink = self.context.peaks
        if sink is None or self.peaks_complete:
            yield from blocks
            return
        sink.begin(self.channels or 1)
        meter = PeakMeter(sink.write)
        for block in blocks:
            meter.push(block)
            yield block
        meter.finish()
        self.peaks_complete = True

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
                "missing part is not reported as silence."
            )
        self.found = measured(self.media, self.stream.position, decoder.start, end)

    async def _drain(self, ready: asyncio.Queue[PreparedChunk | None]) -> None:
        """One lane: transcribe chunks one by one."""
        while (item := await ready.get()) is not None:
            chunk = item.chunk
            if self.over_budget:
                continue  # only so that the feeder, which waits for room, sees it too
            self.progress.request_started()
            try:
                result = await self.transcriber.transcribe(item)
            except CostLimitReached:
                # Let requests in flight finish and be stored, since they are charged.
                self.over_budget = True
                continue
            except (EngineRefused, EngineUnreachable):
                raise
            except EngineError as error:
                self._note_failure(chunk, error)
            else:
                self._note_result(chunk, result)

    def _note_failure(self, chunk: Chunk, error: EngineError) -> None:
        own = chunk.own
        failed = FailedChunk(chunk.index, own.start, own.end, error.code, error.message, chunk.channel)
        self.failures[chunk.index] = Failure(failed, error.retryable, error.restartable, error.hint)
        self.progress.failed(own.duration)

    def _note_result(self, chunk: Chunk, result: ChunkResult) -> None:
        self.results_by_index[chunk.index] = result
        timed = result.timed
        own = timed.own
        self.publish(
            ChunkWords(chunk.index, own.start, own.end, timed.words, chunk.channel, overlaps=timed.overlaps)
        )
        self.progress.done(chunk.own.duration, by_engine=result.sound and not result.stored)


def _all_chunks_failed(failures: dict[int, Failure]) -> AllChunksFailed:
    last = failures[max(failures)]
    return AllChunksFailed(
        f"No chunk was transcribed ({len(failures)} failed); last error: {last.chunk.message}",
        hint=last.hint or "Run the same command again later.",
        restartable=any(failure.restartable for failure in failures.values()),
    )


def _cost_limit_reached(
    run: _FileRun, target_s: float, options: Options, client: EngineClient
) -> CostLimitReached:
    assert options.max_cost is not None
    chunks = expected_chunks(run.media.likely_duration, target_s) * (run.channels or 1)
    stored = len(run.results_by_index)
    return CostLimitReached(
        options.max_cost,
        f"Spent {client.cost_usd:.4f} USD; {stored} of about {max(stored + 1, chunks)} chunks are stored.",
    )


def _make_cutter(
    channels: int | None, target_s: float, window_s: float | None, options: Options
) -> Cutter | ChannelCutter:
    detection = options.silence_detection
    new_cutter = partial(Cutter, target_s, detection, window_s=window_s)
    if channels is None:
        return new_cutter()
    return ChannelCutter(channels, new_cutter, partial(make_detector, detection))
