"""The contract of an engine: a chunk of audio in, words out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from audio_tools.media.encode import EncodedAudio
from audio_tools.transcript import Interval, Reply

OnDownload = Callable[[int, int], None]
"""Receives the progress of a download, in bytes done and in total; called from any thread, often."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """
    Capabilities and limits of an engine.

    `words` and `segments`: whether replies contain times for them; `speakers`: whether they contain
    speaker labels; `prompt`: whether it accepts one. `max_bytes` caps one encoded chunk
    (the file, less the rest of the request body), `max_seconds` its length; None: no limit.
    `window_s`: fixed window of the model in seconds, which chunks should fill; None: longer chunks are
    better. `lanes`: maximum number of concurrent chunks (of a local model: as many as it computes in
    parallel); None: the limit of the settings. `keeps_language`: without a requested language, the one
    detected at the first words is used for the whole job, and other chunks wait for it.
    `keeps_context`: the text before a chunk improves its own, so that chunks are sent in order.
    `usd_per_minute`: price of audio sent. `translates`: whether it can translate speech to English.
    """

    words: bool
    segments: bool
    speakers: bool = False
    prompt: bool = True
    max_bytes: int | None = None
    max_seconds: float | None = None
    window_s: float | None = None
    lanes: int | None = None
    keeps_language: bool = False
    keeps_context: bool = False
    usd_per_minute: float = 0.0
    translates: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """
    A request to an engine.

    `speech`: the speech in the chunk, in seconds from its start. `language`: ISO-639-1, None to detect it.
    `prompt`: expected words and style. `translate`: return English text instead of a transcript; only if
    the engine supports it. `context`: that of the reply to the chunk before, if the engine keeps it.
    `is_multilingual`: the language may change within the chunk.
    """

    audio: EncodedAudio
    speech: tuple[Interval, ...] = ()
    language: str | None = None
    prompt: str | None = None
    translate: bool = False
    context: tuple[int, ...] = ()
    is_multilingual: bool = False


class Engine(Protocol):
    """
    Transcribes chunks. One instance serves many chunks, at most `capabilities.lanes` at once.

    Cancelling `transcribe` takes effect at once: an open request is closed, a local computation is stopped.
    """

    name: str
    model: str
    capabilities: Capabilities

    def identity(self) -> tuple[str, ...]:
        """Everything that affects the engine's replies; part of the digest of a stored result."""
        ...

    async def start(self, on_download: OnDownload | None = None) -> None:
        """
        Load the model, check the key; `on_download` receives the progress of a model download.

        Raises:
            EngineNotReady: something is missing; the hint explains how to install it.
        """
        ...

    async def transcribe(self, request: Request) -> Reply:
        """
        Transcribe one chunk once, without retries.

        Raises:
            EngineError: the subclass defines whether to retry.
        """
        ...

    async def close(self) -> None:
        """Close connections and processes. Safe to call twice."""
        ...
