"""Chunk to words on this machine: faster-whisper, in a process of its own."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from audio_tools.engines.base import Capabilities, Request
from audio_tools.engines.whisper.hub import OnDownload
from audio_tools.engines.whisper.messages import Downloaded, Message, Ready
from audio_tools.engines.whisper.model import CLIP_PAD_S, DECODING, LATE_S, SKIPPED_PAUSE_S
from audio_tools.engines.whisper.weights import require_faster_whisper
from audio_tools.errors import AudioToolsError, EngineNotReady, EngineUnavailable
from audio_tools.settings import ComputeType, Device
from audio_tools.subprocess_rpc import ChildDied, ChildProcess
from audio_tools.transcript import Reply

CAPABILITIES = Capabilities(words=True, segments=True, max_seconds=600, lanes=1, keeps_language=True)
"""The model takes all cores for one chunk; 10 minutes of audio take 0.6 GB beside it, an hour 3.3 GB."""

_TRANSCRIBES_ONLY = r"\.en\b|turbo|distil"
"""The names of models that cannot translate: English ones, and those that were trained without it."""

MODULE = "audio_tools.engines.whisper.process"


class WhisperEngine:
    """
    One model in one process, which is started by `start` and again after it was stopped.

    See `engines.base.Engine`. A cancelled `start` or `transcribe` kills the process.

    Args:
        model: see `weights.find_weights`.
        data_dir: likewise.
        device: see `whisper_model.Whisper`.
        compute_type: likewise.
    """

    name = "whisper"

    def __init__(
        self, *, model: str, data_dir: Path, device: Device = "auto", compute_type: ComputeType = "auto"
    ) -> None:
        # A transcript travels; where its maker keeps his models is nobody's business.
        self.model = Path(model).name if Path(model).is_absolute() else model
        self.capabilities = replace(CAPABILITIES, translates=not re.search(_TRANSCRIBES_ONLY, self.model))
        self._arguments = (model, str(data_dir), device, compute_type)
        self._ready: Ready | None = None
        self._child: ChildProcess | None = None
        self._turn = asyncio.Lock()

    def identity(self) -> tuple[str, ...]:
        """The weights by their SHA-256, the code that runs them and how it is told to; after `start` only."""
        ready = self._ready
        assert ready is not None, "start() comes first"
        shaped = DECODING | {
            "skipped_pause_s": SKIPPED_PAUSE_S,
            "clip_pad_s": CLIP_PAD_S,
            "late_s": LATE_S,
            "compute_type": ready.compute_type,
        }
        parameters = (f"{name}={value}" for name, value in sorted(shaped.items()))
        return (self.name, ready.digest, f"faster-whisper {version('faster-whisper')}", *parameters)

    async def start(self, on_download: OnDownload | None = None) -> None:
        """
        Load the model into its process; downloads it if need be, which may take minutes.

        Args:
            on_download: hears how that gets on, in bytes done and in all; called on the event loop.

        Raises:
            EngineNotReady: faster-whisper or the model is missing, or cannot be loaded.
            StorageError: there is no room for the model.
        """
        require_faster_whisper()
        try:
            async with self._running_child(on_download or _ignore):
                pass
        except EngineUnavailable as error:
            raise EngineNotReady(error.message, hint=error.hint) from error

    async def transcribe(self, request: Request) -> Reply:
        """
        See `engines.base.Engine.transcribe`.

        Raises:
            ChunkRefused: it is not audio. OptionRefused: the model does not know the language.
            EngineUnavailable: the process died; the next call starts another.
        """
        async with self._running_child(_ignore) as child:
            answer: Message = await child.ask(request)
        if isinstance(answer, AudioToolsError):
            raise answer
        assert isinstance(answer, Reply), f"the Whisper process answers with {answer!r}"
        return answer

    async def close(self) -> None:
        """End the process."""
        child, self._child = self._child, None
        if child is not None:
            await child.kill()

    @asynccontextmanager
    async def _running_child(self, on_download: OnDownload) -> AsyncIterator[ChildProcess]:
        """The process with its model loaded, for one caller at a time; killed unless it is left in peace."""
        async with self._turn:
            try:
                if self._child is None:
                    self._child = await ChildProcess.start(MODULE, *self._arguments)
                    self._ready = await self._load(self._child, on_download)
                yield self._child
            except ChildDied as died:
                await self.close()
                hint = "If memory ran out, set WHISPER_MODEL to a smaller model." if died.by_signal else ""
                raise EngineUnavailable(f"The Whisper process {died}.", hint=hint) from None
            except BaseException:
                # Nobody waits for what it is doing any more, and its answer would be taken for the next.
                await self.close()
                raise

    async def _load(self, child: ChildProcess, on_download: OnDownload) -> Ready:
        """Wait until the model is loaded."""
        while True:
            message: Message = await child.read()
            if isinstance(message, Ready):
                return message
            if isinstance(message, AudioToolsError):
                raise message
            if isinstance(message, Downloaded):
                on_download(message.done, message.total)


def _ignore(done: int, total: int) -> None:
    """Nobody wants to know."""
