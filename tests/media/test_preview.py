"""The sound of files that browsers do not play, as a WAV that is decoded from any byte on."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from audio_tools.errors import DecodeFailed
from audio_tools.media.preview import HEADER_BYTES, RATE_HZ, sound_preview
from tests.media.samples import children, make, picture, sound

SECONDS = 12.0
# MXF cannot say that its sound starts later.
PROFESSIONAL = [
    ("prores.mov", 0.5, ["-c:v", "prores_ks", "-c:a", "pcm_s24le"]),
    ("broadcast.mxf", 0.0, ["-c:v", "mpeg2video", "-c:a", "pcm_s16le"]),
    ("dolby.mkv", 0.5, ["-c:v", "mpeg4", "-c:a", "ac3"]),
    ("stream.ts", 0.5, ["-c:v", "mpeg2video", "-c:a", "mp2"]),
]


async def read(path: Path, first_byte: int = 0, n_bytes: int | None = None) -> bytes:
    """The WAV, or a part of it."""
    data = bytearray()
    async with sound_preview(path, None, first_byte) as preview:
        async for block in preview.blocks:
            data += block
            if n_bytes is not None and len(data) >= n_bytes:
                break
        else:
            assert len(data) == preview.size - first_byte
    return bytes(data[:n_bytes])


def clicks(samples: NDArray[np.int16]) -> list[float]:
    """When each click starts, in seconds."""
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 6000)
    first = np.diff(loud, prepend=-RATE_HZ) > RATE_HZ // 4
    return [float(at) for at in loud[first] / RATE_HZ]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "late_s", "codecs"), PROFESSIONAL)
async def test_the_sound_of_any_moment_is_in_its_place(
    name: str, late_s: float, codecs: list[str], tmp_path: Path
) -> None:
    """A click at each second, late sound included, in the whole WAV and in a part from an odd byte on."""
    film = make(
        tmp_path / name, *picture(SECONDS), "-itsoffset", str(late_s), *sound(SECONDS), *codecs, "-ac", "2"
    )
    whole = await read(film)
    with wave.open(io.BytesIO(whole)) as header:
        facts = header.getframerate(), header.getnchannels(), header.getsampwidth()
    first = HEADER_BYTES + 2 * round(6.25 * RATE_HZ) + 1
    part = await read(film, first, 4 * RATE_HZ)

    assert facts == (RATE_HZ, 1, 2)
    found = clicks(np.frombuffer(whole[HEADER_BYTES:], "<i2"))
    assert found[:11] == pytest.approx([late_s + second for second in range(11)], abs=0.012)
    later = clicks(np.frombuffer(part[1:-1], "<i2"))
    assert [6.25 + at for at in later] == pytest.approx([6.5, 7.5] if late_s else [7.0, 8.0], abs=0.012)


async def test_the_decoder_ends_with_its_listener(tmp_path: Path) -> None:
    """However much is left, and only as much is decoded as is taken."""
    film = make(tmp_path / "long.wav", *sound(600.0, rate_hz=8000))
    async with sound_preview(film, None, 0) as preview:
        block = await anext(preview.blocks)
        running = children()

    assert len(block) == HEADER_BYTES
    assert len(running) == 1
    assert children() == []


@pytest.mark.parametrize("content", [b"<svg onload=alert(1)>", b""])
async def test_what_has_no_sound_is_refused_with_the_reason(content: bytes, tmp_path: Path) -> None:
    """A text, an empty file."""
    (tmp_path / "talk.mov").write_bytes(content)
    with pytest.raises(DecodeFailed, match=r"talk\.mov"):
        await read(tmp_path / "talk.mov")
