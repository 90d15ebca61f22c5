"""
Whether a file ends within a unit that its format announces whole: then it was cut off when it was written or
copied, although the format states no length of the whole that libavformat would compare.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from audio_tools.media.ffmpeg import bytes_behind_wav
from audio_tools.media.programs import SYNC, packet_layout

_TAIL_BYTES = 256 << 10
"""More than the longest page of Ogg and the longest packet of MPEG, 64 KiB each."""
_HEAD_BYTES = 1 << 20

_SEQUENTIAL = ("flv",)
"""Containers with nothing behind their last packet."""
_UNREAD_SHARE = 0.02
"""Less of a file, and less than `_TAIL_BYTES`, is what some programs append to it."""

_ASF_HEADER = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_DATA = bytes.fromhex("3626b2758e66cf11a6d900aa0062ce6c")
_ASF_FILE = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
_ASF_FLAGS_AT, _ASF_LIVE = 88, 1

_PACK, _PROGRAM_END = b"\0\0\1\xba", b"\0\0\1\xb9"
_OGG_HEADER_BYTES = 27
_UNKNOWN_SIZES = (0, 0xFFFFFFFF)


def ends_early(path: Path, container: str) -> bool:
    """Return whether the file was cut off; `container` is the name of its demuxer. False if unknown."""
    judge = _JUDGES.get(container)
    if judge is None:
        return False
    try:
        with path.open("rb") as file:
            return judge(file, file.seek(0, 2))
    except (OSError, struct.error, IndexError):
        return False


def unread_share(path: Path, container: str, read_to: int) -> float:
    """
    The share of a file behind the place where its demuxer stopped, as in recordings joined byte by byte.

    Args:
        path: the file.
        container: name of its demuxer; 0.0 for those that need not read a file to its end.
        read_to: where the last packet ends, in bytes.
    """
    try:
        size = path.stat().st_size
        unread = bytes_behind_wav(path) if container == "wav" else 0
    except OSError:
        return 0.0
    if container in _SEQUENTIAL and read_to:
        unread = size - read_to
    return unread / size if unread > _TAIL_BYTES or unread > _UNREAD_SHARE * size else 0.0


def _asf_ends_early(file: BinaryIO, size: int) -> bool:
    """The data object states its size, except in live streams."""
    head = _read(file, 0, _HEAD_BYTES)
    if head[:16] != _ASF_HEADER:
        return False
    (header_size,) = struct.unpack_from("<Q", head, 16)
    properties = head.find(_ASF_FILE)
    live = properties < 0 or head[properties + _ASF_FLAGS_AT] & _ASF_LIVE
    data = _read(file, header_size, 24)
    return not live and data[:16] == _ASF_DATA and header_size + struct.unpack_from("<Q", data, 16)[0] > size


def _ts_ends_early(file: BinaryIO, size: int) -> bool:
    """The last packet is not whole."""
    packet, first = packet_layout(_read(file, 0, _HEAD_BYTES))
    rest = (size - first) % packet if packet else 0
    return 0 < rest < 188 and _read(file, size - rest, 1)[0] == SYNC


def _mpeg_ends_early(file: BinaryIO, size: int) -> bool:
    """The last packet of the last pack is not whole."""
    tail = _read(file, max(size - _TAIL_BYTES, 0), _TAIL_BYTES)
    at = tail.rfind(_PACK)
    while 0 <= at < len(tail):
        code = tail[at : at + 4]
        if code == _PROGRAM_END or not b"\0\0\1".startswith(code[:3]):
            return False
        if code == _PACK:
            is_mpeg2 = tail[at + 4 : at + 5] >= b"\x40"
            at += 14 + (tail[at + 13] & 7) if is_mpeg2 and at + 13 < len(tail) else 12
        elif at + 6 > len(tail):
            return True
        else:
            at += 6 + int.from_bytes(tail[at + 4 : at + 6])
    return at > len(tail)


def _ogg_ends_early(file: BinaryIO, size: int) -> bool:
    """The last page is not whole."""
    tail = _read(file, max(size - _TAIL_BYTES, 0), _TAIL_BYTES)
    at = tail.rfind(b"OggS")
    if at < 0:
        return False
    page = tail[at:]
    if len(page) < _OGG_HEADER_BYTES:
        return True
    table = page[_OGG_HEADER_BYTES : _OGG_HEADER_BYTES + page[26]]
    return len(table) < page[26] or _OGG_HEADER_BYTES + len(table) + sum(table) > len(page)


def _avi_ends_early(file: BinaryIO, size: int) -> bool:
    """A RIFF chunk is not whole; files above 1 GiB have several."""
    at = 0
    while (chunk := _read(file, at, 8))[:4] == b"RIFF":
        length = int.from_bytes(chunk[4:], "little")
        if length in _UNKNOWN_SIZES:
            return False
        at += 8 + length + length % 2
    return at > size + 1  # some writers leave out the byte that pads it


def _read(file: BinaryIO, at: int, n_bytes: int) -> bytes:
    file.seek(at)
    return file.read(n_bytes)


_JUDGES: dict[str, Callable[[BinaryIO, int], bool]] = {
    "asf": _asf_ends_early,
    "mpegts": _ts_ends_early,
    "mpeg": _mpeg_ends_early,
    "ogg": _ogg_ends_early,
    "avi": _avi_ends_early,
}
