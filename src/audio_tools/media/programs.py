"""Which streams of an MPEG transport stream belong to one programme, and so share its clock."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

SYNC = 0x47
PACKET_BYTES = (188, 192, 204)
"""As broadcast, with the time stamp of M2TS before each, with error correction behind each."""

_HEAD_BYTES = 2 << 20
_PAT, _PMT = 0x00, 0x02
"""Table ids of the association of programmes and of the map of one."""


@cache
def read_programs(path: Path) -> list[frozenset[int]]:
    """The PIDs of each programme, as the head of the file lists them; empty where it lists none."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    maps: set[int] = set()
    programs: dict[int, frozenset[int]] = {}
    try:
        for pid, section in _sections(head):
            if pid == 0 and section[0] == _PAT:
                maps |= set(_map_pids(section))
            elif pid in maps and section[0] == _PMT:
                programs.setdefault(_number(section), frozenset(_stream_pids(section)))
    except IndexError:
        pass  # a table that is cut off; what was read before it stands
    return list(programs.values())


def is_scrambled(path: Path) -> bool:
    """Whether most packets at the head of a transport stream are encrypted, as pay television is."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    size, first = packet_layout(head)
    flags = [
        head[at + 3] & 0xC0 for at in range(first, len(head) - 188, size or len(head)) if head[at] == SYNC
    ]
    return sum(map(bool, flags)) > len(flags) / 2


def _sections(head: bytes) -> Iterator[tuple[int, bytes]]:
    """PID and content of each table that starts and ends within one packet, as those tables do."""
    size, first = packet_layout(head)
    for at in range(first, len(head) - 188, size or len(head)):
        packet = head[at : at + 188]
        starts, has_payload = packet[1] & 0x40, packet[3] & 0x10
        if packet[0] != SYNC or not starts or not has_payload:
            continue
        payload = 4 + (1 + packet[4] if packet[3] & 0x20 else 0)
        section = packet[payload + 1 + packet[payload] :] if payload < 187 else b""
        if len(section) > 8:
            yield (packet[1] & 0x1F) << 8 | packet[2], section


def packet_layout(head: bytes) -> tuple[int, int]:
    """Bytes of a packet and where the first one starts; no bytes: it is no transport stream."""
    for size in PACKET_BYTES:
        for first in range(size):
            if all(head[at : at + 1] == b"\x47" for at in range(first, first + 5 * size, size)):
                return size, first
    return 0, 0


def _number(section: bytes) -> int:
    return section[3] << 8 | section[4]


def _length(section: bytes) -> int:
    """Where a section's content ends, before its checksum."""
    return min(3 + ((section[1] & 0x0F) << 8 | section[2]) - 4, len(section))


def _map_pids(section: bytes) -> Iterator[int]:
    for at in range(8, _length(section) - 3, 4):
        if section[at] or section[at + 1]:
            yield (section[at + 2] & 0x1F) << 8 | section[at + 3]


def _stream_pids(section: bytes) -> Iterator[int]:
    at = 12 + ((section[10] & 0x0F) << 8 | section[11])
    while at + 5 <= _length(section):
        yield (section[at + 1] & 0x1F) << 8 | section[at + 2]
        at += 5 + ((section[at + 3] & 0x0F) << 8 | section[at + 4])
