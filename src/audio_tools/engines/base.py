"""The contract of an engine: a chunk of audio in, words out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from audio_tools.engines.whisper.hub import OnDownload
from audio_tools.media.encode import EncodedAudio
from audio_tools.transcript import Interval, Reply


@dataclass(frozen=True, slots=True)
class Capabilities:
    """
    What an engine gives and how much it takes at once.

    `words` and `segments`: whether its answers carry times for them; `speakers`: whether they say who
    speaks; `prompt`: whether it takes one. `max_bytes` caps one encoded chunk
    (the file, with room left for the rest of the request body), `max_seconds` its length; None: no cap.
    `window_s`: what the engine computes at once, in seconds, whatever it is given; chunks fill such windows.
    None: longer chunks are better ones. `lanes` caps how many chunks at once make sense (a local model: as
    many as it computes side by side), None: as many as the settings allow.
    `keeps_language`: where no language is requested, the one of the first words holds for the whole job;
    other chunks wait for those. `usd_per_minute` of audio sent.
    `translates`: whether it can give English text for speech in other languages.
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
    usd_per_minute: float = 0.0
    translates: bool = False


@dataclass(frozen=True, slots=True)
class Request:
    """
    What an engine is asked.

    `speech`: where the chunk holds speech, in seconds from its start. `language`: ISO-639-1, None to let
    the engine find it. `prompt`: words and style to expect. `translate`: English text instead of a
    transcript, only of an engine that can.
    """

    audio: EncodedAudio
    speech: tuple[Interval, ...] = ()
    language: str | None = None
    prompt: str | None = None
    translate: bool = False


class Engine(Protocol):
    """
    Turns chunks into words. One instance serves many chunks, at most `capabilities.lanes` at once.

    A cancelled `transcribe` gives up at once: an open request is closed, a local computation is stopped.
    """

    name: str
    model: str
    capabilities: Capabilities

    def identity(self) -> tuple[str, ...]:
        """Everything about the engine that shapes its answers; part of the digest of a stored result."""
        ...

    async def start(self, on_download: OnDownload | None = None) -> None:
        """
        Get ready (load a model, check a key); `on_download` hears how the download of a model gets on.

        Raises:
            EngineNotReady: something is missing; the hint says how to get it.
        """
        ...

    async def transcribe(self, request: Request) -> Reply:
        """
        Transcribe one chunk, once: retrying is the caller's.

        Raises:
            EngineError: the subclass says whether to try again.
        """
        ...

    async def close(self) -> None:
        """Let go of connections and processes; safe to call twice."""
        ...
