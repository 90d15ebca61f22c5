"""Open files with libavformat, in a child process only: restrict what it may read, and collect its errors."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import av
import av.logging

from audio_tools.media.ffmpeg import DEMUXERS, PROTOCOLS, demuxer_options, local_file

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream

WITHIN_THE_FILE = {"enable_drefs": "0", "use_absolute_path": "0"}
"""A QuickTime file may name another file that holds its samples; it is not opened."""

_LINES_KEPT = 20
_LONGEST_LINE = 2000


class Log:
    """The messages of libav in this thread; memory is bounded."""

    def __init__(self, captured: list[tuple[int, str, str]]) -> None:
        self._captured = captured
        self._errors: dict[str, None] = {}
        self._warnings: dict[str, None] = {}

    def note(self, error: str) -> None:
        """Add an error that was raised instead of being logged."""
        self._keep(self._errors, error)

    def complaints(self) -> str:
        """The last different errors, a line each."""
        self.trim()
        return "\n".join(self._errors)

    def warned_of(self, start: str) -> bool:
        """Whether a warning starts with that text."""
        self.trim()
        return any(line.startswith(start) for line in self._warnings)

    def trim(self) -> None:
        """Forget all but the last lines; to be called now and then."""
        for level, _, message in self._captured:
            self._keep(self._errors if level <= av.logging.ERROR else self._warnings, message)
        self._captured.clear()

    @staticmethod
    def _keep(lines: dict[str, None], message: str) -> None:
        line = message.strip()[:_LONGEST_LINE]
        lines.pop(line, None)
        lines[line] = None
        if len(lines) > _LINES_KEPT:
            del lines[next(iter(lines))]


@contextmanager
def listening() -> Iterator[Log]:
    """Keep warnings and errors of libav in a log."""
    av.logging.set_level(av.logging.WARNING)
    with av.logging.Capture() as captured:
        yield Log(captured)


def open_media(path: Path, options: Mapping[str, str] | None = None) -> InputContainer:
    """
    Open a local media file of a format that holds its own media.

    Raises:
        av.error.FFmpegError: it cannot be read as one.
    """
    allowed = {"protocol_whitelist": PROTOCOLS, "format_whitelist": DEMUXERS, **WITHIN_THE_FILE}
    chosen = allowed | demuxer_options(path) | dict(options or {})
    return av.open(local_file(path), "r", container_options=chosen, metadata_errors="replace")


def discard_others(media: InputContainer, wanted: Collection[Stream]) -> None:
    """Have the demuxer skip all other streams; some then read a third less of the file."""
    for stream in media.streams:
        if stream not in wanted and hasattr(stream, "discard"):
            stream.discard = av.stream.Discard.all
