"""The local Whisper model, as an engine of the registry."""

from __future__ import annotations

import re
from importlib.util import find_spec

from audio_tools.engines.base import Engine
from audio_tools.engines.languages import LANGUAGES
from audio_tools.engines.spec import Diagnosis, EngineSpec, Requirement
from audio_tools.options import Options
from audio_tools.settings import Settings
from audio_tools.words.word_timer import WordTimer


def _make(settings: Settings, options: Options) -> Engine:
    from audio_tools.engines.whisper.engine import WhisperEngine

    return WhisperEngine(
        model=options.model or settings.whisper_model,
        data_dir=settings.data_dir,
        device=settings.whisper_device,
        compute_type=settings.whisper_compute_type,
    )


def _describe(settings: Settings) -> str:
    from audio_tools.engines.whisper.weights import has_weights, require_faster_whisper

    require_faster_whisper()
    here = has_weights(settings.whisper_model, settings.data_dir)
    return f"whisper ({settings.whisper_model}{'' if here else ', to be downloaded'})"


def _diagnose(settings: Settings, network: bool) -> Diagnosis:
    from audio_tools.engines.whisper.weights import (
        check_download,
        describe_weights,
        has_weights,
        require_faster_whisper,
    )

    model, data_dir = settings.whisper_model, settings.data_dir
    require_faster_whisper()
    text = describe_weights(model, data_dir)
    if has_weights(model, data_dir):
        return Diagnosis(True, text)
    if not network:
        return Diagnosis(None, f"{text}; the hub was not tried")
    return Diagnosis(True, f"{text}: {check_download(model, data_dir)}")


def _word_timer(settings: Settings) -> WordTimer | None:
    from audio_tools.engines.whisper.word_timer import whisper_word_timer

    return whisper_word_timer(settings)


WHISPER = EngineSpec(
    name="whisper",
    requirement=Requirement(
        absent="the local engine is not installed",
        remedy="install the local engine: pip install 'audio-tools-backend[local]'",
        is_met=lambda _: find_spec("faster_whisper") is not None,
    ),
    is_local=True,
    languages=LANGUAGES,
    make=_make,
    describe=_describe,
    diagnose=_diagnose,
    word_timer=_word_timer,
    client_models=re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*"),
)
