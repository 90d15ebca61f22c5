"""Words as transcription servers list them: whole or as tokens, with all times or without some."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from audio_tools.engines.openai.errors import shorten
from audio_tools.words.pieces import Piece

SHORTEST_S = 0.02
NANOSECONDS_FROM = 1e6
"""No chunk is that long in seconds: LocalAI counts in nanoseconds (LocalAI #5327)."""


def read_records(value: Any) -> list[Mapping[str, Any]]:
    """
    The objects of a list; null counts as nothing.

    Raises:
        TypeError: it is no list, or holds something else.
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
    What is listed as words, in its order; what has no text is left out.

    Args:
        items: the list, or None.
        speaker: who says all that names nobody.

    Raises:
        ValueError, TypeError, OverflowError: it is no such list.
    """
    pieces = (_piece(record, speaker) for record in read_records(items))
    return [piece for piece in pieces if piece.text.strip()]


def unlisted_piece(record: Mapping[str, Any], space: str) -> list[Piece]:
    """
    A segment that has a text but lists no words: its words share its times.

    Args:
        record: the segment.
        space: what the words of other segments begin with.

    Raises:
        ValueError, TypeError, OverflowError: its times are no finite numbers.
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
    Start and end in seconds, None where there is neither; one that is missing is taken to be the other.

    Raises:
        ValueError, TypeError, OverflowError: one is no finite number.
    """
    start, end = _time(record.get("start")), _time(record.get("end"))
    return (end if start is None else start), (start if end is None else end)


def _time(value: Any) -> float | None:
    if value is None:
        return None
    time = float(value)
    if not math.isfinite(time):
        raise ValueError(f"a time is {time}")
    return time / 1e9 if time >= NANOSECONDS_FROM else time


def read_figure(value: Any) -> float | None:
    """A number that is good to have; None for anything else, and for what is not finite."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    try:
        figure = float(value)
    except OverflowError:  # JSON has integers of any size
        return None
    return figure if math.isfinite(figure) else None


def read_speaker(record: Mapping[str, Any]) -> str | None:
    """The speaker whom a word or a segment names, if it names one."""
    name = record.get("speaker")
    return name.strip() or None if isinstance(name, str) else None


def within(start: float, end: float, seconds: float) -> tuple[float, float]:
    """Times inside the chunk: Whisper thinks in windows of 30 s and may end a word behind the last sample."""
    start = min(max(start, 0.0), max(seconds - SHORTEST_S, 0.0))
    return start, min(max(end, start + SHORTEST_S), seconds)
