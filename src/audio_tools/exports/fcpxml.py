"""A timeline as FCPXML 1.11, for Final Cut Pro and Resolve. All times are exact fractions of a second."""

from __future__ import annotations

from fractions import Fraction

from audio_tools.errors import UnsupportedFrameRate
from audio_tools.exports.media_url import file_url
from audio_tools.exports.timeline import Clip, Marker, MediaReference, Timeline
from audio_tools.exports.xml_text import xml_text

DEFAULT_SIZE = 1920, 1080
SILENT = '<adjust-volume amount="-96dB"/>'

_NAMED_SIZES = {
    (1280, 720): "720p",
    (1920, 1080): "1080p",
    (3840, 2160): "3840x2160p",
    (4096, 2160): "4096x2160p",
}


def write_fcpxml(timeline: Timeline, start_timecode: str = "00:00:00:00") -> str:
    """
    The timeline as an .fcpxml document.

    Args:
        timeline: what to write.
        start_timecode: the label of the sequence's first frame.

    Raises:
        UnsupportedFrameRate: the rate is neither a whole number nor one times 1000/1001.
    """
    if not timeline.timebase.is_standard:
        raise UnsupportedFrameRate(str(timeline.timebase.rate), "FCPXML")
    return _Document(timeline, timeline.start_frame(start_timecode)).text()


class _Document:
    def __init__(self, timeline: Timeline, start_frame: int) -> None:
        self.timeline, self.media = timeline, timeline.media
        self.rate = timeline.timebase.rate
        self.start_frame = start_frame
        self.source_start = timeline.timebase.start_frame
        self.tc_format = "DF" if timeline.timebase.drop_frame else "NDF"

    def text(self) -> str:
        media, name = self.media, xml_text(self.timeline.name)
        layout = "mono" if media.channels == 1 else "stereo"
        clips = "".join(map(self._clip, self.timeline.clips))
        return (
            '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n<fcpxml version="1.11">\n'
            f"<resources>\n{self._format()}{self._asset()}</resources>\n"
            f'<library>\n<event name="{name}">\n<project name="{name}">\n'
            f'<sequence format="r1" duration="{self._time(self.timeline.n_frames)}" '
            f'tcStart="{self._time(self.start_frame)}" tcFormat="{self.tc_format}" audioLayout="{layout}" '
            f'audioRate="{_audio_rate(media)}">\n<spine>\n{clips}</spine>\n</sequence>\n'
            "</project>\n</event>\n</library>\n</fcpxml>\n"
        )

    def _time(self, frames: int) -> str:
        seconds = Fraction(frames) / self.rate
        if seconds.denominator == 1:
            return f"{seconds.numerator}s"
        return f"{frames * self.rate.denominator}/{self.rate.numerator}s"

    def _format(self) -> str:
        media = self.media
        size = (media.width, media.height) if media.width and media.height else DEFAULT_SIZE
        rate = (
            f"{self.timeline.timebase.nominal}" if self.rate.denominator == 1 else f"{float(self.rate):.2f}"
        )
        named = _NAMED_SIZES.get(size)
        name = f' name="FFVideoFormat{named}{rate.replace(".", "")}"' if named else ""
        return (
            f'<format id="r1"{name} frameDuration="{self._time(1)}" width="{size[0]}" height="{size[1]}"/>\n'
        )

    def _asset(self) -> str:
        media = self.media
        picture = ' hasVideo="1" format="r1" videoSources="1"' if media.has_picture else ""
        src = xml_text(file_url(media.path, relative_prefix="./"))
        return (
            f'<asset id="r2" name="{xml_text(media.name)}" start="{self._time(self.source_start)}" '
            f'duration="{self._time(media.n_frames)}"{picture} hasAudio="1" audioSources="1" '
            f'audioChannels="{media.channels}" audioRate="{media.sample_rate_hz}">\n'
            f'<media-rep kind="original-media" src="{src}"/>\n</asset>\n'
        )

    def _clip(self, clip: Clip) -> str:
        start = self.source_start + clip.start
        inside = [
            self._time_map(clip, start) if clip.speed != 1 else "",
            SILENT if clip.muted else "",
            *(self._marker(marker) for marker in self._markers_in(clip)),
        ]
        return (
            f'<asset-clip ref="r2" offset="{self._time(self.start_frame + clip.record)}" '
            f'name="{xml_text(self.media.name)}" start="{self._time(start)}" '
            f'duration="{self._time(clip.record_frames)}" tcFormat="{self.tc_format}" audioRole="dialogue">'
            f"{''.join(inside)}</asset-clip>\n"
        )

    def _markers_in(self, clip: Clip) -> list[Marker]:
        return [marker for marker in self.timeline.markers if clip.start <= marker.start < clip.end]

    def _marker(self, marker: Marker) -> str:
        return (
            f'<marker start="{self._time(self.source_start + marker.start)}" '
            f'duration="{self._time(marker.end - marker.start)}" value="{xml_text(marker.text)}" '
            f'note="{xml_text(marker.reason)}"/>'
        )

    def _time_map(self, clip: Clip, start: int) -> str:
        first, last = self._time(start), self._time(start + clip.record_frames)
        stop = self._time(start + clip.end - clip.start)
        return (
            f'<timeMap><timept time="{first}" value="{first}" interp="linear"/>'
            f'<timept time="{last}" value="{stop}" interp="linear"/></timeMap>'
        )


def _audio_rate(media: MediaReference) -> str:
    known = {32_000: "32k", 44_100: "44.1k", 48_000: "48k", 88_200: "88.2k", 96_000: "96k"}
    return known.get(media.sample_rate_hz, "48k")
