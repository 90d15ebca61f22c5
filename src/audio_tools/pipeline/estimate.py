"""What a job would send and cost, without doing it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from audio_tools.audio.pcm import SAMPLE_RATE_HZ
from audio_tools.engines.base import Engine
from audio_tools.media.decode import Decoder
from audio_tools.transcript import AudioStream, MediaInfo, Transcript, Usage


def expected_chunks(seconds: float | None, target_s: float) -> int:
    """Into how many chunks of about `target_s` so many seconds will be cut; 1 if nobody knows how many."""
    return round((seconds or 0.0) / target_s) or 1


async def estimate(
    path: Path, media: MediaInfo, stream: AudioStream, target_s: float, *, engine: Engine
) -> Transcript:
    """
    Estimate a job from the duration that its file promises; the engine is neither started nor asked.

    Nearly all audio is sent, once: to decode it would change the figure by what is silent for a whole chunk
    or known from an earlier run. Only a file that promises nothing is decoded, to learn how long it is.

    Returns:
        A transcript without words, whose chunks and usage are what would be.

    Raises:
        DecodeFailed: the file promises no duration, and its sound cannot be decoded.
    """
    seconds = stream.duration or media.duration or await _decoded_seconds(path, stream)
    chunks = expected_chunks(seconds, target_s)
    return Transcript(
        words=(),
        segments=(),
        silences=(),
        duration=media.duration or seconds,
        total_chunks=chunks,
        success_rate=0.0,
        text="",
        language=None,
        engine=engine.name,
        model=engine.model,
        media=media.of_stream(stream.position),
        usage=Usage(seconds, chunks, cost_usd=seconds / 60 * engine.capabilities.usd_per_minute),
        dry_run=True,
    )


async def _decoded_seconds(path: Path, stream: AudioStream) -> float:
    with Decoder(path, stream.position) as decoder:
        counting = asyncio.ensure_future(asyncio.to_thread(lambda: sum(map(len, decoder))))
        try:
            return await asyncio.shield(counting) / SAMPLE_RATE_HZ
        finally:
            if not counting.done():
                decoder.kill()
                await asyncio.wait([counting])
                counting.exception()
