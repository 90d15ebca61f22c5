"""Local Whisper beside another engine: it hears again what that one gives no times for."""

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
    """See `align.heard.Ear`. The model is loaded when the first chunk is heard."""

    languages = LANGUAGES

    def __init__(self, whisper: WhisperEngine) -> None:
        self._whisper = whisper

    def identity(self) -> tuple[str, ...]:
        """The model by its name, since its weights are read only if it is needed."""
        return (self._whisper.name, self._whisper.model, f"faster-whisper {version('faster-whisper')}")

    async def hear(self, pcm: Pcm, speech: Sequence[Interval], language: str) -> Sequence[Word]:
        """The words of a chunk with Whisper's times. Raises EngineError if it cannot be heard."""
        audio = await asyncio.to_thread(encode, pcm, "flac")
        return (await self._whisper.transcribe(Request(audio, tuple(speech), language))).words

    async def close(self) -> None:
        """End the model's process."""
        await self._whisper.close()


def whisper_word_timer(settings: Settings) -> WhisperWordTimer | None:
    """The ear of this process; None where no model is here, for none is downloaded for this."""
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
