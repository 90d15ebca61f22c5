"""What `audio-tools transcribe` needs to transcribe: engine, limits, aligner, cache."""

from __future__ import annotations

from audio_tools.engines.rate_limits import make_limiter
from audio_tools.engines.registry import make_engine
from audio_tools.engines.retry import OUTAGE_WAIT_S
from audio_tools.options import Options
from audio_tools.pipeline.aligner import build_aligner
from audio_tools.pipeline.transcribe import PipelineContext
from audio_tools.settings import Settings
from audio_tools.storage.chunk_cache import ChunkCache


def make_context(settings: Settings, options: Options) -> PipelineContext:
    """
    What one job works with; what the options leave open, the settings say.

    Raises:
        EngineNotReady: there is no engine.
    """
    cache = ChunkCache(settings.data_dir)
    cache.sweep(settings.chunk_ttl, max_bytes=settings.cache_max_bytes)
    return PipelineContext(
        engine=make_engine(settings, options),
        limiter=make_limiter(settings, options),
        cache=cache,
        chunk_size=options.chunk_size or settings.chunk_size,
        aligner=build_aligner(settings),
        outage_wait_s=OUTAGE_WAIT_S if settings.outage_wait is None else settings.outage_wait,
    )
