"""
What the decoding child process sends to its parent: samples with their places, then a report or a failure.

A record is a header (kind, channels, number of its first sample, bytes that follow) and its body.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TypeAlias

from audio_tools.system.pipes import timed_reader

HEADER = struct.Struct("<cBqI")
SAMPLES, REPORT, FAILURE = b"S", b"R", b"F"

LARGEST_BODY_BYTES = 64 << 20
"""More than a second of 64 channels takes, whatever their rate was."""

Buffer: TypeAlias = bytes | bytearray | memoryview


@dataclass(frozen=True, slots=True)
class Report:
    """
    How decoding ended; times in seconds on the media's clock.

    `complaints`: libav's last errors, a line each. `media_end`: when the last of all other sound and pictures
    ends; None: there is none, or it is not known. `joined_at`: where timestamps start anew and another
    recording follows. `clock_ignored`: whether the timestamps of the sound were unusable, so that its samples
    were counted instead. `explained`: whether the container's duration may count something else than sound
    and pictures. `cut_off`: whether the file ends before its time. `unread`: the share of the file behind the
    place where its demuxer stopped.
    """

    complaints: str = ""
    media_end: float | None = None
    joined_at: tuple[float, ...] = ()
    clock_ignored: bool = False
    explained: bool = False
    cut_off: bool = False
    unread: float = 0.0


@dataclass(frozen=True, slots=True)
class Samples:
    """Interleaved 16-bit samples of `channels`, the first one at sample number `start`."""

    channels: int
    start: int
    data: bytearray


@dataclass(frozen=True, slots=True)
class Failure:
    """The reason why decoding failed or stopped, by libav or audio-tools."""

    complaints: str


class RecordWriter:
    """The child's end of the pipe."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def samples(self, channels: int, start: int, data: Buffer) -> None:
        self._write(SAMPLES, channels, start, data)

    def report(self, report: Report) -> None:
        self._write(REPORT, 0, 0, json.dumps(asdict(report)).encode())

    def failure(self, complaints: str) -> None:
        self._write(FAILURE, 0, 0, complaints.encode(errors="replace"))

    def _write(self, kind: bytes, channels: int, start: int, body: Buffer) -> None:
        for part in (HEADER.pack(kind, channels, start, len(body)), body):
            rest = memoryview(part)
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]


class RecordReader:
    """
    The parent's end of the pipe.

    Args:
        descriptor: to read from; closing it is left to its owner.
        stall_s: how long to wait for the next bytes, in seconds.
    """

    def __init__(self, descriptor: int, stall_s: float) -> None:
        self._read_into = timed_reader(descriptor, stall_s)

    def __iter__(self) -> Iterator[Samples | Report | Failure]:
        """
        The records; a record that breaks off, because the child was killed, is not one.

        Raises:
            TimeoutError: nothing comes.
            ValueError: it is not what `RecordWriter` writes.
        """
        while header := self._read(HEADER.size):
            kind, channels, start, size = HEADER.unpack(header)
            if size > LARGEST_BODY_BYTES:
                raise ValueError(f"a record of {size} bytes")
            body = self._read(size)
            if body is None:
                return
            yield _parse(kind, channels, start, body)

    def _read(self, size: int) -> bytearray | None:
        """Return this many bytes; None if the stream ends before."""
        data = bytearray(size)
        rest = memoryview(data)
        while rest:
            read = self._read_into(rest)
            if not read:
                return None
            rest = rest[read:]
        return data


def _parse(kind: bytes, channels: int, start: int, body: bytearray) -> Samples | Report | Failure:
    if kind == SAMPLES and channels and len(body) % (2 * channels) == 0:
        return Samples(channels, start, body)
    if kind == REPORT:
        try:
            facts = json.loads(body)
            return Report(**facts | {"joined_at": tuple(facts["joined_at"])})
        except (TypeError, KeyError) as error:
            raise ValueError(f"a report that is not one ({error})") from None
    if kind == FAILURE:
        return Failure(body.decode(errors="replace"))
    raise ValueError(f"a record of kind {kind!r}")
