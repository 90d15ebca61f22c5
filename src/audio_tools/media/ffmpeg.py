"""What of a media file may be opened, and by which FFmpeg."""

from __future__ import annotations

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

NO_DECODER = "unknown"
"""The codec of a stream that these libraries cannot decode."""

_RIFF_BYTES = (1 << 32) + 8
"""More than a RIFF file can hold by its size field of 32 bits."""


def ffmpeg_version() -> str:
    """
    The version of the FFmpeg libraries that PyAV brings along, such as `8.1.2 (PyAV 18.1.0)`.

    Raises:
        ConfigError: PyAV is missing or broken.
    """
    try:
        import av
    except ImportError as error:
        raise ConfigError(
            f"PyAV, which reads media files, cannot be loaded: {error}.", hint="Run: pip install av"
        ) from None
    return f"{av.ffmpeg_version_info} (PyAV {av.__version__})"


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
