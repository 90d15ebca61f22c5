"""The input of a timeline from a transcript: its media file, words and pauses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

import numpy as np

from audio_tools.errors import InvalidOption
from audio_tools.exports.cut_options import FRAME_RATES, exact_rate, parse_frame_rate
from audio_tools.exports.spans import Table
from audio_tools.exports.timecode import format_timecode
from audio_tools.exports.timeline import MediaReference, Timebase
from audio_tools.transcript import Interval, MediaInfo, Segment, Transcript, Word
from audio_tools.words.order import SHORTEST_WORD_S
from audio_tools.words.timing import spread

SOUND_ONLY_RATE = Fraction(25)
"""Frames per second of a sequence made from sound without a picture, if no rate is given."""


def spoken_words(transcript: Transcript) -> Sequence[Word]:
    """
    The words; where none are listed (`wordTimestamps`), those of the segments, spread over each.

    Where several channels speak, the words of one without speakers have the channel as their speaker.
    """
    words = transcript.words or [
        replace(word, speaker=segment.speaker, channel=segment.channel)
        for segment in transcript.segments
        for word in spread(segment.text, [_room(segment)])
    ]
    if len({word.channel for word in words}) < 2:
        return words
    return [word if word.speaker else replace(word, speaker=_name_of(word.channel)) for word in words]


def _name_of(channel: int | None) -> str | None:
    return None if channel is None else f"Channel {channel}"


def _room(segment: Segment) -> Interval:
    # Rounded to 0.1 ms, a segment may have no length; its words are needed nevertheless.
    return Interval(segment.start, max(segment.end, segment.start + SHORTEST_WORD_S))


def measured_pauses(transcript: Transcript) -> Sequence[Interval]:
    """All pauses; of a transcript stored without them, the silences, which are the long ones."""
    return transcript.pauses or transcript.silences


def media_reference(
    transcript: Transcript,
    name: str,
    *,
    path: str | None = None,
    frame_rate: str | None = None,
    start_timecode: str | None = None,
) -> MediaReference:
    """
    The media file of a transcript.

    Args:
        transcript: its `media` describes the file.
        name: the file's name, with its extension.
        path: how documents refer to the file; default: its name.
        frame_rate: see `parse_frame_rate`; default: that of the picture, else `SOUND_ONLY_RATE`.
        start_timecode: of the first frame, with `;` for drop-frame; default: that of the file, else zero.

    Raises:
        InvalidOption: it is not a frame rate, or there is no such timecode at it.
    """
    media = transcript.media
    rate = _rate(frame_rate) or exact_rate(media.frame_rate or SOUND_ONLY_RATE)
    timebase = _timebase(rate, start_timecode, _timecode_of(media, rate))
    has_picture = media.frame_rate is not None
    # Editing programs count from the first picture, players from whatever starts first.
    late_s = (media.video_start or 0.0) if has_picture else 0.0
    timebase = replace(timebase, origin_us=round(late_s * 1_000_000))
    stream = media.audio_streams[media.audio_stream] if media.audio_streams else None
    return MediaReference(
        name=name,
        path=path or name,
        timebase=timebase,
        n_frames=_count_frames(transcript.duration - late_s, rate, has_picture=has_picture),
        channels=max(1, stream.channels) if stream else 1,
        sample_rate_hz=stream.sample_rate_hz if stream else 48_000,
        width=media.width,
        height=media.height,
        has_picture=has_picture,
    )


def _rate(given: str | None) -> Fraction | None:
    try:
        return None if given is None else parse_frame_rate(given)
    except ValueError:
        raise InvalidOption("frameRate", given, FRAME_RATES) from None


def _timecode_of(media: MediaInfo, rate: Fraction) -> str | None:
    """The label of the first frame; a time of day in seconds has one at every frame rate."""
    if media.time_reference is None or media.frame_rate is not None:
        return media.start_timecode
    return format_timecode(round(Fraction(media.time_reference) * rate), rate)


def _timebase(rate: Fraction, wanted: str | None, of_the_file: str | None) -> Timebase:
    timecode = wanted or of_the_file or "00:00:00:00"
    try:
        return Timebase(rate, ";" in timecode, timecode)
    except ValueError:
        if wanted:
            raise InvalidOption("startTimecode", wanted, f"a timecode that exists at {rate} fps") from None
        # A label that does not exist at this rate is useless to a timeline; frame numbers do not depend on
        # it.
        return Timebase(rate)


def _count_frames(duration: float, rate: Fraction, *, has_picture: bool) -> int:
    # Containers state microseconds, so the last frame of a picture may seem a hair short. Sound without a
    # picture ends within a frame, which must be there for its last word.
    frames = Fraction(max(duration, 0.0)) * rate
    return max(1, floor(frames + Fraction(1, 20)) if has_picture else ceil(frames - Fraction(1, 1000)))


def to_milliseconds(intervals: Sequence[Interval | Word], *, outward: bool) -> Table:
    """Intervals in whole milliseconds, rounded away from their middle or towards it, shape (n, 2)."""
    start_ms = np.array([part.start for part in intervals], np.float64) * 1000
    end_ms = np.array([part.end for part in intervals], np.float64) * 1000
    # Times have at most four decimals; 1e-6 keeps 1.001 * 1000 from becoming 1001.0000000000001.
    if outward:
        starts, ends = np.floor(start_ms + 1e-6), np.ceil(end_ms - 1e-6)
    else:
        starts, ends = np.ceil(start_ms - 1e-6), np.floor(end_ms + 1e-6)
    return np.column_stack([starts, ends]).astype(np.int64)
