"""Transcribe one chunk: from the cache, else from the engine, then validate it."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from audio_tools.alignment.base import Aligner
from audio_tools.audio.chunking import Chunk
from audio_tools.audio.pauses import overlap
from audio_tools.audio.vad import describe_detector, detector_identity
from audio_tools.engines.base import Engine
from audio_tools.engines.retry import EngineClient
from audio_tools.media.encode import EncodedAudio
from audio_tools.options import Options
from audio_tools.pipeline.chunk_alignment import ChunkAlignment
from audio_tools.pipeline.chunk_requests import ChunkRequests
from audio_tools.pipeline.chunk_samples import ChunkSamples
from audio_tools.pipeline.context import ContextChain
from audio_tools.pipeline.gap_recheck import LEAST_VOICE_S, GapRecheck
from audio_tools.storage.chunk_cache import ChunkCache, chunk_digest, samples_digest
from audio_tools.storage.disk_wait import DiskWait
from audio_tools.transcript import Dropped, Interval, Reply
from audio_tools.words.reply import fit_reply, speech_without_words
from audio_tools.words.stitch import TimedChunk

WORD_RULES = 4
"""Version of the post-processing of replies; part of the digest of a stored reply."""
LOSSLESS_FORMATS = {"flac", "wav"}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class PreparedChunk:
    """
    A chunk ready for the engine; its samples have been freed.

    It has its stored reply, its encoded audio, or neither if it has no sound. `samples`: digest of its
    samples.
    """

    chunk: Chunk
    samples: str = ""
    stored: Reply | None = None
    audio: EncodedAudio | None = None


@dataclass(frozen=True, slots=True)
class ChunkResult:
    """
    The result of one chunk, on the media's clock.

    `channel`: see `Chunk`. `gaps`: speech without words, even after a second request. `dropped`: text of
    the engine that was not spoken. `sound`: whether the chunk has sound. `stored`: whether its reply was
    cached. `hesitations`, `detected_language`, `language_probability`: see `Reply`.
    """

    timed: TimedChunk
    channel: int | None = None
    sound: bool = True
    gaps: tuple[Interval, ...] = ()
    dropped: tuple[Dropped, ...] = ()
    hesitations: tuple[Interval, ...] | None = None
    language: str | None = None
    detected_language: str | None = None
    language_probability: float | None = None
    stored: bool = False


class ChunkTranscriber:
    """Transcribes the chunks of one job."""

    def __init__(
        self,
        engine: Engine,
        client: EngineClient,
        cache: ChunkCache,
        options: Options,
        aligner: Aligner | None = None,
        *,
        disk: DiskWait | None = None,
    ) -> None:
        # The words of a translation are not those that are spoken.
        self._alignment = ChunkAlignment(aligner if options.task == "transcribe" else None)
        self._disk = disk or DiskWait(0.0)
        self._client = client
        self._requests = ChunkRequests(options)
        is_local_model = engine.capabilities.window_s is not None
        self._recheck = GapRecheck(client, self._requests, LEAST_VOICE_S if is_local_model else 0.0)
        self._cache = cache
        self._options = options
        self._requested_language = options.one_language
        self._keeps_language = engine.capabilities.keeps_language
        self._finds_language = self._keeps_language and options.language is None
        # By channel: an interpreter speaks another language than the other microphones.
        self._languages: dict[int | None, str] = {}
        self._finding_language = defaultdict[int | None, asyncio.Lock](asyncio.Lock)
        # The chunk before may be in another language, or of another channel.
        in_order = not options.is_multilingual and not options.separates_channels
        self._contexts = ContextChain(is_kept=engine.capabilities.keeps_context and in_order)
        form = "lossless" if options.audio_format in LOSSLESS_FORMATS else options.audio_format
        self._answer_shaped_by = (
            *engine.identity(),
            options.prompt or "",
            f"{form} {options.sample_rate} Hz {options.channels}",
            detector_identity(options.silence_detection),  # words without times are spread over its speech
            f"words {WORD_RULES}, voice by {describe_detector('auto')}",
            *((options.task,) if options.task != "transcribe" else ()),
        )
        self._shaped_by = (*self._answer_shaped_by, *self._recheck.identity(), *self._alignment.identity())

    def prepare(self, chunk: Chunk) -> PreparedChunk:
        """Look up a chunk in the cache, or encode it. Slow; call it in a worker thread."""
        bare = replace(chunk, pcm=chunk.pcm[:0].copy())
        if not chunk.has_sound:
            return PreparedChunk(bare)
        samples = samples_digest(chunk.pcm)
        # Earlier chunks may still determine language and context, which are part of the name of the reply.
        named_later = self._finds_language or self._contexts.is_kept
        name = self._digest(samples, self._requested_language)
        stored = None if named_later else self._cache.get(name)
        return PreparedChunk(bare, samples, stored, None if stored else self._requests.encode(chunk.pcm))

    async def transcribe(self, ready: PreparedChunk) -> ChunkResult:
        """
        Transcribe a chunk.

        Raises:
            EngineError: the engine failed. StorageError: the reply cannot be stored; a full disk is waited
            for first, since the reply has been paid for.
        """
        chunk = ready.chunk
        try:
            context = await self._contexts.before(chunk.index)
            if ready.stored is None and ready.audio is None:
                self._contexts.set_behind(chunk.index, context)
                return ChunkResult(TimedChunk(chunk.own, ()), channel=chunk.channel, sound=False)
            reply, stored = await self._reply_in_language(ready, context)
        finally:
            self._contexts.fail(chunk.index)
        channel = chunk.channel
        words = tuple(replace(word.shifted(chunk.start), channel=channel) for word in reply.words)
        language = reply.language if self._options.is_multilingual or channel is not None else None
        segments = tuple(
            replace(each.shifted(chunk.start), language=each.language or language, channel=channel)
            for each in reply.segments
        )
        dropped = tuple(phrase.shifted(chunk.start) for phrase in reply.dropped)
        return ChunkResult(
            TimedChunk(chunk.own, words, segments, overlaps=chunk.start < chunk.own.start),
            channel=channel,
            gaps=tuple(speech_without_words(overlap(chunk.speech, chunk.own), words, dropped)),
            dropped=dropped,
            hesitations=_owned(reply.hesitations, chunk),
            language=reply.language,
            detected_language=reply.detected_language,
            language_probability=reply.language_probability,
            stored=stored,
        )

    async def _reply_in_language(self, ready: PreparedChunk, context: tuple[int, ...]) -> tuple[Reply, bool]:
        """Return the reply to a chunk; until the language of a channel is known, its chunks wait in order."""
        channel = ready.chunk.channel
        if self._finds_language and channel not in self._languages:
            async with self._finding_language[channel]:
                if channel not in self._languages:
                    reply, stored = await self._reply(ready, None, context)
                    if reply.words and reply.language:
                        self._languages[channel] = reply.language
                    return reply, stored
        language = self._languages.get(channel, self._requested_language)
        return await self._reply(ready, language, context)

    async def _reply(
        self, ready: PreparedChunk, language: str | None, context: tuple[int, ...]
    ) -> tuple[Reply, bool]:
        """Return the complete reply to a chunk, and whether it was cached."""
        digest = self._digest(ready.samples, language, context)
        reply = ready.stored
        if reply is None and (self._finds_language or self._contexts.is_kept):
            reply = await asyncio.to_thread(self._cache.get, digest)
        if reply is not None:
            self._contexts.set_behind(ready.chunk.index, reply.context)
            return reply, True
        chunk, audio = ready.chunk, ready.audio
        assert audio is not None
        shaped_by = (*self._answer_shaped_by, language or "", *_named(context))
        name = chunk_digest(ready.samples, (*shaped_by, "as answered"))
        known = partial(self._stored, digest, name)
        voiced = partial(ChunkSamples(audio).voiced, Interval(0.0, audio.seconds))
        request = replace(self._requests.request(audio, _speech_within(chunk), language), context=context)
        answer = await self._client.transcribe(request, known, voiced)
        # The next chunk need not wait for second questions and the aligner.
        self._contexts.set_behind(chunk.index, answer.context)
        # If another worker transcribed the chunk meanwhile, its cached result is complete.
        if (reply := await asyncio.to_thread(self._cache.get, digest)) is not None:
            return reply, True
        whole = await self._complete(answer, chunk, audio, language, name)
        return await self._disk.run(self._cache.put, digest, whole), False

    async def _complete(
        self, answer: Reply, chunk: Chunk, audio: EncodedAudio, language: str | None, name: str
    ) -> Reply:
        """Send uncovered speech of the chunk once more, align the words and correct their ends."""
        own = Interval(chunk.own.start - chunk.start, chunk.own.end - chunk.start)
        speech, samples = _speech_within(chunk), ChunkSamples(audio)
        # Sound that only the level detector finds is checked as well.
        there = speech or [Interval(0.0, audio.seconds)]
        fit = partial(fit_reply, sounds=samples.sounds, voiced=samples.voiced)
        reply = await asyncio.to_thread(fit, answer, there, samples.seconds)
        gaps = speech_without_words(overlap(speech, own), reply.words, reply.dropped)
        if gaps or self._alignment.is_on:
            # Store it now: it has been paid for, and the following steps may be interrupted.
            await self._disk.run(self._cache.put, name, answer)
        # A short stretch alone may be taken for another language.
        likely = language or (answer.language if self._keeps_language else None)
        reply = await self._recheck.fill(reply, gaps, samples, there, likely)
        return await self._alignment.align(reply, samples, there, language, chunk.channel)

    def _stored(self, *digests: str) -> Reply | None:
        """Return the cached reply of the first known name."""
        return next(filter(None, map(self._cache.get, digests)), None)

    def _digest(self, samples: str, language: str | None, context: tuple[int, ...] = ()) -> str:
        """Return the cache name of the reply to a chunk that is requested in a language and a context."""
        return chunk_digest(samples, (*self._shaped_by, language or "", *_named(context)))


def _speech_within(chunk: Chunk) -> list[Interval]:
    """The speech of a chunk, in seconds from its start."""
    return [Interval(s.start - chunk.start, s.end - chunk.start) for s in chunk.speech]


def _named(context: tuple[int, ...]) -> tuple[str, ...]:
    """What a context adds to the name of a reply."""
    return (f"context {' '.join(map(str, context))}",) if context else ()


def _owned(hesitations: Sequence[Interval] | None, chunk: Chunk) -> tuple[Interval, ...] | None:
    """Return the hesitations that belong to the chunk, by their middle, on the clock of the media."""
    if hesitations is None:
        return None
    there = [Interval(each.start + chunk.start, each.end + chunk.start) for each in hesitations]
    return tuple(each for each in there if chunk.own.start <= (each.start + each.end) / 2 < chunk.own.end)
