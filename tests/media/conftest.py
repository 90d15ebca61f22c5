"""What the tests of media share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.media.samples import make, picture, sound


@pytest.fixture(scope="session")
def movie(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of picture and clicks, both from the start."""
    path = tmp_path_factory.mktemp("media") / "movie.mp4"
    return make(path, *picture(6), *sound(6), "-c:v", "mpeg4", "-c:a", "aac", "-movflags", "+faststart")


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten minutes of clicks: far more than a pipe holds."""
    return make(tmp_path_factory.mktemp("media") / "recording.flac", *sound(600, rate_hz=16_000))
