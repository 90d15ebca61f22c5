"""Estimate the usage and cost of a job without running it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from audio_tools.audio.pcm import SAMPLE_RATE_HZ
from audio_tools.engines.base import Engine
from audio_tools.media.decode import Decoder
from audio_tools.transcript import AudioStream, MediaInfo, Transcript, Usage


def expected_chunks(seconds: float | None, target_s: float) -> int:
    """Return the number of chunks of about `target_s` for a duration; 1 if the duration is unknown."""
    return round((seconds or 0.0) / target_s) or 1


async def estimate(
    path: Path,
    media: MediaInfo,
    stream: AudioStream,
    target_s: float,
    *,
    engine: Engine,
    channels: int = 1,
) -> Transcript:
    """
    Estimate a job from the declared duration of its file; the engine is neither started nor called.

    Nearly all audio is sent once; decoding it would only exclude chunks that are silent or cached. A file
    without a declared duration is decoded to measure it. Of `channels` that are transcribed each on its own,
    those that are silent or repeat another cost nothing in the end.

    Returns:
        A transcript without words, whose chunks and usage are what would be.

    Raises:
        DecodeFailed: the file promises no duration, and its sound cannot be decoded.
    """
    seconds = stream.duration or media.duration or await _decoded_seconds(path, stream)
    chunks = expected_chunks(seconds, target_s) * channels
    sent_s = seconds * channels
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
        usage=Usage(sent_s, chunks, cost_usd=sent_s / 60 * engine.capabilities.usd_per_minute),
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
