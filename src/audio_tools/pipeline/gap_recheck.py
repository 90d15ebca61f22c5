"""Second questions: transcribe the speech of a chunk that the first reply left without words once more."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace

from audio_tools.audio.pauses import overlap
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.engines.retry import EngineClient
from audio_tools.errors import CostLimitReached, EngineError, EngineRefused
from audio_tools.pipeline.chunk_requests import ChunkRequests
from audio_tools.pipeline.chunk_samples import ChunkSamples
from audio_tools.transcript import Interval, Reply, Word
from audio_tools.words.merge import merge
from audio_tools.words.reply import fit_reply
from audio_tools.words.segments import language_near
from audio_tools.words.unspoken import without_improbable

RECHECK_PAD_S = 0.5
"""Context around uncovered speech that is sent again."""
LEAST_VOICE_S = 0.3
"""A local model finds no words in a gap with less of a voice (docs/decisions/0012-whisper.md)."""

log = logging.getLogger(__name__)


class GapRecheck:
    """
    Transcribes the gaps of chunks; the words that it finds are inserted into the first reply.

    Args:
        client: the engine.
        requests: makes its requests.
        least_voice_s: gaps with less of a voice are skipped.
    """

    def __init__(self, client: EngineClient, requests: ChunkRequests, least_voice_s: float = 0.0) -> None:
        self._client = client
        self._requests = requests
        self._least_voice_s = least_voice_s

    def identity(self) -> tuple[str, ...]:
        """Return what determines which gaps are transcribed; part of the digest of a stored reply."""
        return (f"gaps with {self._least_voice_s} s of voice",) if self._least_voice_s else ()

    async def fill(
        self,
        reply: Reply,
        gaps: Sequence[Interval],
        samples: ChunkSamples,
        speech: Sequence[Interval],
        language: str | None,
    ) -> Reply:
        """
        Return the reply with the words of its gaps; a gap that is skipped, or whose question fails, remains.

        Args:
            reply: the first reply to a chunk.
            gaps: speech without words, in seconds from the start of the chunk, in order.
            samples: those of the chunk.
            speech: all speech of the chunk.
            language: a short stretch alone may be taken for another one. The segment beside a gap may have
                its own.

        Raises:
            EngineRefused: the engine refuses every request.
        """
        for gap in gaps:
            if await asyncio.to_thread(self._is_voiceless, samples, gap):
                continue
            try:
                likely = language_near(reply.segments, gap) or language
                more = await self._transcribe(await asyncio.to_thread(samples.pcm), gap, speech, likely)
                reply = merge(reply, more, gap)
            except CostLimitReached as error:
                # The gap is reported; spend the remaining budget on chunks without any transcript.
                log.warning("skipped re-transcribing the remaining gaps: %s", error)
                break
            except EngineRefused:
                raise
            except EngineError as error:
                log.warning(
                    "re-transcribing the gap at %.2f-%.2f s of a chunk failed: %s", gap.start, gap.end, error
                )
        return reply

    def _is_voiceless(self, samples: ChunkSamples, gap: Interval) -> bool:
        return self._least_voice_s > 0.0 and samples.voice_s(gap) < self._least_voice_s

    async def _transcribe(
        self, pcm: Pcm, gap: Interval, speech: Sequence[Interval], language: str | None
    ) -> list[Word]:
        """Transcribe one gap; returns words in seconds from the start of the chunk."""
        first = max(round((gap.start - RECHECK_PAD_S) * SAMPLE_RATE_HZ), 0)
        part = pcm[first : round((gap.end + RECHECK_PAD_S) * SAMPLE_RATE_HZ)]
        start = first / SAMPLE_RATE_HZ
        audio = await asyncio.to_thread(self._requests.encode, part)
        inside = overlap(speech, Interval(start, start + audio.seconds))
        there = [Interval(piece.start - start, piece.end - start) for piece in inside]
        reply = await self._client.transcribe(self._requests.request(audio, there, language))
        fit = without_improbable(await asyncio.to_thread(_fit, reply, there, ChunkSamples(audio)))
        # Speaker labels are local to each reply, so labels of this one do not match the first.
        return [replace(word.shifted(start), speaker=None) for word in fit.words]


def _fit(reply: Reply, speech: Sequence[Interval], samples: ChunkSamples) -> Reply:
    there = speech or [Interval(0.0, samples.seconds)]
    return fit_reply(reply, there, samples.seconds, sounds=samples.sounds, voiced=samples.voiced)
