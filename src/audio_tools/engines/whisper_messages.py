"""What the service and its Whisper process say to each other: pickled objects, each behind its length."""

from __future__ import annotations

import pickle
import struct
from dataclasses import dataclass

from audio_tools.engines.base import Request
from audio_tools.errors import AudioToolsError
from audio_tools.transcript import Reply

_HEADER = struct.Struct("!Q")
HEADER_BYTES = _HEADER.size


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
"""What the process says; to it, one says only `Request`."""


def pack(message: Message | Request) -> bytes:
    """A message as it goes through a pipe."""
    body = pickle.dumps(message)
    return _HEADER.pack(len(body)) + body


def body_bytes(header: bytes) -> int:
    """How many bytes follow a header."""
    (length,) = _HEADER.unpack(header)
    assert isinstance(length, int)
    return length
