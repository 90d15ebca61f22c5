"""Which engine and model a model name of OpenAI's API stands for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress

from audio_tools.engines.openai.models import MODELS, find_model
from audio_tools.engines.openai.spec import OPENAI
from audio_tools.engines.registry import ENGINES, choose_engine
from audio_tools.engines.whisper.hub import REPOSITORIES
from audio_tools.engines.whisper.spec import WHISPER
from audio_tools.errors import EngineNotReady, OptionRefused
from audio_tools.options import Options
from audio_tools.settings import Settings
from audio_tools.transcript import Json

DEFAULT = "whisper-1"
"""The name that tools have built in: whatever the service is set up for."""
OPENAI_PREFIX = "gpt-"
"""How the names of OpenAI's other models begin."""
SIZE = re.compile("^(?:faster-)?(distil-)?whisper-")
"""What names of Whisper models have before their size: `whisper-large-v3-turbo`, `faster-whisper-small`."""


def options_for(settings: Settings, model: str) -> Json:
    """
    The options `engine` and `model` of a job for this name; what is missing is as in the settings.

    Raises:
        OptionRefused: the local Whisper has no model of this name.
    """
    if model == DEFAULT:
        return {}
    if model in ENGINES:
        return {"engine": model}
    if model.startswith(OPENAI_PREFIX):
        return {"engine": OPENAI.name, "model": model}
    return _local_model(settings, model) if _runs_locally(settings) else {"model": model}


def _runs_locally(settings: Settings) -> bool:
    with suppress(EngineNotReady):
        return choose_engine(settings, Options()) is WHISPER
    return False  # other processes may have an engine


def _local_model(settings: Settings, model: str) -> Json:
    """A model of the local Whisper by the names that other services and the hub have for it."""
    bare = model.rpartition("/")[2].lower()
    if bare == DEFAULT or model == settings.whisper_model:
        return {}
    size = SIZE.sub(r"\1", bare)
    for name in (bare, size, size.removesuffix("-en")):
        if name in REPOSITORIES:
            return {"model": name}
    raise OptionRefused(
        f"Unknown Whisper model: {model[:80]}.",
        hint=f"Use {DEFAULT}, or one of {', '.join(REPOSITORIES)}.",
        option="model",
    )


def listed_models(settings: Settings, *, workers: bool) -> tuple[str, ...]:
    """
    The model names to list, without duplicates, the default first.

    Without `workers` other processes run the jobs, and which engines they have is not known here.
    """
    return tuple(dict.fromkeys(_names(settings, workers)))


def separates_speakers(settings: Settings, options: Options) -> bool:
    """Whether the model of a job separates speakers, as far as it is known before the job runs."""
    try:
        if choose_engine(settings, options) is not OPENAI:
            return False
    except EngineNotReady:
        pass  # other processes may have an engine
    model = find_model(options.model or settings.openai_model, settings.openai_response_format)
    return model.capabilities.speakers


def _names(settings: Settings, workers: bool) -> Iterator[str]:
    yield DEFAULT
    ready = [spec for spec in ENGINES.values() if not workers or spec.requirement.is_met(settings)]
    for spec in ready:
        yield spec.name
        model = settings.openai_model if spec is OPENAI else settings.whisper_model
        # A folder of this machine is not a name for clients.
        if spec.client_models is None or spec.client_models.fullmatch(model):
            yield model
    if OPENAI in ready:
        yield from MODELS
