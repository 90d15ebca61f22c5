"""
The stream that FFmpeg writes for us: samples with their times, as live Matroska.

Raw samples would not do: when the sound changes its channels or rate FFmpeg starts its filters anew, and
only times tell then where the new samples belong.
"""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader

import numpy as np

from audio_tools.audio.pcm import Pcm

_SEGMENT, _CLUSTER, _BLOCK_GROUP = 0x18538067, 0x1F43B675, 0xA0
_OPENED = frozenset({_SEGMENT, _CLUSTER, _BLOCK_GROUP})
"""Elements that are entered instead of skipped; live, their size is unknown anyway."""
_TIMESTAMP, _BLOCK, _SIMPLE_BLOCK = 0xE7, 0xA1, 0xA3
_BLOCK_HEADER_BYTES = 4
_LARGEST_BYTES = 1 << 20


def read_packets(stream: BufferedReader) -> Iterator[tuple[float, Pcm]]:
    """
    The packets of a stream with one track of mono s16le samples: start in seconds, to the ms, and samples.

    A stream that breaks off ends with its last whole packet.

    Raises:
        ValueError: it is no such stream.
    """
    cluster_ms = 0
    while head := stream.read(1):
        identity = int.from_bytes(head + stream.read(_length(head[0]) - 1))
        first = stream.read(1)
        if not first:
            return
        size = int.from_bytes(first + stream.read(_length(first[0]) - 1)) & ((1 << 7 * _length(first[0])) - 1)
        if identity in _OPENED:
            continue
        if size > _LARGEST_BYTES:
            raise ValueError(f"element {identity:#x} has {size} bytes")
        if identity in (_BLOCK, _SIMPLE_BLOCK):
            header = stream.read(_BLOCK_HEADER_BYTES)
            samples = bytearray(size - _BLOCK_HEADER_BYTES)
            if stream.readinto(samples) < len(samples):
                return
            start_ms = cluster_ms + int.from_bytes(header[1:3], signed=True)
            yield start_ms / 1000, np.frombuffer(samples, "<i2")
        else:
            body = stream.read(size)
            if identity == _TIMESTAMP:
                cluster_ms = int.from_bytes(body)


def _length(first_byte: int) -> int:
    """How many bytes an EBML number has: one more than the zero bits that lead its first byte."""
    if not first_byte:
        raise ValueError("no EBML number starts with a zero byte")
    return 9 - first_byte.bit_length()
