"""
A timeline as FCP7 XML (xmeml 4), which Premiere and Resolve open as a cut sequence.

Written here and not by otio-fcp-adapter: its documents have no links between picture and sound, no format and
no channels, so Premiere opens them unlinked and with sequence settings left to chance (docs/timeline.md).

In and out points are frames from the start of the file, never timecode. Each channel of the sound has a
track of its own; the two of a stereo file are marked as one "exploded" pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from string import Template

from audio_tools.errors import UnsupportedFrameRate
from audio_tools.exports.media_url import file_url
from audio_tools.exports.timecode import format_timecode
from audio_tools.exports.timeline import TICKS_PER_SECOND, Clip, Marker, MediaReference, Reason, Timeline
from audio_tools.exports.xml_text import xml_text

DEFAULT_SIZE = 1920, 1080
"""The picture of a sequence without one, in pixels."""

MARKER_COLORS: dict[Reason, int] = {
    "silence": 4294741314,
    "filler": 4281049552,
    "retake": 4280578025,
    "profanity": 4281740498,
    "manual": 4289825711,
}
"""Premiere's blue, yellow, orange, red and purple, as 0xAABBGGRR."""

_DOCUMENT = Template(
    """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE xmeml>
<xmeml version="4">
<sequence id="sequence-1" explodedTracks="true">
<duration>$duration</duration>
$rate
<name>$name</name>
<media>
<video>
<format><samplecharacteristics>$rate<width>$width</width><height>$height</height>\
<anamorphic>FALSE</anamorphic><pixelaspectratio>square</pixelaspectratio><fielddominance>none</fielddominance>\
</samplecharacteristics></format>
$video</video>
<audio>
<numOutputChannels>2</numOutputChannels>
<format><samplecharacteristics><depth>16</depth><samplerate>$sample_rate</samplerate></samplecharacteristics></format>
<outputs>
<group><index>1</index><numchannels>1</numchannels><downmix>0</downmix><channel><index>1</index></channel></group>
<group><index>2</index><numchannels>1</numchannels><downmix>0</downmix><channel><index>2</index></channel></group>
</outputs>
$audio</audio>
</media>
<timecode>$rate<string>$timecode</string><frame>$start_frame</frame><displayformat>$display</displayformat></timecode>
$markers</sequence>
</xmeml>
"""
)

_CLIP = Template(
    """<clipitem id="$id"$channel_type>
<masterclipid>masterclip-1</masterclipid>
<name>$name</name>
<enabled>$enabled</enabled>
<duration>$duration</duration>
$rate
<start>$start</start>
<end>$end</end>
<in>$first</in>
<out>$stop</out>
$ticks$file
$source$speed$links</clipitem>
"""
)


def write_xmeml(timeline: Timeline, start_timecode: str = "00:00:00:00") -> str:
    """
    The timeline as an xmeml document.

    Args:
        timeline: what to write.
        start_timecode: the label of the sequence's first frame.

    Raises:
        UnsupportedFrameRate: the rate is neither a whole number nor one times 1000/1001.
    """
    timebase, media = timeline.timebase, timeline.media
    if not timebase.is_standard:
        raise UnsupportedFrameRate(str(timebase.rate), "FCP7 XML")
    tracks = _Tracks(timeline)
    width, height = (media.width, media.height) if media.width and media.height else DEFAULT_SIZE
    start = timeline.start_frame(start_timecode)
    return _DOCUMENT.substitute(
        duration=timeline.n_frames,
        rate=tracks.rate,
        name=xml_text(timeline.name),
        width=width,
        height=height,
        video="".join(tracks.video()),
        sample_rate=media.sample_rate_hz,
        audio="".join(tracks.audio()),
        timecode=format_timecode(start, timebase.rate, drop_frame=timebase.drop_frame),
        start_frame=start,
        display=tracks.display,
        markers="".join(map(_marker, timeline.markers)),
    )


def _marker(marker: Marker) -> str:
    comment, name = xml_text(marker.text), xml_text(marker.reason)
    first, stop = marker.record, marker.record + marker.n_frames
    return (
        f"<marker><comment>{comment}</comment><name>{name}</name><in>{first}</in><out>{stop}</out>"
        f"<pproColor>{MARKER_COLORS[marker.reason]}</pproColor></marker>\n"
    )


