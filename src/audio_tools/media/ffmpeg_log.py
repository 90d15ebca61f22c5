"""What libav complains of, what that means for the file, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from audio_tools.media.ffmpeg import local_file

ENCRYPTED = "the stream is encrypted"
NO_SUCH_STREAM = "no such audio stream"
UNKNOWN_CODEC = "no decoder for this codec"
TOO_MANY_CHANNELS = "too many channels to resample"
"""What our own child process says, beside libav."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a file cannot be used, as a clause without a full stop that names no folder; and what to do."""

    why: str
    hint: str = ""


_COPY_AGAIN = "Copy or download it again, or restore it from the original."
_CONVERT = "Convert it to WAV, FLAC or MP4 with the program that made it."

KNOWN_COMPLAINTS = (
    (
        "not on whitelist",
        "it is a playlist, script, image or other file type that is not supported",
        "Use the media file itself.",
    ),
    (
        "moov atom not found",
        "its index (moov atom) is missing: the file is truncated, or is not an MP4",
        _COPY_AGAIN,
    ),
    (ENCRYPTED, "it is encrypted (copy protection)", "Use an unprotected copy."),
    ("DRM protected", "it is encrypted (copy protection)", "Use an unprotected copy."),
    ("activation_bytes", "it is encrypted (copy protection)", "Use an unprotected copy."),
    (NO_SUCH_STREAM, "it has no such audio stream", ""),
    (UNKNOWN_CODEC, "its audio codec is not supported", _CONVERT),
    ("Decoder not found", "its audio codec is not supported", _CONVERT),
    (TOO_MANY_CHANNELS, "it has more than 64 audio channels", "Mix them down, or split the file."),
    (
        "Cannot allocate memory",
        "it requires more memory than allowed for a media file",
        _CONVERT,
    ),
    ("Not yet implemented", "its audio uses an unsupported variant of its codec", _CONVERT),
    ("not implemented", "its audio uses an unsupported variant of its codec", _CONVERT),
    # With a number this is PyAV's, about the whole file; without, about one damaged packet.
    (
        "Invalid data found when processing input: ",
        "unsupported or unrecognised media format",
        _CONVERT,
    ),
    ("End of file: ", "unsupported or unrecognised media format", _CONVERT),
)
"""What libav says, what that means, and what to do; the first that is found counts."""

CUT_OFF = ("File ended prematurely", ": partial file")
"""What demuxers say where a file ends before its time."""

_LONGEST_QUOTE = 300
_DAMAGED = Reason("its audio is missing or damaged from the start", _COPY_AGAIN)


def reason(complaints: str, path: Path) -> Reason:
    """Why libav failed."""
    for complaint, meaning, hint in KNOWN_COMPLAINTS:
        if complaint in complaints:
            return Reason(meaning, hint)
    quoted = quote(complaints, path)
    return Reason(f"it is damaged (FFmpeg says: {quoted})", _COPY_AGAIN) if quoted else _DAMAGED


def quote(complaints: str, path: Path) -> str:
    """The last two different complaints, on one line, at most 300 characters."""
    for prefix in (local_file(path), str(path.absolute())):
        complaints = complaints.replace(prefix, path.name)
    said = dict.fromkeys(line.strip().rstrip(".") for line in complaints.splitlines() if line.strip())
    return "; ".join(list(said)[-2:])[:_LONGEST_QUOTE]
