"""Which FFmpeg to run, and what it may open."""

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

_RIFF_BYTES = (1 << 32) + 8
"""More than a RIFF file can hold by its size field of 32 bits."""

_VERSION_TIMEOUT_S = 20.0
_HINT = "Set FFMPEG_PATH to the program, or leave it unset to take the one from PATH or the bundled one."


def find_ffmpeg(setting: Path | str | None) -> Path:
    """
    Find FFmpeg: the command or path in `setting`, else on PATH, else the imageio-ffmpeg package's.

    A distribution's build comes first because it is faster: on AAC, 5.1 of Debian decodes at 1,150x
    realtime for us, the bundled 9.0 at 630x.

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


def demuxer_options(path: Path) -> dict[str, str]:
    """
    What FFmpeg must be told to read the whole file: of a WAV that outgrew its sizes, not to believe them.

    Recorders write on beyond 4 GiB; what their size fields then hold is the rest of a division by 2**32.
    """
    try:
        if path.stat().st_size <= _RIFF_BYTES:
            return {}
        with path.open("rb") as file:
            head = file.read(12)
    except OSError:
        return {}  # FFmpeg will say what is wrong with it
    return {"ignore_length": "1"} if (head[:4], head[8:]) == (b"RIFF", b"WAVE") else {}