class _Tracks:
    """The clips of a timeline as tracks: one of pictures, and one for each channel of the sound."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline, self.media = timeline, timeline.media
        timebase = timeline.timebase
        self.rate = (
            f"<rate><timebase>{timebase.nominal}</timebase><ntsc>{str(timebase.ntsc).upper()}</ntsc></rate>"
        )
        self.display = "DF" if timebase.drop_frame else "NDF"
        self.pairs = self.media.channels == 2
        self._file_defined = False

    def video(self) -> Iterator[str]:
        """The track of pictures, if the media has any."""
        if not self.media.has_picture:
            return
        yield "<track>\n"
        for number, clip in enumerate(self.timeline.clips, start=1):
            source = "<compositemode>normal</compositemode>\n"
            yield self._clip(clip, number, 0, enabled=True, source=source)
        yield "<enabled>TRUE</enabled>\n<locked>FALSE</locked>\n</track>\n"

    def audio(self) -> Iterator[str]:
        """A track for each channel."""
        kind = "Stereo" if self.pairs else "Mono"
        total = 2 if self.pairs else 1
        for channel in range(1, self.media.channels + 1):
            index = channel - 1 if self.pairs else 0
            yield (
                f'<track currentExplodedTrackIndex="{index}" totalExplodedTrackCount="{total}" '
                f'premiereTrackType="{kind}">\n'
            )
            source = (
                f"<sourcetrack><mediatype>audio</mediatype><trackindex>{channel}</trackindex></sourcetrack>\n"
            )
            for number, clip in enumerate(self.timeline.clips, start=1):
                yield self._clip(clip, number, channel, enabled=not clip.muted, source=source)
            yield (
                "<enabled>TRUE</enabled>\n<locked>FALSE</locked>\n"
                f"<outputchannelindex>{(channel - 1) % 2 + 1}</outputchannelindex>\n</track>\n"
            )

    def _clip(self, clip: Clip, number: int, channel: int, *, enabled: bool, source: str) -> str:
        """One clip item; channel 0 is the picture."""
        # At another speed in and out count frames as they are played.
        first = clip.start if clip.speed == 1 else round(clip.start / clip.speed)
        channel_type = f' premiereChannelType="{"stereo" if self.pairs else "mono"}"' if channel else ""
        return _CLIP.substitute(
            id=_item_id(number, channel),
            channel_type=channel_type,
            name=xml_text(self.media.name),
            enabled=str(enabled).upper(),
            duration=self.media.n_frames,
            rate=self.rate,
            start=clip.record,
            end=clip.record_end,
            first=first,
            stop=first + clip.record_frames,
            ticks=self._ticks(clip),
            file=self._file(),
            source=source,
            speed=_speed(clip),
            links=self._links(number),
        )

    def _ticks(self, clip: Clip) -> str:
        if clip.speed != 1:
            return ""
        rate = self.timeline.timebase.rate
        first, stop = (
            frame * TICKS_PER_SECOND * rate.denominator // rate.numerator for frame in (clip.start, clip.end)
        )
        return f"<pproTicksIn>{first}</pproTicksIn>\n<pproTicksOut>{stop}</pproTicksOut>\n"

    def _file(self) -> str:
        """The media file: described the first time, then referenced."""
        if self._file_defined:
            return '<file id="file-1"/>'
        self._file_defined = True
        return _file(self.media, self.rate, self.display)

    def _links(self, number: int) -> str:
        """All items of a cut, picture and channels, name each other: they move together."""
        first_channel = 0 if self.media.has_picture else 1
        if first_channel == self.media.channels:
            return ""  # a single item is not linked
        links = []
        for channel in range(first_channel, self.media.channels + 1):
            kind = "audio" if channel else "video"
            group = "<groupindex>1</groupindex>" if channel else ""
            links.append(
                f"<link><linkclipref>{_item_id(number, channel)}</linkclipref><mediatype>{kind}</mediatype>"
                f"<trackindex>{max(channel, 1)}</trackindex><clipindex>{number}</clipindex>{group}</link>\n"
            )
        return "".join(links)


def _item_id(number: int, channel: int) -> str:
    return f"clipitem-{number}-a{channel}" if channel else f"clipitem-{number}-v"


def _speed(clip: Clip) -> str:
    if clip.speed == 1:
        return ""
    percent = float(clip.speed * 100)
    return (
        "<filter><effect><name>Time Remap</name><effectid>timeremap</effectid>"
        "<effectcategory>motion</effectcategory><effecttype>motion</effecttype><mediatype>video</mediatype>"
        "<parameter><parameterid>variablespeed</parameterid><name>variablespeed</name><valuemin>0</valuemin>"
        "<valuemax>1</valuemax><value>0</value></parameter><parameter><parameterid>speed</parameterid>"
        f"<name>speed</name><valuemin>-100000</valuemin><valuemax>100000</valuemax><value>{percent:g}</value>"
        "</parameter><parameter><parameterid>reverse</parameterid><name>reverse</name><value>FALSE</value>"
        "</parameter><parameter><parameterid>frameblending</parameterid><name>frameblending</name>"
        "<value>FALSE</value></parameter></effect></filter>\n"
    )


def _file(media: MediaReference, rate: str, display: str) -> str:
    timebase = media.timebase
    url = file_url(media.path, host="localhost", drive_colon="%3a")
    picture = (
        f"<video><samplecharacteristics>{rate}<width>{media.width}</width><height>{media.height}</height>"
        "<anamorphic>FALSE</anamorphic><pixelaspectratio>square</pixelaspectratio>"
        "<fielddominance>none</fielddominance></samplecharacteristics></video>"
        if media.has_picture and media.width and media.height
        else "<video/>"
        if media.has_picture
        else ""
    )
    layout = "<layout>stereo</layout>" if media.channels == 2 else ""
    return (
        f'<file id="file-1">\n<name>{xml_text(media.name)}</name>\n<pathurl>{xml_text(url)}</pathurl>\n'
        f"{rate}\n"
        f"<duration>{media.n_frames}</duration>\n<timecode>{rate}<string>{timebase.timecode(0)}</string>"
        f"<frame>{timebase.start_frame}</frame><displayformat>{display}</displayformat></timecode>\n"
        f"<media>{picture}<audio><samplecharacteristics><depth>16</depth>"
        f"<samplerate>{media.sample_rate_hz}</samplerate></samplecharacteristics>"
        f"<channelcount>{media.channels}</channelcount>{layout}</audio></media>\n</file>"
    )
