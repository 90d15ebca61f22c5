"""What of a media file may be opened, and by which FFmpeg."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

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
_LARGEST_SIZE = 0x7FFF0000
"""Stated sizes from here on are placeholders of writers that do not know the size."""
_RIFF_HEAD_BYTES = 12
_FORMAT_BYTES = 4096
"""A WAV file states its format within this many bytes of its start."""


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
    The options with which FFmpeg reads the whole of a WAV file: it must not believe sizes that are too small.

    Recorders write on beyond 4 GiB; what their size fields then hold is the rest of a division by 2**32. Of
    files that were joined byte by byte the first one states its own size; if their formats are the same, all
    are read, and the header of the next one is heard as less than a millisecond of noise.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            head = _read(file, 0, _RIFF_HEAD_BYTES)
            too_small = size > _RIFF_BYTES and (head[:4], head[8:]) == (b"RIFF", b"WAVE")
            return {"ignore_length": "1"} if too_small or _has_same_format_behind(file, size) else {}
    except OSError:
        return {}  # FFmpeg will say what is wrong with it


def bytes_behind_wav(path: Path) -> int:
    """Bytes of a WAV file behind the end that its header states, which FFmpeg does not read."""
    if demuxer_options(path):
        return 0
    with path.open("rb") as file:
        end = _wav_end(file)
        return max(file.seek(0, 2) - end, 0) if _RIFF_HEAD_BYTES < end < _LARGEST_SIZE else 0


def _wav_end(file: BinaryIO) -> int:
    """Where a WAV file ends by its header; 0: it is not one, or the header does not state it."""
    head = _read(file, 0, _FORMAT_BYTES)
    data = head.find(b"data")
    if (head[:4], head[8:12]) != (b"RIFF", b"WAVE") or (data > 0 and not any(head[data + 4 : data + 8])):
        return 0
    return 8 + int.from_bytes(head[4:8], "little")


def _has_same_format_behind(file: BinaryIO, size: int) -> bool:
    end = _wav_end(file)
    if not _RIFF_HEAD_BYTES < end < size:
        return False
    first, second = (_read(file, at, _FORMAT_BYTES) for at in (0, end))
    same_start = (second[:4], second[8:12]) == (b"RIFF", b"WAVE")
    return same_start and _wav_format(first) == _wav_format(second) != b""


def _wav_format(head: bytes) -> bytes:
    """Codec, channels, sample rate and width from the start of a WAV file; empty if they are not there."""
    at = head.find(b"fmt ")
    return b"" if at < 0 else head[at + 8 : at + 24]


def _read(file: BinaryIO, at: int, n_bytes: int) -> bytes:
    file.seek(at)
    return file.read(n_bytes)
