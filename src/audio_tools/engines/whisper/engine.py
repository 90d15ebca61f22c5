"""Chunk to words on this machine: faster-whisper, in a process of its own."""

from __future__ import annotations

import re
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from audio_tools.engines.base import Capabilities, OnDownload, Request
from audio_tools.engines.model_process import ModelProcess
from audio_tools.engines.whisper.decoding import (
    BEAM_SIZE,
    MARGIN_S,
    MOST_CONTEXT_TOKENS,
    SHORTEST_ENCODED_S,
    WITHOUT_LOOPS,
)
from audio_tools.engines.whisper.model import LATE_S, cpu_workers
from audio_tools.engines.whisper.weights import require_faster_whisper
from audio_tools.engines.whisper.windows import KEPT_PAUSE_S, LONG_PAUSE_S, SPEECH_PAD_S
from audio_tools.settings import ComputeType, Device
from audio_tools.transcript import Reply

CAPABILITIES = Capabilities(
    words=True, segments=True, window_s=29.5, lanes=cpu_workers(), keeps_language=True, keeps_context=True
)
"""Half a second below the 30 s of the model, so that padded speech still fits."""

RULES = 7
"""Incremented when the same window gives other words; part of the identity."""

_TRANSCRIBES_ONLY = r"\.en\b|turbo|distil"
"""Names of models that cannot translate: English models, and those trained without translation."""

MODULE = "audio_tools.engines.whisper.process"


class WhisperEngine:
    """
    One model in one process, which is started by `start` and again after it was stopped.

    See `engines.base.Engine`. A cancelled `start` kills the process, and so does a cancelled `transcribe`
    unless the process is working on another chunk as well: then it finishes the one that was cancelled too,
    which takes as long as one window.

    Args:
        model: see `weights.find_weights`.
        data_dir: likewise.
        device: see `model.Whisper`.
        compute_type: likewise.
    """

    name = "whisper"

    def __init__(
        self, *, model: str, data_dir: Path, device: Device = "auto", compute_type: ComputeType = "auto"
    ) -> None:
        # Do not leak a local path into the transcript.
        self.model = Path(model).name if Path(model).is_absolute() else model
        self.capabilities = replace(CAPABILITIES, translates=not re.search(_TRANSCRIBES_ONLY, self.model))
        self.process = ModelProcess(
            MODULE,
            (model, str(data_dir), device, compute_type),
            label="Whisper",
            lanes=cpu_workers(),
            memory_hint="If memory ran out, set WHISPER_MODEL to a smaller model.",
        )

    def identity(self) -> tuple[str, ...]:
        """Return the SHA-256 of the weights, the version and the settings of the code; after `start` only."""
        ready = self.process.ready
        shaped = {
            "beam_size": BEAM_SIZE,
            "compute_type": ready.compute_type,
            "context_tokens": MOST_CONTEXT_TOKENS,
            "kept_pause_s": KEPT_PAUSE_S,
            "late_s": LATE_S,
            "margin_s": MARGIN_S,
            "long_pause_s": LONG_PAUSE_S,
            "rules": RULES,
            "shortest_encoded_s": SHORTEST_ENCODED_S,
            "speech_pad_s": SPEECH_PAD_S,
            "without_loops": WITHOUT_LOOPS,
        }
        parameters = (f"{name}={value}" for name, value in sorted(shaped.items()))
        return (self.name, ready.digest, f"faster-whisper {version('faster-whisper')}", *parameters)

    async def start(self, on_download: OnDownload | None = None) -> None:
        """
        Load the model into its process; downloads it if need be, which may take minutes.

        Args:
            on_download: receives the progress of the download; called on the event loop.

        Raises:
            EngineNotReady: faster-whisper or the model is missing, or cannot be loaded.
            StorageError: there is no room for the model.
        """
        require_faster_whisper()
        await self.process.start(on_download)

    async def transcribe(self, request: Request) -> Reply:
        """
        See `engines.base.Engine.transcribe`.

        Raises:
            ChunkRefused: it is not audio. OptionRefused: the model does not know the language.
            EngineUnavailable: the process died; the next call starts another.
        """
        return await self.process.transcribe(request)

    async def close(self) -> None:
        """Stop the process."""
        await self.process.close()
