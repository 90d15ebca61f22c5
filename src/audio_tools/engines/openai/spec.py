"""The OpenAI API and compatible servers, as an engine of the registry."""

from __future__ import annotations

import asyncio

from audio_tools.engines.base import Engine
from audio_tools.engines.languages import LANGUAGES
from audio_tools.engines.spec import Diagnosis, EngineSpec, Requirement
from audio_tools.errors import AudioToolsError, EngineNotReady
from audio_tools.network import require_network_environment
from audio_tools.options import Options
from audio_tools.settings import Settings

OPENAI_HOST = "api.openai.com"


def _key(settings: Settings) -> str | None:
    key = settings.openai_api_key
    return key.get_secret_value() if key else None


def _make(settings: Settings, options: Options) -> Engine:
    from audio_tools.engines.openai.engine import OpenAIEngine

    return OpenAIEngine(
        api_key=_key(settings),
        base_url=settings.openai_base_url,
        model=options.model or settings.openai_model,
        timeout_s=settings.engine_timeout,
        response_format=settings.openai_response_format,
        usd_per_minute=settings.openai_usd_per_minute,
    )


def _describe(settings: Settings) -> str:
    from audio_tools.engines.openai.engine import require_key

    require_key(_key(settings))
    require_network_environment()
    return f"openai ({settings.openai_model})"


def _diagnose(settings: Settings, network: bool) -> Diagnosis:
    from audio_tools.engines.openai.models import find_model

    server = f"{settings.openai_model} at {settings.openai_base_url}"
    if not settings.openai_api_key:
        raise EngineNotReady(f"{server}, no key:", hint="set OPENAI_API_KEY to use it")
    ends = find_model(settings.openai_model).ends if OPENAI_HOST in settings.openai_base_url else None
    until = f"; OpenAI shuts it down on {ends}: then set OPENAI_MODEL=gpt-transcribe" if ends else ""
    if not network:
        return Diagnosis(True, f"{server}, key set, not tried{until}")
    try:
        asyncio.run(_check_access(settings))
    except AudioToolsError as error:
        raise EngineNotReady(f"{server}: {error.message}", hint=error.hint) from error
    return Diagnosis(True, f"{server}, reachable, key accepted{until}")


async def _check_access(settings: Settings) -> None:
    from audio_tools.engines.openai.engine import OpenAIEngine

    engine = OpenAIEngine(
        api_key=_key(settings),
        base_url=settings.openai_base_url,
        model=settings.openai_model,
        timeout_s=settings.engine_timeout,
    )
    try:
        await engine.check_access()
    finally:
        await engine.close()


OPENAI = EngineSpec(
    name="openai",
    requirement=Requirement(
        absent="OPENAI_API_KEY is not set",
        remedy="Set OPENAI_API_KEY",
        is_met=lambda settings: bool(settings.openai_api_key),
    ),
    is_local=False,
    languages=LANGUAGES,
    make=_make,
    describe=_describe,
    diagnose=_diagnose,
    account=lambda settings: _key(settings) or settings.openai_base_url,
)
