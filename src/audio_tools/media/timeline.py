"""Find the streams of a file that share one clock, its time 0, and the end of the last stream."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from audio_tools.media.clock import MediaClock
from audio_tools.media.programs import read_programs
from audio_tools.media.truncation import ends_early

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream

    from audio_tools.media.edit_list import Movie

JUMPING = ("mpegts", "mpeg", "wtv")
"""Formats of broadcasts, in which timestamps may jump forward where nothing is missing."""


class Timeline:
    """
    The clock of one audio stream and of all sound and pictures that belong to it.

    Args:
        media: the opened file, at `path`.
        sound: the audio stream that is decoded.
        movie: what the index of an MP4 holds; None: it is another format.
    """

    def __init__(self, media: InputContainer, path: Path, sound: Stream, movie: Movie | None) -> None:
        self._media, self._sound, self._movie = media, sound, movie
        self.ends_early = ends_early(path, media.format.name)
        self.streams = related(media, path, sound)
        self.edited = bool(movie and movie.edits)
        self.origin = 0.0 if self.edited else origin_s(media, self.streams)
        self.clock = self.new_clock()
        self._end: float | None = None

    def new_clock(self) -> MediaClock:
        return MediaClock(self.origin, may_jump=self._media.format.name in JUMPING)

    @property
    def watched(self) -> list[Stream]:
        """The other streams whose packets must be read to find their end; none if an MP4's index has it."""
        if self._movie is not None and not self._movie.fragmented:
            return []
        return [stream for stream in self.streams if stream is not self._sound]

    def note(self, packet: Packet[Any]) -> None:
        """Take the times of a packet of a watched stream."""
        stream, stamp = packet.stream, packet.dts if packet.pts is None else packet.pts
        if stamp is None:
            return
        base = float(stream.time_base or 0)
        duration = (packet.duration or 0) * base or _frame_s(stream)
        order = None if packet.dts is None else packet.dts * base
        due = self.clock.place(stream.index, stamp * base, duration, order)
        self._end = max(self._end or 0.0, due + duration)

    @property
    def sound_end(self) -> float | None:
        """When the sound ends by the index of an MP4, which cuts its last frame short; None: not known."""
        if self._movie is None or self._movie.fragmented or self.edited:
            return None
        return self._indexed_end(self._sound)

    @property
    def end(self) -> float | None:
        """When the last of the other streams ends, in seconds; None: there is none, or it is not known."""
        if self.watched:
            return self._end
        ends = [self._indexed_end(stream) for stream in self.streams if stream is not self._sound]
        return max((end for end in ends if end is not None), default=None)

    @property
    def explained(self) -> bool:
        """Whether the container's duration may include more than audio and video, or have another origin."""
        return self.edited or bool(self._media.start_time) or len(self.streams) < len(self._media.streams)

    def _indexed_end(self, stream: Stream) -> float | None:
        end = self._movie.ends.get(stream.id) if self._movie else None
        return end - self.origin if end else None


def related(media: InputContainer, path: Path, sound: Stream) -> list[Stream]:
    """All sound and moving pictures on the clock of `sound`: in a transport stream those of its programme."""
    streams = [stream for stream in media.streams if _counts(stream)]
    if media.format.name == "mpegts":
        programs = read_programs(path)
        own = next((pids for pids in programs if sound.id in pids), None)
        if own is not None and len(programs) > 1:
            return [stream for stream in streams if stream.id in own]
    return streams


def origin_s(media: InputContainer, streams: list[Stream]) -> float:
    """The timestamp that is time 0 on the media's clock, in seconds: the earliest start of any stream."""
    if len(streams) == sum(map(_counts, media.streams)):
        return (media.start_time or 0) / 1_000_000
    starts = [
        float(stream.start_time * stream.time_base)
        for stream in streams
        if stream.start_time is not None and stream.time_base
    ]
    return min(starts, default=0.0)


def _counts(stream: Stream) -> bool:
    cover = bool(stream.disposition & stream.disposition.attached_pic)
    return stream.type == "audio" or (stream.type == "video" and not cover)


def _frame_s(stream: Any) -> float:
    rate = getattr(stream, "average_rate", None)
    return float(1 / rate) if rate else 0.0
