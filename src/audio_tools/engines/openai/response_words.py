"""Parse the words of transcription servers: whole words or tokens, possibly with missing times."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from audio_tools.engines.openai.errors import shorten
from audio_tools.words.pieces import Piece

SHORTEST_S = 0.02
_CLOCK = re.compile(r"(?:(\d+):)?(\d+):(\d+(?:[.,]\d+)?)")
"""A time as in subtitles: 00:00:01,000."""
NANOSECONDS_FROM = 1e6
"""Larger values are nanoseconds (LocalAI #5327); no chunk is that long in seconds."""


def read_records(value: Any) -> list[Mapping[str, Any]]:
    """
    Return the objects of a list; null is an empty list.

    Raises:
        TypeError: not a list, or not a list of objects.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise TypeError(f"{shorten(str(value), 40)} is not a list")
    records = [item for item in value if item is not None]
    if not all(isinstance(record, Mapping) for record in records):
        raise TypeError("a list contains an item that is not an object")
    return records


def read_pieces(items: Any, speaker: str | None = None) -> list[Piece]:
    """
    Parse a list of words, in order; entries without text are skipped.

    Args:
        items: the list, or None.
        speaker: speaker of words that name none.

    Raises:
        ValueError, TypeError, OverflowError: not such a list.
    """
    pieces = (_piece(record, speaker) for record in read_records(items))
    return [piece for piece in pieces if piece.text.strip()]


def unlisted_piece(record: Mapping[str, Any], space: str) -> list[Piece]:
    """
    Split a segment with text but without words; the words share its times.

    Args:
        record: the segment.
        space: prefix of the words of other segments.
    """
    text = record.get("text")
    if not isinstance(text, str) or not text.strip():
        return []
    start, end = read_times(record)
    return [Piece(space + text.strip(), start, end, speaker=read_speaker(record), timing="estimated")]


def _piece(record: Mapping[str, Any], speaker: str | None) -> Piece:
    text = record.get("word", record.get("text"))
    start, end = read_times(record)
    said = (record.get(name) for name in ("probability", "confidence", "score"))
    sure = next((value for value in map(read_figure, said) if value is not None), None)
    return Piece(
        text=text if isinstance(text, str) else "",
        start=start,
        end=end,
        confidence=None if sure is None else min(max(sure, 0.0), 1.0),
        speaker=read_speaker(record) or speaker,
    )


def read_times(record: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """
    Return start and end in seconds, None if there is neither; a missing one is set to the other.
    """
    start, end = _time(record.get("start")), _time(record.get("end"))
    return (end if start is None else start), (start if end is None else end)


def _time(value: Any) -> float | None:
    """
    A time in seconds; None for what is not a number, such as the NaN of whisperx-api-server #36.

    The text of such a reply is worth more than its times, which are then estimated.
    """
    if isinstance(value, str) and (clock := _CLOCK.fullmatch(value.strip())):
        return 3600 * int(clock[1] or 0) + 60 * int(clock[2]) + float(clock[3].replace(",", "."))
    try:
        time = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    if not math.isfinite(time):
        return None
    return time / 1e9 if time >= NANOSECONDS_FROM else time


def read_figure(value: Any) -> float | None:
    """Return an optional number; None for any other or non-finite value."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        figure = float(value)
    except OverflowError:  # JSON integers have any size
        return None
    return figure if math.isfinite(figure) else None


def read_speaker(record: Mapping[str, Any]) -> str | None:
    """Return the speaker of a word or segment, if given."""
    name = record.get("speaker")
    return name.strip() or None if isinstance(name, str) else None


def within(start: float, end: float, seconds: float) -> tuple[float, float]:
    """Clamp times to the chunk: Whisper uses 30 s windows and may end a word after the last sample."""
    start = min(max(start, 0.0), max(seconds - SHORTEST_S, 0.0))
    return start, min(max(end, start + SHORTEST_S), seconds)
