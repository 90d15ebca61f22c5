"""
Reads what libavformat knows of a media file, and prints it as JSON: the child process of `probe.py`.

A parser of forty formats has bugs that a hostile file can reach, so it never runs in the service itself.
Judging the facts is left to `probe.py`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av

from audio_tools.media.ffmpeg import NO_DECODER, demuxer_options
from audio_tools.media.libav import listening, open_media
from audio_tools.media.sandbox import confine
from audio_tools.media.timeline import origin_s, related

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.stream import Stream

Facts = dict[str, Any]

LONGEST_TEXT = 500
"""Maximum length of a tag, in characters: tags may contain anything of any length."""

GUESSED = "Estimating duration from bitrate"
"""What libavformat warns of where a file says nothing: raw AAC, MP3 without a header of its encoder."""

UNRECOGNISED = "Invalid data found when processing input: no sound in the first packets"
PACKETS_TRIED = 200
"""Packets after which a stream without a sample rate is left to the decoder."""

_MICROSECONDS = 1e-6


def read_facts(path: Path) -> Facts:
    """
    Open a media file and list its streams; times in seconds as its timestamps have them.

    Returns:
        `container`, `duration`, `guessed` (whether durations are), `timecode`, `time_reference` (samples
        since midnight), `streams`; or `error` alone, with libav's own words.
    """
    with listening() as log:
        try:
            with open_media(path) as media:
                facts = _describe(media, path) | {"guessed": log.warned_of(GUESSED)}
                if _is_named_so_only(media):
                    return {"error": f"{log.complaints()}\n{UNRECOGNISED}"}
                return facts | (_guess_by_size(media, path) if demuxer_options(path) else {})
        except (av.error.FFmpegError, MemoryError) as error:
            return {"error": f"{log.complaints()}\n{error}"}


def _is_named_so_only(media: InputContainer) -> bool:
    """
    Whether nothing but the name of the file says that it is media.

    Some demuxers take anything under their extension, and find one audio stream without a sample rate. The
    first packets then show whether there is sound.
    """
    sound = media.streams.audio
    if len(media.streams) != 1 or not sound or sound[0].codec_context is None or sound[0].sample_rate:
        return False
    packets = 0
    try:
        for packet in islice(media.demux(sound[0]), PACKETS_TRIED):
            packets += 1
            with suppress(av.error.FFmpegError):
                if packet.decode():
                    return False
    except av.error.FFmpegError:
        return True
    return packets < PACKETS_TRIED


def _guess_by_size(media: InputContainer, path: Path) -> Facts:
    """How long a WAV is whose size fields have overflowed; libavformat still believes them here."""
    bits_per_s = media.streams.audio[0].codec_context.bit_rate
    return {"guessed": True, "duration": 8 * path.stat().st_size / bits_per_s if bits_per_s else None}


def _describe(media: InputContainer, path: Path) -> Facts:
    return {
        "container": media.format.name,
        "duration": _scaled(media.duration),
        "timecode": _tag(media.metadata, "timecode"),
        "time_reference": _tag(media.metadata, "time_reference"),
        "streams": [
            _describe_stream(stream) | {"origin": origin_s(media, related(media, path, stream))}
            for stream in media.streams
        ],
    }


def _describe_stream(stream: Stream) -> Facts:
    base = float(stream.time_base or 0)
    facts: Facts = {
        "type": stream.type,
        "index": stream.index,
        "start": None if stream.start_time is None else stream.start_time * base,
        "duration": None if stream.duration is None else stream.duration * base,
        "timecode": _tag(stream.metadata, "timecode"),
        "title": _tag(stream.metadata, "title"),
        "language": _tag(stream.metadata, "language"),
        "default": bool(stream.disposition & stream.disposition.default),
        "picture": bool(stream.disposition & stream.disposition.attached_pic),
    }
    if stream.type in ("audio", "video"):
        facts |= _describe_codec(stream)
    return facts


def _describe_codec(stream: Stream) -> Facts:
    # The context is absent where this libavcodec has no decoder; rates may be absent anywhere.
    context = stream.codec_context
    if stream.type == "audio":
        return {
            "codec": context.codec.canonical_name if context else NO_DECODER,
            "rate": getattr(context, "sample_rate", 0),
            "channels": getattr(context, "channels", 0),
        }
    return {
        "average_rate": _ratio(stream.average_rate),
        "nominal_rate": _ratio(stream.guessed_rate or stream.base_rate),
        "coded_rate": _ratio(getattr(context, "framerate", None)),
        "width": getattr(context, "width", 0),
        "height": getattr(context, "height", 0),
    }


def _scaled(microseconds: int | None) -> float | None:
    return None if microseconds is None else microseconds * _MICROSECONDS


def _ratio(value: object) -> str | None:
    return str(value) if value else None


def _tag(tags: Mapping[str, str], name: str) -> str | None:
    """A tag whatever its case: Matroska shouts where QuickTime does not."""
    found = next((value for key, value in tags.items() if key.lower() == name), "")
    return found[:LONGEST_TEXT] or None


if __name__ == "__main__":
    confine(int(sys.argv[1]))
    print(json.dumps(read_facts(Path(sys.argv[2]))))  # noqa: T201
