"""What the Whisper process says; to it, one says only `Request`."""

from __future__ import annotations

from dataclasses import dataclass

from audio_tools.errors import AudioToolsError
from audio_tools.transcript import Reply


@dataclass(frozen=True, slots=True)
class Downloaded:
    """So much of the model is here, in bytes."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Ready:
    """The model is loaded; `digest` is the SHA-256 of its weights, `compute_type` the arithmetic it got."""

    digest: str
    compute_type: str


Message = Downloaded | Ready | Reply | AudioToolsError
