"""A transcript as files: JSON, SubRip, WebVTT and plain text."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from audio_tools.errors import InvalidOption
from audio_tools.exports.caption_report import BrokenRule, check_cues
from audio_tools.exports.caption_rules import caption_rules
from audio_tools.exports.cues import Cue, CueRules, cut_cues
from audio_tools.exports.subtitles import to_srt, to_vtt
from audio_tools.exports.text import to_txt
from audio_tools.storage.local import write_atomically
from audio_tools.transcript import Interval, Segment, Transcript, Word
from audio_tools.words.order import SHORTEST_WORD_S
from audio_tools.words.timing import spread


def _words(transcript: Transcript) -> Sequence[Word]:
    """The words; where none are listed (`wordTimestamps`), those of the segments, spread over each."""
    return transcript.words or [
        replace(word, speaker=segment.speaker)
        for segment in transcript.segments
        for word in spread(segment.text, [_room(segment)])
    ]


def _room(segment: Segment) -> Interval:
    # Rounded to 0.1 ms a segment may have no length, and its words are wanted all the same.
    return Interval(segment.start, max(segment.end, segment.start + SHORTEST_WORD_S))


def _rules(transcript: Transcript) -> CueRules:
    return caption_rules(_words(transcript), frame_rate=transcript.media.frame_rate)


def _cues(transcript: Transcript, *, names: bool = False) -> list[Cue]:
    rules = replace(_rules(transcript), names=names)
    return cut_cues(_words(transcript), rules, media_end=transcript.duration)


def caption_report(transcript: Transcript) -> list[BrokenRule]:
    """The rules that the captions of a transcript (those of its SRT file) do not keep."""
    return check_cues(_cues(transcript, names=True), _rules(transcript))


def _to_json(transcript: Transcript) -> str:
    return transcript.to_json_text(indent=2).decode() + "\n"


FORMATS: dict[str, Callable[[Transcript], str]] = {
    "json": _to_json,
    "srt": lambda transcript: to_srt(_cues(transcript, names=True)),
    "vtt": lambda transcript: to_vtt(_cues(transcript)),
    "txt": lambda transcript: to_txt(_words(transcript)),
}
"""The name of a format, which is also its file extension, and the function that writes its text."""


MEDIA_TYPES = {
    "json": "application/json",
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
    "txt": "text/plain; charset=utf-8",
}
"""The media type of each format."""


def parse_formats(text: str) -> tuple[str, ...]:
    """
    The formats named in `text`, separated by commas, each once.

    Raises:
        InvalidOption: one of them is unknown.
    """
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",")))
    for name in names:
        if name not in FORMATS:
            raise InvalidOption("format", name, f"one of {', '.join(FORMATS)}")
    return names


def file_name(stem: str, name: str) -> str:
    """The name of the file of one format."""
    return f"{stem}.{name}"


def render(transcript: Transcript, name: str) -> bytes:
    """A transcript as the content of a file of one format."""
    # JSON from an engine can hold lone surrogates, which UTF-8 cannot.
    return FORMATS[name](transcript).encode(errors="replace")


def write(transcript: Transcript, formats: Iterable[str], folder: Path, stem: str) -> list[Path]:
    """
    Write a transcript as `folder/stem.format` for each format; the folder is made if it is missing.

    A file appears whole or not at all, and takes the place of an older one of the same name.

    Returns:
        The paths, in the order of `formats`, each format once.

    Raises:
        InvalidOption: a format is unknown; nothing was written.
        DiskFull: there is no room in `folder`.
        StorageError: `folder` cannot be written to.
    """
    names = parse_formats(",".join(formats))
    paths = [folder / file_name(stem, name) for name in names]
    for name, path in zip(names, paths, strict=True):
        write_atomically(path, render(transcript, name))
    return paths
