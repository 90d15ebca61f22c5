"""
The timeline that editing programs share: one media file, the ranges of it that play, and markers.

Seconds are converted to frames only here: a kept range begins at the frame that contains its start and ends
behind the frame that contains its end. From then on everything is whole frames, so nothing can drift.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal

from audio_tools.exports.timecode import DROP_FRAME_RATES, format_timecode, nominal_rate, parse_timecode

TICKS_PER_SECOND = 254_016_000_000
"""Premiere's clock: frames at NTSC and PAL rates and samples at 16, 44.1 and 48 kHz are whole ticks."""

Reason = Literal["silence", "filler", "retake", "profanity", "manual"]
"""Why a range is cut or marked."""


@dataclass(frozen=True, slots=True)
class Timebase:
    """
    How the frames of a media file are counted.

    `rate` is exact. `start_timecode` is the label of frame 0 and never changes a frame number. `origin_us` is
    the time of frame 0 on the media's clock in microseconds: more than 0 where the picture starts late.
    """

    rate: Fraction
    drop_frame: bool = False
    start_timecode: str = "00:00:00:00"
    origin_us: int = 0

    def __post_init__(self) -> None:
        if self.rate <= 0:
            raise ValueError(f"the frame rate must be greater than 0, not {self.rate}")
        if self.drop_frame and self.rate not in DROP_FRAME_RATES:
            raise ValueError(f"drop-frame timecode is not defined at {self.rate} frames per second")
        _ = self.start_frame

    @property
    def nominal(self) -> int:
        """Frame labels in a second of timecode."""
        return nominal_rate(self.rate)

    @property
    def ntsc(self) -> bool:
        """Whether the rate is a whole number times 1000/1001."""
        return self.rate == Fraction(self.nominal * 1000, 1001)

    @property
    def is_standard(self) -> bool:
        """Whether the rate is a whole number, or one times 1000/1001: others have no timecode."""
        return self.ntsc or self.rate == self.nominal

    @property
    def start_frame(self) -> int:
        """The frame number that the start timecode stands for."""
        return parse_timecode(self.start_timecode, self.rate, drop_frame=self.drop_frame)

    def floor(self, milliseconds: int) -> int:
        """The frame that contains a time of the media's clock, at least 0."""
        rate, since = self.rate, 1000 * milliseconds - self.origin_us
        return max(0, since * rate.numerator // (1_000_000 * rate.denominator))

    def ceil(self, milliseconds: int) -> int:
        """The first frame that begins at or after a time of the media's clock, at least 0."""
        rate, until = self.rate, self.origin_us - 1000 * milliseconds
        return max(0, -(until * rate.numerator // (1_000_000 * rate.denominator)))

    def seconds(self, frame: int) -> float:
        """When a frame begins on the media's clock, in seconds."""
        return self.origin_us / 1_000_000 + frame * self.rate.denominator / self.rate.numerator

    def ticks(self, frame: int) -> int:
        """When a frame begins, in Premiere's ticks from frame 0: a program's clip begins with its picture."""
        return round(frame / self.rate * TICKS_PER_SECOND)

    def timecode(self, frame: int) -> str:
        """The label of a frame of the media."""
        return format_timecode(self.start_frame + frame, self.rate, drop_frame=self.drop_frame)


@dataclass(frozen=True, slots=True)
class MediaReference:
    """
    The media file of a timeline.

    `path` is what goes into the documents: an absolute path, a URL or a bare file name. `n_frames` is its
    length, `channels` those of the transcribed audio stream, `width` and `height` pixels, None if unknown.
    """

    name: str
    path: str
    timebase: Timebase
    n_frames: int
    channels: int = 1
    sample_rate_hz: int = 48_000
    width: int | None = None
    height: int | None = None
    has_picture: bool = False


@dataclass(frozen=True, slots=True)
class Clip:
    """
    A range of the media in the sequence: source frames `start` to `end` (exclusive), at frame `record`.

    At a `speed` other than 1 it lasts `record_frames` in the sequence instead of its own length.
    """

    start: int
    end: int
    record: int
    speed: Fraction = Fraction(1)
    muted: bool = False

    @property
    def record_frames(self) -> int:
        """Number of frames in the sequence."""
        n_frames = self.end - self.start
        return n_frames if self.speed == 1 else max(1, round(n_frames / self.speed))

    @property
    def record_end(self) -> int:
        """The frame of the sequence after its end."""
        return self.record + self.record_frames


@dataclass(frozen=True, slots=True)
class Marker:
    """
    A note on the sequence: `record` is its frame there, `n_frames` its length, `start` and `end` its source
    frames.
    """

    start: int
    end: int
    record: int
    reason: Reason
    text: str
    n_frames: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """A sequence of clips from one media file, without gaps, in record order."""

    name: str
    media: MediaReference
    clips: Sequence[Clip]
    markers: Sequence[Marker] = ()

    @property
    def timebase(self) -> Timebase:
        """The frame rate of the media, which is that of the sequence."""
        return self.media.timebase

    @property
    def n_frames(self) -> int:
        """The length of the sequence in frames."""
        return self.clips[-1].record_end if self.clips else 0

    def start_frame(self, start_timecode: str) -> int:
        """
        The number of the sequence's first frame when it is labelled `start_timecode`.

        `:` and `;` are both taken: whether labels drop follows from the media.
        """
        drop_frame = self.timebase.drop_frame
        return parse_timecode(start_timecode, self.timebase.rate, drop_frame=drop_frame)
