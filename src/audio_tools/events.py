"""What happens while a job runs, as seen from outside."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from audio_tools.transcript import Json, Word

Stage = Literal["probe", "load", "decode", "transcribe", "stitch"]


@dataclass(frozen=True, slots=True)
class Progress:
    """
    How far a job is: `progress` 0..100, never going back.

    `seconds_done` of `seconds_total` audio have an answer; `total_chunks` is an estimate until the whole
    file is cut. `chunks_failed` have no answer so far, and do not count as progress. `speed` is the seconds
    of audio that the engine gets through in a second; it and `eta_s` are None while they are unknown.
    """

    stage: Stage
    progress: float
    message: str
    chunks_done: int = 0
    chunks_failed: int = 0
    total_chunks: int = 0
    seconds_done: float = 0.0
    seconds_total: float | None = None
    eta_s: float | None = None
    speed: float | None = None

    def to_json(self) -> Json:
        return {
            "type": "progress",
            "stage": self.stage,
            "progress": round(self.progress, 1),
            "message": self.message,
            "chunksDone": self.chunks_done,
            "chunksFailed": self.chunks_failed,
            "totalChunks": self.total_chunks,
            "etaSeconds": None if self.eta_s is None else round(self.eta_s, 1),
            "speed": None if self.speed is None else round(self.speed, 2),
        }


@dataclass(frozen=True, slots=True)
class ChunkWords:
    """The words of one finished chunk, before its borders are joined with its neighbours'; seconds."""

    index: int
    start: float
    end: float
    words: tuple[Word, ...]

    def to_json(self) -> Json:
        return {
            "type": "words",
            "chunk": self.index,
            "start": round(self.start, 4),
            "end": round(self.end, 4),
            "words": [word.to_json() for word in self.words],
        }


Event = Progress | ChunkWords
Publish = Callable[[Event], None]
"""Takes an event at once, without waiting; called on the event loop."""
