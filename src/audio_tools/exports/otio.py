"""
A timeline as OpenTimelineIO JSON, with the metadata by which Premiere links picture and sound.

Source ranges count from the media's start timecode, as OpenTimelineIO has it: `available_range` begins there.
"""

from __future__ import annotations

import json

from audio_tools.exports.media_url import file_url
from audio_tools.exports.timeline import Clip, Marker, Reason, Timeline
from audio_tools.transcript import Json

KEY = "PremierePro_OTIO"

MARKER_COLORS: dict[Reason, str] = {
    "silence": "BLUE",
    "filler": "YELLOW",
    "retake": "ORANGE",
    "profanity": "RED",
    "manual": "PURPLE",
}


def write_otio(timeline: Timeline, start_timecode: str = "00:00:00:00") -> str:
    """
    The timeline as an .otio document.

    Args:
        timeline: what to write.
        start_timecode: the label of the sequence's first frame.
    """
    return json.dumps(_Document(timeline).timeline_json(start_timecode), ensure_ascii=False, indent=1) + "\n"


class _Document:
    def __init__(self, timeline: Timeline) -> None:
        self.timeline, self.media = timeline, timeline.media
        rate = timeline.timebase.rate
        # The exact quotient: OpenTimelineIO knows 24000/1001, and refuses 23.976.
        self.rate = rate.numerator / rate.denominator
        # Sound without a standard frame rate has no timecode that a program could read.
        self.source_start = timeline.timebase.start_frame

    def timeline_json(self, start_timecode: str) -> Json:
        start = self.timeline.start_frame(start_timecode)
        media = self.media
        tracks = [self._track("Video", "Video 1")] if media.has_picture else []
        tracks.append(self._track("Audio", "Audio 1"))
        width, height = (media.width, media.height) if media.width and media.height else (1920, 1080)
        stack = {
            "OTIO_SCHEMA": "Stack.1",
            "metadata": {
                KEY: {
                    "AudioFrameRate": float(media.sample_rate_hz),
                    "PixelAspectRatio": {"numerator": 1.0, "denominator": 1.0},
                    "VideoFrameRate": self.rate,
                    "VideoResolution": {"width": width, "height": height},
                }
            },
            "name": self.timeline.name,
            "source_range": None,
            "effects": [],
            "markers": [self._marker(marker) for marker in self.timeline.markers],
            "enabled": True,
            "children": tracks,
        }
        return {
            "OTIO_SCHEMA": "Timeline.1",
            "metadata": {KEY: {"MetadataVersion": "1.0"}},
            "name": self.timeline.name,
            "global_start_time": self._time(start),
            "tracks": stack,
        }

    def _track(self, kind: str, name: str) -> Json:
        channels = {"ChannelType": self._channel_type(), "NumberOfChannels": self.media.channels}
        return {
            "OTIO_SCHEMA": "Track.1",
            "metadata": {KEY: {"AudioChannels": channels}} if kind == "Audio" else {},
            "name": name,
            "source_range": None,
            "effects": [],
            "markers": [],
            "enabled": True,
            "children": [
                self._clip(clip, number, kind) for number, clip in enumerate(self.timeline.clips, start=1)
            ],
            "kind": kind,
        }

    def _channel_type(self) -> str:
        return {1: "Mono", 2: "Stereo"}.get(self.media.channels, "Multichannel")

    def _clip(self, clip: Clip, number: int, kind: str) -> Json:
        # Premiere links clips of one id.
        metadata: Json = {"LinkID": str(number), "OriginalChannelGroupIndex": 0, "SourceClipIndex": 0}
        if kind == "Audio":
            metadata["AudioChannels"] = {
                "ChannelType": self._channel_type(),
                "SecondaryAssignments": [
                    {"SecondaryChannelIndex": channel} for channel in range(self.media.channels)
                ],
            }
        return {
            "OTIO_SCHEMA": "Clip.2",
            "metadata": {KEY: metadata},
            "name": self.media.name,
            "source_range": self._range(self.source_start + clip.start, clip.end - clip.start),
            "effects": [_time_warp(clip)] if clip.speed != 1 else [],
            "markers": [],
            "enabled": not (clip.muted and kind == "Audio"),
            "media_references": {
                "DEFAULT_MEDIA": {
                    "OTIO_SCHEMA": "ExternalReference.1",
                    "metadata": {},
                    "name": self.media.name,
                    "available_range": self._range(self.source_start, self.media.n_frames),
                    "available_image_bounds": None,
                    "target_url": file_url(self.media.path),
                }
            },
            "active_media_reference_key": "DEFAULT_MEDIA",
        }

    def _marker(self, marker: Marker) -> Json:
        return {
            "OTIO_SCHEMA": "Marker.2",
            "metadata": {},
            "name": marker.reason,
            "comment": marker.text,
            "color": MARKER_COLORS[marker.reason],
            "marked_range": self._range(marker.record, marker.n_frames),
        }

    def _time(self, frame: int) -> Json:
        return {"OTIO_SCHEMA": "RationalTime.1", "rate": self.rate, "value": float(frame)}

    def _range(self, start: int, n_frames: int) -> Json:
        return {
            "OTIO_SCHEMA": "TimeRange.1",
            "duration": self._time(n_frames),
            "start_time": self._time(start),
        }


def _time_warp(clip: Clip) -> Json:
    return {
        "OTIO_SCHEMA": "LinearTimeWarp.1",
        "metadata": {},
        "name": "Speed",
        "effect_name": "LinearTimeWarp",
        "enabled": True,
        "time_scalar": float(clip.speed),
    }
