"""Finding FFmpeg, and understanding what it says."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from audio_tools.errors import ConfigError
from audio_tools.media.ffmpeg import (
    DEMUXERS,
    KNOWN_COMPLAINTS,
    ffmpeg_version,
    find_ffmpeg,
    last_lines,
    local_file,
    reason,
)


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


@pytest.mark.parametrize(("complaint", "meaning"), KNOWN_COMPLAINTS)
def test_known_complaints_are_explained(complaint: str, meaning: str) -> None:
    """What FFmpeg says often is said in words that an editor understands."""
    assert (
        reason(f"[mov @ 0x55d] something\n[mov @ 0x55d] {complaint} 'x'\n", Path("/media/a.mp4")) == meaning
    )


def test_other_complaints_are_quoted_without_folders() -> None:
    """FFmpeg's last lines are quoted once each, without addresses and without the folder."""
    path = Path("/srv/secret/a.mp4")
    log = (
        "[aac @ 0x55d1] first\n[aist#0:1/aac @ 0x1] [dec:aac @ 0x2] Decoding error: worse\n"
        f"[aac @ 0x55d1] first\n    Last message repeated 3 times\n{local_file(path)}: worst.\n\n"
    )

    assert reason(log, path) == "FFmpeg says: Decoding error: worse; a.mp4: worst"


def test_silence_is_said_to_be_silence() -> None:
    """A program that dies without a word is reported as such."""
    assert reason("\n", Path("a.mp4")) == "FFmpeg gives no reason"


def test_quotes_are_bounded() -> None:
    """However much FFmpeg writes on a line, a message stays readable."""
    assert len(last_lines("x" * 10_000, Path("a.mp4"))) == 300


@pytest.mark.parametrize(
    "playlist", ["hls", "concat", "dash", "imf", "sdp", "lavfi", "image2", "srt", "avisynth"]
)
def test_no_demuxer_opens_other_files(playlist: str) -> None:
    """Formats that name other files or the network are not in the list."""
    assert playlist not in DEMUXERS.split(",")
