"""
A timeline as edit decision lists: CMX3600, and Resolve's list of markers.

Written here and not by otio-cmx3600-adapter: it writes no FCM line, no sound, and more than 999 events
(docs/timeline.md).
"""

from __future__ import annotations

from collections.abc import Iterator

from audio_tools.errors import UnsupportedFrameRate
from audio_tools.exports.timecode import format_timecode
from audio_tools.exports.timeline import Clip, MediaReference, Reason, Timeline

MOST_EVENTS = 999
"""Event numbers have three digits; longer timelines are split into several lists."""

MARKER_COLORS: dict[Reason, str] = {
    "silence": "Blue",
    "filler": "Yellow",
    "retake": "Lavender",
    "profanity": "Red",
    "manual": "Purple",
}


def write_edl(timeline: Timeline, start_timecode: str = "01:00:00:00") -> list[str]:
    """
    The timeline as CMX3600 lists of at most `MOST_EVENTS` events, which continue each other.

    Args:
        timeline: what to write.
        start_timecode: the label of the sequence's first frame.

    Raises:
        UnsupportedFrameRate: the rate is neither a whole number nor one times 1000/1001.
    """
    record_start = _require_timecode(timeline, start_timecode)
    parts = [timeline.clips[at : at + MOST_EVENTS] for at in range(0, len(timeline.clips), MOST_EVENTS)]
    lists = []
    for part, clips in enumerate(parts, start=1):
        title = _title(timeline.name) + (f" {part} of {len(parts)}" if len(parts) > 1 else "")
        lines = [f"TITLE: {title}", _frame_code_mode(timeline), ""]
        for number, clip in enumerate(clips, start=1):
            lines += _event(timeline, clip, number, record_start)
        lists.append("\n".join(lines) + "\n")
    return lists


def write_marker_edl(timeline: Timeline, start_timecode: str = "01:00:00:00") -> str:
    """
    The markers of the timeline as a list that Resolve imports (Timelines, Import, Timeline markers from EDL).

    Args:
        timeline: what to write.
        start_timecode: the label of the sequence's first frame, as in Resolve's timeline.

    Raises:
        UnsupportedFrameRate: the rate is neither a whole number nor one times 1000/1001.
    """
    record_start = _require_timecode(timeline, start_timecode)
    lines = [f"TITLE: {_title(timeline.name)}", _frame_code_mode(timeline), ""]
    for number, marker in enumerate(timeline.markers, start=1):
        first = _label(timeline, record_start + marker.record)
        behind = _label(timeline, record_start + marker.record + 1)
        color = MARKER_COLORS[marker.reason]
        # Resolve parts the line at bars.
        note = marker.text.replace("|", "/").replace("\n", " ").strip()
        lines.append(f"{number:03}  001      V     C        {first} {behind} {first} {behind}  ")
        lines.append(f"{note} |C:ResolveColor{color} |M:{marker.reason} |D:{marker.n_frames}")
        lines.append("")
    return "\n".join(lines)


def _require_timecode(timeline: Timeline, start_timecode: str) -> int:
    if not timeline.timebase.is_standard:
        raise UnsupportedFrameRate(str(timeline.timebase.rate), "An edit decision list")
    return timeline.start_frame(start_timecode)


def _title(name: str) -> str:
    return " ".join(name.split())[:70]


def _frame_code_mode(timeline: Timeline) -> str:
    return f"FCM: {'' if timeline.timebase.drop_frame else 'NON-'}DROP FRAME"


def _label(timeline: Timeline, frame: int) -> str:
    return format_timecode(frame, timeline.timebase.rate, drop_frame=timeline.timebase.drop_frame)


def _event(timeline: Timeline, clip: Clip, number: int, record_start: int) -> Iterator[str]:
    media = timeline.media
    source = [media.timebase.timecode(frame) for frame in (clip.start, clip.end)]
    record = [_label(timeline, record_start + frame) for frame in (clip.record, clip.record_end)]
    yield f"{number:03}  AX       {_channels(media, clip):<5} C        {' '.join([*source, *record])}"
    if clip.speed != 1:
        rate = float(clip.speed * timeline.timebase.rate)
        yield f"M2   AX       {rate:05.1f}                {source[0]}"
    if media.channels > 2 and not clip.muted:
        yield f"AUD  {'    '.join(str(channel) for channel in range(3, min(media.channels, 4) + 1))}"
    yield f"* FROM CLIP NAME: {' '.join(media.name.split())}"


def _channels(media: MediaReference, clip: Clip) -> str:
    """The channels of an event: `B` is picture and one channel, `AA/V` picture and two."""
    if clip.muted:
        return "V" if media.has_picture else "NONE"
    if not media.has_picture:
        return "A" if media.channels == 1 else "AA"
    return "B" if media.channels == 1 else "AA/V"
