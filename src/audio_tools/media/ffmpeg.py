"""Which FFmpeg to run, what it may open, and what its complaints mean."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

from audio_tools.errors import ConfigError

PROTOCOLS = "file"
"""Nothing is fetched, whatever the file says."""

DEMUXERS = (
    "mov,matroska,avi,mxf,gxf,lxf,mpegts,mpeg,asf,wtv,flv,dv,rm,nut,ogg,wav,w64,aiff,caf,au,voc,iff,flac,"
    "mp3,aac,loas,ac3,eac3,truehd,mlp,dts,dtshd,amr,amrnb,amrwb,ape,wv,tta,tak,mpc,mpc8,dsf,xwma,oma,qcp"
)
"""
Containers that hold their own media, by the names of their FFmpeg demuxers.

The format is found in the contents, not in the name, so a playlist or a script (hls, concat, dash, imf,
sdp …) is refused under every name. No text, picture or subtitle format is in the list.
"""

_VERSION_TIMEOUT_S = 20.0
_HINT = "Set FFMPEG_PATH to the program, or leave it unset to take the one from PATH or the bundled one."


def find_ffmpeg(setting: Path | str | None) -> Path:
    """
    Find FFmpeg: the command or path in `setting`, else on PATH, else the imageio-ffmpeg package's.

    A distribution's build comes first because it is faster: 1.4x the bundled one on AAC (docs/decisions.md).

    Raises:
        ConfigError: there is none.
    """
    found = shutil.which(str(setting or "ffmpeg"))
    if found:
        return Path(found).absolute()
    if setting:
        raise ConfigError(f"FFMPEG_PATH is {setting}, but no program is there.", hint=_HINT)
    return _bundled_ffmpeg()


def _bundled_ffmpeg() -> Path:
    try:
        import imageio_ffmpeg

        return Path(imageio_ffmpeg.get_ffmpeg_exe()).absolute()
    except (ImportError, RuntimeError):
        hint = "Install FFmpeg, or the package that brings it along: pip install imageio-ffmpeg."
        raise ConfigError("There is no FFmpeg on this machine.", hint=hint) from None


def ffmpeg_version(ffmpeg: Path) -> str:
    """
    Ask FFmpeg for its version, such as `5.1.9-0+deb12u1`.

    Raises:
        ConfigError: it does not run.
    """
    try:
        answer = subprocess.run(
            [ffmpeg, "-version"],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=_VERSION_TIMEOUT_S,
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ConfigError(f"{ffmpeg} does not run: {error}", hint=_HINT) from None
    match = re.match(rb"ffmpeg version (\S+)", answer.stdout)
    if match is None:
        raise ConfigError(f"{ffmpeg} is not FFmpeg.", hint=_HINT)
    return match[1].decode(errors="replace")


def local_file(path: Path) -> str:
    """The path as FFmpeg must be given it: `concat:`, `http:` or `-` in a name mean nothing any more."""
    return f"file:{path.absolute()}"


HOLE_TOO_LONG = "Failed to compensate for timestamp delta"
"""After this FFmpeg drops what follows, and ends as if all were well."""

KNOWN_COMPLAINTS = (
    ("not on whitelist", "it is a playlist, a script, a picture or another kind of file that is not opened"),
    (
        "moov atom not found",
        "its index is missing: it was cut off when written or copied, or is no MP4",
    ),
    ("matches no streams", "it has no such audio stream"),
    (HOLE_TOO_LONG, "its sound has a hole of many hours, more than there is memory to fill"),
    ("Cannot allocate memory", "it asks for more memory than a media file may take"),
    # With a colon it is about the whole file (PyAV); without, about one damaged packet (FFmpeg).
    ("Invalid data found when processing input:", "its contents are no media format that is known here"),
)
"""What FFmpeg says, and what that means; the first that is found counts."""

_LONGEST_REASON = 300
_ORIGIN = re.compile(r"\[[^\]]* @ 0x[0-9a-f]+\]\s*")


def reason(log: str, path: Path) -> str:
    """Why FFmpeg failed, as a clause without a full stop, from what it wrote; it names no folder."""
    for complaint, meaning in KNOWN_COMPLAINTS:
        if complaint in log:
            return meaning
    lines = last_lines(log, path)
    return f"FFmpeg says: {lines}" if lines else "FFmpeg gives no reason"


def last_lines(log: str, path: Path) -> str:
    """The last two things that FFmpeg said, on one line, at most 300 characters."""
    said: list[str] = []
    for prefix in (local_file(path), str(path.absolute())):
        log = log.replace(prefix, path.name)
    for line in log.splitlines():
        clean = _ORIGIN.sub("", line).strip().rstrip(".")
        if clean and clean not in said and not clean.startswith("Last message repeated"):
            said.append(clean)
    return "; ".join(said[-2:])[:_LONGEST_REASON]
