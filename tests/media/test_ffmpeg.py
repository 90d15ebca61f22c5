"""Which FFmpeg libraries read media, and what they may open."""

from __future__ import annotations

import re
import sys

import pytest

from audio_tools.errors import ConfigError
from audio_tools.media.ffmpeg import DEMUXERS, ffmpeg_version


def test_version() -> None:
    """The version is that of the FFmpeg libraries, and says which PyAV brought them."""
    assert re.match(r"\d+\.\d+.* \(PyAV \d+", ffmpeg_version())


def test_a_missing_pyav_is_a_config_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without it nothing can be read, and the hint says how to get it."""
    monkeypatch.setitem(sys.modules, "av", None)

    with pytest.raises(ConfigError) as caught:
        ffmpeg_version()

    assert "pip install" in caught.value.hint


def test_no_demuxer_opens_other_files() -> None:
    """Formats that name other files or the network are not in the list."""
    scripts = {"hls", "concat", "dash", "imf", "sdp", "rtsp", "lavfi", "image2", "srt", "avisynth", "vobsub"}

    assert not scripts & set(DEMUXERS.split(","))
