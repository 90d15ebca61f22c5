"""Files that were cut off, in formats that do not state how long the whole is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from audio_tools.audio.pcm import SAMPLE_RATE_HZ
from audio_tools.media.decode import Decoder
from audio_tools.media.truncation import ends_early
from tests.media.samples import make, picture, sound

FORMATS = {
    "wmv": ("asf", "-c:v", "wmv2", "-c:a", "wmav2"),
    "wma": ("asf", "-vn", "-c:a", "wmav2"),
    "ts": ("mpegts", "-c:v", "mpeg2video", "-c:a", "mp2"),
    "m2ts": ("mpegts", "-c:v", "mpeg2video", "-c:a", "ac3"),
    "mpg": ("mpeg", "-c:v", "mpeg1video", "-c:a", "mp2"),
    "vob": ("mpeg", "-c:v", "mpeg2video", "-c:a", "ac3"),
    "ogg": ("ogg", "-vn", "-c:a", "libvorbis"),
    "ogv": ("ogg", "-c:v", "libtheora", "-c:a", "libopus"),
    "avi": ("avi", "-c:v", "mpeg4", "-c:a", "pcm_s16le"),
}
Film = Callable[[str], Path]


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Film:
    """Ten seconds in a format."""
    folder = tmp_path_factory.mktemp("whole")

    def made(suffix: str) -> Path:
        path = folder / f"whole.{suffix}"
        return path if path.exists() else make(path, *picture(10), *sound(10), *FORMATS[suffix][1:])

    return made


@pytest.mark.parametrize("suffix", FORMATS)
def test_a_file_that_was_cut_off_says_so(suffix: str, film: Film, tmp_path: Path) -> None:
    """The decoder reports it, and what is missing is neither there nor made up."""
    whole = film(suffix).read_bytes()
    path = tmp_path / f"part.{suffix}"
    path.write_bytes(whole[: len(whole) // 2 + 50])
    with Decoder(film(suffix), 0) as decoder:
        list(decoder)
        assert not decoder.cut_off
    with Decoder(path, 0) as decoder:
        seconds = len(np.concatenate(list(decoder))) / SAMPLE_RATE_HZ

    assert decoder.cut_off
    assert not decoder.warnings
    assert 3 < max(seconds, decoder.media_end or 0.0) < 7


@pytest.mark.parametrize("suffix", FORMATS)
def test_wherever_it_was_cut(suffix: str, film: Film, tmp_path: Path) -> None:
    """Nearly every place is within a unit; where it is between two, nothing is claimed."""
    whole, container = film(suffix).read_bytes(), FORMATS[suffix][0]
    path = tmp_path / "part"
    cuts = np.random.default_rng(1).integers(len(whole) // 4, len(whole) - 1, 60)
    found = 0
    for cut in cuts:
        path.write_bytes(whole[:cut])
        found += ends_early(path, container)

    assert not ends_early(film(suffix), container)
    assert found >= 57


@pytest.mark.parametrize("suffix", ["ts", "mpg", "ogg", "avi"])
def test_what_follows_the_last_unit_is_no_cut(suffix: str, film: Film, tmp_path: Path) -> None:
    """Some programs append zeros or a note of their own."""
    for tail in (bytes(100), b"# made by a recorder\n"):
        (tmp_path / "more").write_bytes(film(suffix).read_bytes() + tail)

        assert not ends_early(tmp_path / "more", FORMATS[suffix][0])


@pytest.mark.parametrize("container", sorted({container for container, *_ in FORMATS.values()}))
def test_any_bytes_can_be_looked_at(container: str, tmp_path: Path) -> None:
    """A hostile file, or an empty one, raises nothing."""
    random = np.random.default_rng(2)
    heads = [b"", b"RIFF", b"OggS" + b"\xff" * 40, b"\0\0\1\xba", b"\x47" * 2000, b"0&\xb2u\x8ef\xcf\x11" * 9]
    for head in heads:
        for size in (0, 1, 30, 3000):
            (tmp_path / "any").write_bytes(head + random.bytes(size))
            ends_early(tmp_path / "any", container)
