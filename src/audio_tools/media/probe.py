"""Read the properties of a media file that a timeline needs: streams, times, frame rate, timecode."""

from __future__ import annotations

import asyncio
import json
import os
import re
import stat
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

from audio_tools.errors import MediaNotFound, NoAudioStream, ProbeFailed
from audio_tools.media.ffmpeg import NO_DECODER
from audio_tools.media.ffmpeg_log import reason
from audio_tools.transcript import AudioStream, MediaInfo

Facts = dict[str, Any]

CHILD = "audio_tools.media.probe_child"

FRAMES_OFF, RATE_OFF = 2, Fraction(1, 5000)
"""
A rate varies if the average is off the nominal one by more frames than this at the end of the file, and
by more than this share. FLV's milliseconds make a share of 1/50,000, a phone's 29.98 for 30 one of 1/1,500.
"""

FASTEST_RATE = 300
"""Frames per second; slow motion is stored to be played at fewer, and clocks tick at 1000 or 90,000."""

FIELDS_OFF = Fraction(1, 200)
"""A rate is that of fields if it is twice the other's to within this share."""

DAY_S = 86_400

STANDARD_RATES = tuple(
    Fraction(frames * 1000, unit) for frames in (24, 25, 30, 48, 50, 60, 100, 120) for unit in (1000, 1001)
)
SAME_RATE = Fraction(1, 50_000)
"""Matroska keeps nanoseconds per frame: its 59.94 comes back as 19001/317."""

LATER_S = 0.1
"""Sound that is first heard so much after the start that its stream states; a codec's delay is less."""

_TIMECODE = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.,])(\d\d)")


async def probe(path: Path, *, timeout_s: float = 30.0) -> MediaInfo:
    """
    Probe a media file.

    All times are on the media's clock, FFmpeg's own: presentation time minus the earliest start of any
    stream. libavformat runs in a child process that is killed at the timeout, with the task, and with this
    process.

    Raises:
        MediaNotFound: there is no such file, or it may not be read.
        ProbeFailed: it is no media file, or it took longer than `timeout_s` seconds.
    """
    await asyncio.to_thread(_check_file, path)
    facts = await _run_child(path, timeout_s)
    if "error" in facts:
        cause = reason(facts["error"], path)
        raise ProbeFailed(f"{path.name} cannot be read as media: {cause.why}.", hint=cause.hint)
    return media_info(facts)


def choose_audio(media: MediaInfo, position: int | None) -> AudioStream:
    """
    The audio stream at `position`, counted from 0 among the audio streams; None: the file's default.

    Raises:
        NoAudioStream: there is none at all, or not that many.
    """
    streams = media.audio_streams
    if not streams:
        raise NoAudioStream(
            "The file has no audio stream.", hint="Export it with audio, or choose another file."
        )
    chosen = media.default_audio if position is None else position
    if not 0 <= chosen < len(streams):
        there = "only audio stream 0" if len(streams) == 1 else f"audio streams 0 to {len(streams) - 1}"
        raise NoAudioStream(f"The file has no audio stream {chosen}.", hint=f"It has {there}.")
    return streams[chosen]


def _default_audio(audio: Sequence[AudioStream]) -> int:
    """The file's default among the streams that can be decoded, and whose format is known."""
    usable = [stream for stream in audio if stream.codec != NO_DECODER] or audio
    usable = [stream for stream in usable if stream.sample_rate_hz] or usable
    first = usable[0].position if usable else 0
    return next((stream.position for stream in usable if stream.default), first)


def passed_over(media: MediaInfo, chosen: AudioStream) -> list[str]:
    """Warnings of a default audio stream that cannot be decoded, where another was chosen for it."""
    return [
        f"Audio stream {stream.position} has a codec that is not supported; audio stream "
        f"{chosen.position} was transcribed instead."
        for stream in media.audio_streams
        if stream.default and stream.codec == NO_DECODER and not chosen.default
    ]


def measured(media: MediaInfo, position: int, start: float, end: float) -> MediaInfo:
    """
    The same media, whose sound at `position` was found to start at `start`, and which ends at `end` seconds.

    libavformat reads some megabytes or seconds ahead; a stream that has not begun by then it gives start
    and duration of the whole file, and that may count subtitles, data, or another clock.
    """
    streams = list(media.audio_streams)
    if start - streams[position].start > LATER_S:
        streams[position] = replace(streams[position], start=round(start, 6), duration=None)
    return replace(media, audio_streams=tuple(streams), duration=round(end, 6), guessed_duration=None)


def _check_file(path: Path) -> None:
    """Refuse what is not a regular file, before libavformat blocks on a pipe or reads a device."""
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        denied = isinstance(error, PermissionError)
        raise MediaNotFound(
            f"Permission denied: {path.name}" if denied else f"File not found: {path}"
        ) from None
    if stat.S_ISDIR(status.st_mode):
        raise ProbeFailed(f"{path.name} is a folder, not a media file.")
    if not stat.S_ISREG(status.st_mode):
        raise ProbeFailed(f"{path.name} is not a regular file.")
    if not os.access(path, os.R_OK):
        raise MediaNotFound(f"Permission denied: {path.name}", hint="Make the file readable for this user.")
    if status.st_size == 0:
        raise ProbeFailed(f"{path.name} is empty.")


