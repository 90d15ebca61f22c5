"""The engines by name; `auto` is the first one whose requirement is met."""

from __future__ import annotations

from collections.abc import Mapping

from audio_tools.engines.base import Engine
from audio_tools.engines.openai.spec import OPENAI
from audio_tools.engines.spec import EngineSpec
from audio_tools.engines.whisper.spec import WHISPER
from audio_tools.errors import EngineNotReady
from audio_tools.metrics import declare_engines
from audio_tools.options import Options
from audio_tools.settings import Settings
from audio_tools.words.word_timer import WordTimer

ENGINES: Mapping[str, EngineSpec] = {spec.name: spec for spec in (OPENAI, WHISPER)}
"""All engines, in the order in which `auto` tries them; the last one needs no account."""

LANGUAGES = frozenset[str]().union(*(spec.languages for spec in ENGINES.values()))
"""ISO 639-1 codes of the languages that any engine knows."""

declare_engines(ENGINES)


def choose_engine(settings: Settings, options: Options) -> EngineSpec:
    """
    Return the engine for a job. It may not be ready.

    Raises:
        EngineNotReady: `auto`, and no requirement is met.
    """
    wanted = options.engine or settings.engine
    if wanted in ENGINES:
        return ENGINES[wanted]
    for spec in ENGINES.values():
        if spec.requirement.is_met(settings):
            return spec
    requirements = [spec.requirement for spec in ENGINES.values()]
    raise EngineNotReady(
        f"No engine available: {', and '.join(each.absent for each in requirements)}.",
        hint=f"{', or '.join(each.remedy for each in requirements)}.",
    )


def is_needed(spec: EngineSpec, settings: Settings) -> bool:
    """Whether jobs that name no engine fail without this one; if no requirement is met, the local one is."""
    try:
        return choose_engine(settings, Options()) is spec
    except EngineNotReady:
        return spec.is_local


def check_engine(settings: Settings) -> str:
    """
    Describe the default engine; nothing is loaded, sent or downloaded.

    Takes a few file-system calls. Weights that are not yet downloaded are not an error.

    Raises:
        EngineNotReady: its key, package or model is missing.
    """
    return choose_engine(settings, Options()).describe(settings)


def make_engine(settings: Settings, options: Options) -> Engine:
    """
    Create the engine for a job. It is not started.

    Raises:
        EngineNotReady: see `choose_engine`.
    """
    return choose_engine(settings, options).make(settings, options)


def make_word_timer(settings: Settings) -> WordTimer | None:
    """Return what times the words of engines without word times; None if no engine can on this machine."""
    timers = (spec.word_timer(settings) for spec in ENGINES.values())
    return next(filter(None, timers), None)
