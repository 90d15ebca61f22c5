"""Which FFmpeg is run, and what it may open."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from audio_tools.errors import ConfigError
from audio_tools.media.ffmpeg import DEMUXERS, ffmpeg_version, find_ffmpeg


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_the_setting_comes_before_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An explicit program is taken although there is another on PATH."""
    script(tmp_path / "ffmpeg", "")
    chosen = script(tmp_path / "mine", "")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_ffmpeg(chosen) == chosen
    assert find_ffmpeg("mine") == chosen


def test_path_comes_before_the_bundled_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The distribution's FFmpeg is the faster one."""
    there = script(tmp_path / "ffmpeg", "")
    monkeypatch.setenv("PATH", str(tmp_path))

    assert find_ffmpeg(None) == there


def test_the_bundled_one_is_the_last_resort(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without FFmpeg needs none."""
    monkeypatch.setenv("PATH", str(tmp_path))

    assert "imageio_ffmpeg" in str(find_ffmpeg(None))


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    """A setting that leads nowhere is an error, not a reason to take another program."""
    with pytest.raises(ConfigError, match=re.escape(str(tmp_path / "no"))) as caught:
        find_ffmpeg(tmp_path / "no")

    assert "FFMPEG_PATH" in caught.value.hint


def test_no_ffmpeg_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any FFmpeg the hint says how to get one."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)

    with pytest.raises(ConfigError) as caught:
        find_ffmpeg(None)

    assert "pip install" in caught.value.hint


def test_version(ffmpeg: Path) -> None:
    """The version is what FFmpeg calls itself."""
    assert re.match(r"n?\d+\.\d+", ffmpeg_version(ffmpeg))


@pytest.mark.parametrize("text", ["echo hello", "exit 3", "kill -SEGV $$"])
def test_what_is_not_ffmpeg_is_a_config_error(tmp_path: Path, text: str) -> None:
    """A program that fails or says something else is not taken for FFmpeg."""
    with pytest.raises(ConfigError):
        ffmpeg_version(script(tmp_path / "ffmpeg", text))


def test_a_missing_program_is_a_config_error(tmp_path: Path) -> None:
    """A program that is gone is not an OSError somewhere else."""
    with pytest.raises(ConfigError):
        ffmpeg_version(tmp_path / "ffmpeg")


def test_no_demuxer_opens_other_files() -> None:
    """Formats that name other files or the network are not in the list."""
    scripts = {"hls", "concat", "dash", "imf", "sdp", "rtsp", "lavfi", "image2", "srt", "avisynth", "vobsub"}

    assert not scripts & set(DEMUXERS.split(","))


def test_quicktime_stays_in_its_file(ffmpeg: Path) -> None:
    """A QuickTime file may name another file that holds its samples; FFmpeg does not look there unasked."""
    command = [str(ffmpeg), "-hide_banner", "-h", "demuxer=mov"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    options = [line for line in told.splitlines() if "-enable_drefs" in line or "-use_absolute_path" in line]

    assert len(options) == 2
    assert all("(default false)" in option for option in options)
