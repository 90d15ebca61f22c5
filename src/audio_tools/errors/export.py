"""The requested file or cut plan cannot be made from the transcript."""

from __future__ import annotations

from audio_tools.errors.base import AudioToolsError


class ExportError(AudioToolsError):
    """The requested file or cut plan cannot be made from the transcript."""

    code, status, exit_code = "export_error", 422, 2


class InvalidRange(ExportError):
    """A range of a cut plan is outside the media or its words."""

    code = "invalid_range"

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"Range {name}: {problem}.", hint="Correct the range, or omit it.")
        self.name = name

    def facts(self) -> dict[str, object]:
        return {"range": self.name}


class EmptyTimeline(ExportError):
    """A cut plan keeps nothing."""

    code = "empty_timeline"


class NoWords(ExportError):
    """The requested format requires words, and the transcript has none."""

    code = "no_words"


class UnsupportedFrameRate(ExportError):
    """The format does not support the frame rate of the media."""

    code = "unsupported_frame_rate"

    def __init__(self, frame_rate: str, what: str) -> None:
        super().__init__(
            f"{what} does not support {frame_rate} frames per second.",
            hint="Convert the media to a constant standard frame rate, or set frameRate.",
        )
        self.frame_rate = frame_rate

    def facts(self) -> dict[str, object]:
        return {"frameRate": self.frame_rate}
