"""Engines by name, and their limits; `auto` uses the API if a key is set, else the local model."""

from __future__ import annotations

from importlib.util import find_spec

from audio_tools.engines.base import Engine
from audio_tools.engines.rate_limits import RequestLimiter
from audio_tools.errors import EngineNotReady
from audio_tools.network import require_network_environment
from audio_tools.options import EngineName, Options
from audio_tools.settings import Settings


def choose_engine(settings: Settings, options: Options) -> EngineName:
    """
    Return the name of the engine for a job: `openai` or `whisper`. It may not be ready.

    Raises:
        EngineNotReady: `auto`, with neither a key nor a local engine.
    """
    wanted = options.engine or settings.engine
    if wanted != "auto":
        return wanted
    if settings.openai_api_key:
        return "openai"
    if find_spec("faster_whisper"):
        return "whisper"
    raise EngineNotReady(
        "No engine available: OPENAI_API_KEY is not set, and the local engine is not installed.",
        hint="Set OPENAI_API_KEY, or install the local engine: pip install 'audio-tools-backend[local]'.",
    )


def check_engine(settings: Settings) -> str:
    """
    Describe the default engine; nothing is loaded, sent or downloaded.

    Takes a few file-system calls. Weights that are not yet downloaded are not an error.

    Raises:
        EngineNotReady: its key, package or model is missing.
    """
    name = choose_engine(settings, Options())
    if name == "openai":
        from audio_tools.engines.openai.engine import require_key

        key = settings.openai_api_key
        require_key(key.get_secret_value() if key else None)
        require_network_environment()
        return f"{name} ({settings.openai_model})"
    from audio_tools.engines.whisper.weights import has_weights, require_faster_whisper

    require_faster_whisper()
    here = has_weights(settings.whisper_model, settings.data_dir)
    return f"{name} ({settings.whisper_model}{'' if here else ', to be downloaded'})"


def make_engine(settings: Settings, options: Options) -> Engine:
    """
    Create the engine for a job. It is not started.

    Raises:
        EngineNotReady: see `choose_engine`.
    """
    if choose_engine(settings, options) == "openai":
        from audio_tools.engines.openai.engine import OpenAIEngine

        key = settings.openai_api_key
        return OpenAIEngine(
            api_key=key.get_secret_value() if key else None,
            base_url=settings.openai_base_url,
            model=options.model or settings.openai_model,
            timeout_s=settings.engine_timeout,
            response_format=settings.openai_response_format,
            usd_per_minute=settings.openai_usd_per_minute,
        )
    from audio_tools.engines.whisper.engine import WhisperEngine

    return WhisperEngine(
        model=options.model or settings.whisper_model,
        data_dir=settings.data_dir,
        device=settings.whisper_device,
        compute_type=settings.whisper_compute_type,
    )


def make_limiter(
    settings: Settings, options: Options, shared: RequestLimiter | None = None
) -> RequestLimiter:
    """
    Create the request limits of one job, and with `shared` of all jobs together.

    A job may have fewer lanes than the settings allow, and its own rate.
    """
    most, delay_ms = settings.max_concurrent_chunks, options.rate_limit_delay
    if delay_ms is None:
        delay_ms = settings.rate_limit_delay
    return RequestLimiter(min(options.max_concurrent or most, most), delay_ms / 1000, shared=shared)
