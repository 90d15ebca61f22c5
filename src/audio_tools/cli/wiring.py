"""What the subcommands put together alike."""

from __future__ import annotations

from audio_tools.align import make_aligner
from audio_tools.engines import make_engine, make_lanes
from audio_tools.engines.ear import local_ear
from audio_tools.media.ffmpeg import find_ffmpeg
from audio_tools.options import Options
from audio_tools.settings import Settings
from audio_tools.store import ResultStore
from audio_tools.transcribe import Tools


def make_tools(settings: Settings, options: Options) -> Tools:
    """
    What one job works with; what the options leave open, the settings say.

    Raises:
        ConfigError: there is no FFmpeg. EngineNotReady: there is no engine.
    """
    store = ResultStore(settings.data_dir)
    store.sweep(settings.chunk_ttl)
    return Tools(
        ffmpeg=find_ffmpeg(settings.ffmpeg_path),
        engine=make_engine(settings, options),
        lanes=make_lanes(settings, options),
        store=store,
        chunk_size=options.chunk_size or settings.chunk_size,
        aligner=make_aligner(settings.align, local_ear(settings)),
    )