async def _run_child(path: Path, timeout_s: float) -> Facts:
    """Return the output of the child process, which has ended when this returns."""
    # -P: a file named json.py beside the media, or wherever the service was started, is not imported.
    command = [sys.executable, "-P", "-m", CHILD, str(os.getpid()), str(path)]
    pipe, null = asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
    child = await asyncio.create_subprocess_exec(*command, stdin=null, stdout=pipe, stderr=null)
    try:
        async with asyncio.timeout(timeout_s):
            output, _ = await child.communicate()
    except TimeoutError:
        raise ProbeFailed(f"{path.name} could not be read within {timeout_s:g} seconds.") from None
    finally:
        if child.returncode is None:
            with suppress(ProcessLookupError):
                child.kill()
        await child.wait()
    if child.returncode:
        raise ProbeFailed(f"{path.name} crashed the media reader (exit {child.returncode}).")
    facts: Facts = json.loads(output)
    return facts


def media_info(facts: Facts) -> MediaInfo:
    """Derive the media properties from the facts of `probe_child.read_facts`."""
    streams: list[Facts] = facts["streams"]
    if facts["guessed"]:
        streams = [stream | {"duration": None} for stream in streams]
    audio = [
        _audio_stream(position, stream)
        for position, stream in enumerate(stream for stream in streams if stream["type"] == "audio")
    ]
    moving = [stream for stream in streams if stream["type"] == "video" and not stream["picture"]]
    picture = moving[0] if moving else {}
    duration = facts["duration"] or _longest(audio)
    # What libavformat calls the average rate of an AVI is that of its clock, twice as fast or faster where
    # H.264 with B-frames was copied into it.
    average = None if facts["container"] == "avi" else picture.get("average_rate")
    rate, varies = frame_rate(average, picture.get("nominal_rate"), duration, picture.get("coded_rate"))
    reference_s = time_reference(facts["time_reference"], audio)
    timecodes = [*(stream["timecode"] for stream in moving + streams), facts["timecode"]]
    timecode = start_timecode(timecodes)
    if timecode is None and reference_s is not None and reference_s.is_integer():
        # The same label at every whole frame rate; with a fraction the rate must be known.
        timecode = f"{time.strftime('%H:%M:%S', time.gmtime(reference_s))}:00"
    return MediaInfo(
        container=facts["container"],
        duration=None if facts["guessed"] else duration,
        guessed_duration=duration if facts["guessed"] else None,
        audio_streams=tuple(audio),
        default_audio=_default_audio(audio),
        frame_rate=rate,
        video_start=_start(picture) if rate is not None else None,
        variable_frame_rate=varies,
        width=picture.get("width") or None,
        height=picture.get("height") or None,
        start_timecode=timecode,
        drop_frame=timecode is not None and ";" in timecode,
        time_reference=reference_s,
    )


def _audio_stream(position: int, facts: Facts) -> AudioStream:
    language = facts["language"]
    return AudioStream(
        position=position,
        index=facts["index"],
        codec=facts["codec"],
        sample_rate_hz=facts["rate"],
        channels=facts["channels"],
        start=_start(facts),
        duration=facts["duration"],
        language=None if language == "und" else language,
        title=facts["title"],
        default=facts["default"],
    )


def _start(stream: Facts) -> float:
    """When a stream starts on the media's clock, in seconds."""
    if stream["start"] is None:
        return 0.0
    # The container's start is whole microseconds, the stream's is not.
    return max(0.0, round(float(stream["start"] - stream["origin"]), 6))


def _longest(audio: Iterable[AudioStream]) -> float | None:
    ends = [stream.start + stream.duration for stream in audio if stream.duration is not None]
    return max(ends, default=None)


def time_reference(samples: str | None, audio: Sequence[AudioStream]) -> float | None:
    """The time of day, in seconds, of a broadcast WAV, which counts samples since midnight."""
    if samples is None or not samples.isdecimal() or not audio or not audio[0].sample_rate_hz:
        return None
    seconds = int(samples) / audio[0].sample_rate_hz
    return seconds if 0 < seconds < DAY_S else None


def frame_rate(
    average: str | None, nominal: str | None, duration: float | None, coded: str | None = None
) -> tuple[Fraction | None, bool]:
    """
    The exact frame rate, and whether it varies, from what the container says of both.

    A constant rate is the nominal one, for the average suffers from coarse timestamps; a varying one is
    the average, which is what frame numbers must be reckoned with. Matroska says nothing of variation.
    A rate that no camera has is the container's clock; then that of the `coded` picture counts. One that is
    twice the other counts fields.
    """
    rates = [rate for rate in map(Fraction, filter(None, (nominal, average))) if rate <= FASTEST_RATE]
    if not rates:
        rates = [rate for rate in map(Fraction, filter(None, (coded,))) if rate <= FASTEST_RATE]
    if not rates:
        return None, False
    if abs(max(rates) - 2 * min(rates)) < FIELDS_OFF * max(rates):
        rates = [min(rates)]
    off = abs(rates[0] - rates[-1])
    frames_off = off * Fraction(duration or 3600)
    if frames_off > FRAMES_OFF and off > RATE_OFF * rates[0]:
        return rates[-1], True
    return next((rate for rate in STANDARD_RATES if abs(rate - rates[0]) < SAME_RATE * rate), rates[0]), False


def start_timecode(candidates: Iterable[str | None]) -> str | None:
    """The first well-formed timecode, as `HH:MM:SS:FF`, or `HH:MM:SS;FF` for drop-frame."""
    for candidate in candidates:
        match = _TIMECODE.fullmatch(candidate or "")
        if match:
            hours, minutes, seconds, separator, frames = match.groups()
            return f"{hours}:{minutes}:{seconds}{':' if separator == ':' else ';'}{frames}"
    return None
