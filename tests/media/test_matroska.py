"""Reading the stream that FFmpeg writes for us."""

from __future__ import annotations

from io import BufferedReader, BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.audio.pcm import Pcm
from audio_tools.media.matroska import read_packets
from tests.media.samples import make, sound

SEGMENT, CLUSTER = b"\x18\x53\x80\x67" + b"\x01" + b"\xff" * 7, b"\x1f\x43\xb6\x75" + b"\x01" + b"\xff" * 7


def stream(data: bytes) -> BufferedReader:
    return BufferedReader(BytesIO(data))


def packets_of(data: bytes) -> list[tuple[float, Pcm]]:
    return list(read_packets(stream(data)))


def cluster(start_ms: int) -> bytes:
    return CLUSTER + b"\xe7\x84" + start_ms.to_bytes(4)


def block(offset_ms: int, samples: Pcm) -> bytes:
    body = b"\x81" + offset_ms.to_bytes(2, signed=True) + b"\x80" + samples.astype("<i2").tobytes()
    return b"\xa3" + (len(body) | 1 << 28).to_bytes(4) + body


ONES, TWOS = np.ones(1600, np.int16), np.full(7, 2, np.int16)
LIVE = (
    SEGMENT
    + cluster(5_000)
    + block(0, ONES)
    + block(100, TWOS)
    + b"\xec\x82\0\0"
    + cluster(90_000)
    + block(-3, ONES)
)


def test_times_and_samples() -> None:
    """A packet starts so many milliseconds after its cluster, and holds what was written."""
    packets = packets_of(LIVE)

    assert [start for start, _ in packets] == [5.0, 5.1, 89.997]
    assert [samples.tolist() for _, samples in packets] == [ONES.tolist(), TWOS.tolist(), ONES.tolist()]


def test_what_ffmpeg_writes(ffmpeg: Path, tmp_path: Path) -> None:
    """A real stream gives all its samples, in order of time."""
    options = ["-c:a", "pcm_s16le", "-f", "matroska", "-live", "1"]
    path = make(tmp_path / "a.mkv", *sound(3, rate_hz=16_000), *options)
    packets = packets_of(path.read_bytes())

    starts = [start for start, _ in packets]
    assert starts == sorted(starts)
    assert sum(len(samples) for _, samples in packets) == 48_000


@given(st.integers(0, len(LIVE)))
def test_a_stream_that_breaks_off(end: int) -> None:
    """Wherever FFmpeg is killed, the whole packets before are read."""
    whole = packets_of(LIVE)
    read = packets_of(LIVE[:end])

    assert [start for start, _ in read] == [start for start, _ in whole[: len(read)]]
    assert all(np.array_equal(mine, theirs) for (_, mine), (_, theirs) in zip(read, whole, strict=False))


@given(st.binary(max_size=200))
def test_rubbish_is_refused(data: bytes) -> None:
    """Whatever a hijacked FFmpeg writes, it ends or is refused, and takes no memory."""
    try:
        packets_of(SEGMENT + data)
    except ValueError:
        pass


def test_no_memory_for_a_lie() -> None:
    """A packet that claims gigabytes is refused before there is room made for it."""
    with pytest.raises(ValueError, match="bytes"):
        packets_of(SEGMENT + b"\xa3\x01" + b"\x7f" * 7)
