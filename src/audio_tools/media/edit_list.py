"""
The tracks of MP4 and QuickTime files by their index: when each ends, and edits that libavformat gets wrong.

It repeats the start of the track where an edit in the middle is empty, and plays nothing of an edit of
length 0. Such a track is read without its edits, which are then applied to the decoded sound.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

Span = tuple[int, int]
"""Where the content of a box starts and ends in the file, in bytes."""

_LARGEST_TABLE_BYTES = 1 << 20
_MOST_BOXES = 10_000
_BRANDS = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"})
_EMPTY = -1


@dataclass(frozen=True, slots=True)
class Edit:
    """`duration` seconds from `start` on the media's clock play the track from `media` on; None: silence."""

    start: float
    media: float | None
    duration: float


@dataclass(frozen=True, slots=True)
class Movie:
    """
    The index of a file. `fragmented`: whether it holds only a part. By track id: `ends`, when each track
    ends in seconds on the movie's clock; `edits` of the tracks that libavformat would play wrong.
    """

    fragmented: bool = False
    ends: Mapping[int, float] = field(default_factory=dict)
    edits: Mapping[int, tuple[Edit, ...]] = field(default_factory=dict)


def read_movie(path: Path) -> Movie | None:
    """Return the index of an MP4 or QuickTime file; None for other or damaged files."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            head = _head(file, 0, size)
            if head is None or head[0] not in _BRANDS:
                return None
            top = dict(_boxes(file, (0, size)))
            return _movie(file, top[b"moov"]) if b"moov" in top else None
    except (OSError, struct.error, ValueError, LookupError, StopIteration):
        return None


def _movie(file: BinaryIO, moov: Span) -> Movie:
    boxes = list(_boxes(file, moov))
    fragmented = any(kind == b"mvex" for kind, _ in boxes)
    timescale = _timescale(file, next(span for kind, span in boxes if kind == b"mvhd"))
    ends: dict[int, float] = {}
    edits: dict[int, tuple[Edit, ...]] = {}
    for kind, span in boxes:
        if kind == b"trak":
            track = dict(_boxes(file, span))
            number = _track_id(file, track[b"tkhd"])
            header = dict(_boxes(file, track[b"mdia"]))[b"mdhd"]
            length_s = _media_length(file, header) / _timescale(file, header)
            rows = _edit_rows(file, track)
            played = tuple(_edits(rows, timescale, _timescale(file, header), length_s))
            ends[number] = max((edit.start + edit.duration for edit in played), default=length_s)
            if _played_wrong(rows, fragmented):
                edits[number] = played
    return Movie(fragmented, ends, edits)


def _track_id(file: BinaryIO, header: Span) -> int:
    data = _read(file, header)
    number: int = struct.unpack_from(">I", data, 20 if data[0] else 12)[0]
    return number


def _edit_rows(file: BinaryIO, track: dict[bytes, Span]) -> list[tuple[int, int]]:
    lists = dict(_boxes(file, track[b"edts"])) if b"edts" in track else {}
    return _rows(_read(file, lists[b"elst"])) if b"elst" in lists else []


def _played_wrong(rows: list[tuple[int, int]], fragmented: bool) -> bool:
    """Whether libavformat plays these edits wrong."""
    played = [number for number, (_, media) in enumerate(rows) if media != _EMPTY]
    empty_inside = any(media == _EMPTY for _, media in rows[played[0] :]) if played else False
    return empty_inside or (not fragmented and any(not rows[number][0] for number in played))


def _edits(rows: list[tuple[int, int]], timescale: int, media_rate: int, length_s: float) -> Iterator[Edit]:
    start = 0.0
    played = any(duration for duration, media in rows if media != _EMPTY)
    for duration, media in rows:
        if not duration and played:
            continue
        seconds, from_s = duration / timescale, media / media_rate
        if media == _EMPTY:
            yield Edit(start, None, seconds)
        else:
            there = max(length_s - from_s, 0.0)
            # An edit of length 0 alone plays what there is; none plays more, unless the length is not known.
            seconds = min(seconds or there, there or seconds)
            yield Edit(start, from_s, seconds)
            played = True
        start += seconds


def _rows(table: bytes) -> list[tuple[int, int]]:
    """Duration (of the movie's clock) and media time (of the track's) of each edit."""
    form = struct.Struct(">QqI" if table[0] else ">IiI")
    count = struct.unpack_from(">I", table, 4)[0]
    if count > (len(table) - 8) // form.size:
        raise ValueError("a truncated edit list")
    return [form.unpack_from(table, 8 + number * form.size)[:2] for number in range(count)]


def _timescale(file: BinaryIO, header: Span) -> int:
    data = _read(file, header)
    scale: int = struct.unpack_from(">I", data, 20 if data[0] else 12)[0]
    if not scale:
        raise ValueError("a timescale of zero")
    return scale


def _media_length(file: BinaryIO, header: Span) -> int:
    data = _read(file, header)
    length: int = struct.unpack_from(">Q" if data[0] else ">I", data, 24 if data[0] else 16)[0]
    return length


def _read(file: BinaryIO, span: Span) -> bytes:
    start, end = span
    if end - start > _LARGEST_TABLE_BYTES:
        raise ValueError("a table that is too large")
    file.seek(start)
    return file.read(end - start)


def _boxes(file: BinaryIO, within: Span) -> Iterator[tuple[bytes, Span]]:
    """Kind and content of each box."""
    at, end = within
    for _ in range(_MOST_BOXES):
        head = _head(file, at, end)
        if head is None:
            return
        kind, content, following = head
        yield kind, (content, following)
        at = following


def _head(file: BinaryIO, at: int, end: int) -> tuple[bytes, int, int] | None:
    """Kind of the box at `at`, where its content starts, and where it ends; None: there is no box."""
    if at + 8 > end:
        return None
    file.seek(at)
    size, kind = struct.unpack(">I4s", file.read(8))
    content = at + 8
    if size == 1:
        size = struct.unpack(">Q", file.read(8))[0]
        content += 8
    elif size == 0:
        size = end - at
    if size < content - at:
        return None
    return kind, content, min(at + size, end)
