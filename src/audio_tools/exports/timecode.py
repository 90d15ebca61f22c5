"""SMPTE timecode: frame numbers as `HH:MM:SS:FF`, with `;` before the frames for drop-frame."""

from __future__ import annotations

import re
from fractions import Fraction

DROP_FRAME_RATES = frozenset({Fraction(30000, 1001), Fraction(60000, 1001), Fraction(120000, 1001)})
"""Drop-frame is defined for 29.97 and its multiples only; it skips labels, never frames."""

_TIMECODE = re.compile(r"(\d\d):([0-5]\d):([0-5]\d)[:;.,](\d\d\d?)")


def nominal_rate(rate: Fraction) -> int:
    """The whole number of frame labels in a second of timecode: 30 for 29.97."""
    return max(1, round(rate))


def format_timecode(frame: int, rate: Fraction, *, drop_frame: bool = False) -> str:
    """
    The label of a frame, counted from `00:00:00:00`; it wraps after 24 hours.

    Args:
        frame: 0 or more.
        rate: frames per second.
        drop_frame: whether labels are skipped; `rate` is then one of `DROP_FRAME_RATES`.
    """
    fps = nominal_rate(rate)
    if drop_frame:
        frame = _insert_dropped(frame, fps)
    seconds, frames = divmod(frame, fps)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours % 24:02}:{minutes:02}:{seconds:02}{';' if drop_frame else ':'}{frames:02}"


def parse_timecode(text: str, rate: Fraction, *, drop_frame: bool = False) -> int:
    """
    The number of the frame with this label; the inverse of `format_timecode` below 24 hours.

    Raises:
        ValueError: `text` is not a timecode, or no frame has this label at `rate`.
    """
    match = _TIMECODE.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not a timecode (HH:MM:SS:FF)")
    hours, minutes, seconds, frames = map(int, match.groups())
    fps = nominal_rate(rate)
    if hours > 23 or frames >= fps:
        raise ValueError(f"{text!r} is not a timecode at {fps} frames per second")
    label = ((hours * 60 + minutes) * 60 + seconds) * fps + frames
    if not drop_frame:
        return label
    if seconds == 0 and minutes % 10 and frames < _dropped_per_minute(fps):
        raise ValueError(f"{text!r} does not exist in drop-frame timecode")
    total_minutes = hours * 60 + minutes
    return label - _dropped_per_minute(fps) * (total_minutes - total_minutes // 10)


def _dropped_per_minute(fps: int) -> int:
    return fps // 15


def _insert_dropped(frame: int, fps: int) -> int:
    """The label number of a frame: two labels (four at 59.94) are skipped each minute, but not each tenth."""
    dropped = _dropped_per_minute(fps)
    per_minute = fps * 60 - dropped
    tens, rest = divmod(frame, per_minute * 10 + dropped)
    skipped_minutes = 9 * tens
    if rest >= fps * 60:
        skipped_minutes += 1 + (rest - fps * 60) // per_minute
    return frame + dropped * skipped_minutes
