"""What FFmpeg writes while it works, and what that means."""

from __future__ import annotations

import re
from collections import deque
from pathlib import Path

from audio_tools.media.ffmpeg import local_file

HOLE_TOO_LONG = "Failed to compensate for timestamp delta"
"""After this FFmpeg drops what follows, and ends as if all were well."""

KNOWN_COMPLAINTS = (
    ("not on whitelist", "it is a playlist, a script, a picture or another kind of file that is not opened"),
    ("moov atom not found", "its index is missing: it was cut off when written or copied, or is no MP4"),
    ("matches no streams", "it has no such audio stream"),
    (HOLE_TOO_LONG, "its sound has a hole of many hours, more than there is memory to fill"),
    ("Cannot allocate memory", "it asks for more memory than a media file may take"),
    # With a colon it is about the whole file (PyAV); without, about one damaged packet (FFmpeg).
    ("Invalid data found when processing input:", "its contents are no media format that is known here"),
)
"""What FFmpeg says, and what that means; the first that is found counts."""

CUT_OFF = ("File ended prematurely", ": partial file")
"""What the demuxers of Matroska and MP4 say where a file ends before its time."""

_LONGEST_LINE = 2000
_LONGEST_QUOTE = 300
_LINES_KEPT = 20
_TAGGED = re.compile(r"(?:\[[^\]]* @ 0x[0-9a-f]+\] )*(?:\[(?P<level>[a-z]+)\] )?(?P<text>.*)")
_COMPLAINT_LEVELS = {"panic", "fatal", "error", None}
_CLOCK_MOVED = re.compile(r"Correcting start time (?:of Input #0 )?by (\d+)")


class Log:
    """
    What FFmpeg said so far, run with `-v level+verbose`; memory is bounded however much that is.

    `clock_moved_s`: by how much FFmpeg moved its clock because the first stream of the file is not one
    that it was asked for. It does so in MPEG files and in some versions Ogg, and says so before it gives
    the first sample; all its times are that much too early, in seconds.
    """

    def __init__(self) -> None:
        self.clock_moved_s = 0.0
        self._complaints: deque[str] = deque(maxlen=_LINES_KEPT)
        self._level: str | None = None
        self._unfinished = b""

    def feed(self, data: bytes) -> None:
        """Take what was read, wherever it was cut."""
        *lines, rest = (self._unfinished + data).split(b"\n")
        self._unfinished = rest[:_LONGEST_LINE]
        for line in lines:
            self._hear(line[:_LONGEST_LINE].decode(errors="replace"))

    def complaints(self) -> str:
        """The last errors, a line each, without where in FFmpeg they come from."""
        if self._unfinished:
            self.feed(b"\n")
        return "\n".join(self._complaints)

    def _hear(self, line: str) -> None:
        match = _TAGGED.match(line)
        assert match is not None
        # A message of several lines carries its level on the first only.
        self._level = match["level"] or self._level
        text = match["text"].strip()
        if moved := _CLOCK_MOVED.match(text):
            self.clock_moved_s = int(moved[1]) / 1_000_000
        elif text and self._level in _COMPLAINT_LEVELS and not text.startswith("Last message repeated"):
            self._complaints.append(text)


def reason(complaints: str, path: Path) -> str:
    """Why FFmpeg failed, as a clause without a full stop; it names no folder."""
    for complaint, meaning in KNOWN_COMPLAINTS:
        if complaint in complaints:
            return meaning
    quoted = quote(complaints, path)
    return f"FFmpeg says: {quoted}" if quoted else "FFmpeg gives no reason"


def quote(complaints: str, path: Path) -> str:
    """The last two different complaints, on one line, at most 300 characters."""
    for prefix in (local_file(path), str(path.absolute())):
        complaints = complaints.replace(prefix, path.name)
    said = dict.fromkeys(line.strip().rstrip(".") for line in complaints.splitlines() if line.strip())
    return "; ".join(list(said)[-2:])[:_LONGEST_QUOTE]
