"""A local Whisper that times the words of an engine without word times."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import version
from importlib.util import find_spec

from audio_tools.audio.pcm import Pcm
from audio_tools.engines.base import Request
from audio_tools.engines.languages import LANGUAGES
from audio_tools.engines.whisper.engine import WhisperEngine
from audio_tools.engines.whisper.weights import has_weights
from audio_tools.errors import EngineNotReady
from audio_tools.media.encode import encode
from audio_tools.settings import Settings
from audio_tools.transcript import Interval, Word


class WhisperWordTimer:
    """See `alignment.whisper.WordTimer`. The model is loaded for the first chunk."""

    languages = LANGUAGES

    def __init__(self, whisper: WhisperEngine) -> None:
        self._whisper = whisper

    def identity(self) -> tuple[str, ...]:
        """Return the name of the model; its weights are read only when they are needed."""
        return (self._whisper.name, self._whisper.model, f"faster-whisper {version('faster-whisper')}")

    async def time_words(self, pcm: Pcm, speech: Sequence[Interval], language: str) -> Sequence[Word]:
        """Return the words of a chunk with Whisper's times. Raises EngineError if transcription fails."""
        audio = await asyncio.to_thread(encode, pcm, "flac")
        return (await self._whisper.transcribe(Request(audio, tuple(speech), language))).words

    async def close(self) -> None:
        """Stop the process of the model."""
        await self._whisper.close()


def whisper_word_timer(settings: Settings) -> WhisperWordTimer | None:
    """Return the word timer, or None if the model is not present: it is not downloaded for this."""
    if find_spec("faster_whisper") is not None:
        with suppress(EngineNotReady):
            if has_weights(settings.whisper_model, settings.data_dir):
                return WhisperWordTimer(
                    WhisperEngine(
                        model=settings.whisper_model,
                        data_dir=settings.data_dir,
                        device=settings.whisper_device,
                        compute_type=settings.whisper_compute_type,
                    )
                )
    return None
