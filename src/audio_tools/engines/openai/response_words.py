"""Words as transcription servers list them: whole or as tokens, with all times or without some."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from audio_tools.engines.openai.errors import shorten
from audio_tools.transcript import Timing, Word

SHORTEST_S = 0.02
NANOSECONDS_FROM = 1e6
"""No chunk is that long in seconds: LocalAI counts in nanoseconds (LocalAI #5327)."""
SPACED_SHARE = 0.1
"""If a greater share of the words begins with a space, spaces part words, and what has none is a piece of the
last: those are tokens. Whole words are listed with a space before each of them, or before none."""

_WITHOUT_SPACES = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff]")


@dataclass(frozen=True, slots=True)
class Piece:
    """A word or part of one as it was listed; times in seconds, None where there is none."""

    text: str
    start: float | None
    end: float | None
    confidence: float | None
    speaker: str | None
    timing: Timing = "engine"


def read_records(value: Any) -> list[Mapping[str, Any]]:
    """
    The objects of a list; null counts as nothing.

    Raises:
        TypeError: it is no list, or holds something else.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        raise TypeError(f"{shorten(str(value), 40)} is no list")
    records = [item for item in value if item is not None]
    if not all(isinstance(record, Mapping) for record in records):
        raise TypeError("a list holds something that is no object")
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


def unlisted_pieces(record: Mapping[str, Any], space: str) -> list[Piece]:
    """
    The words of a segment that has a text but lists none: they share its times evenly.

    Args:
        record: the segment.
        space: what the words of other segments begin with.

    Raises:
        ValueError, TypeError, OverflowError: its times are no finite numbers.
    """
    text = record.get("text")
    words = text.split() if isinstance(text, str) else []
    start, end = read_times(record)
    if start is None or end is None:
        return [Piece(space + word, None, None, None, read_speaker(record)) for word in words]
    step = (end - start) / max(len(words), 1)
    return [
        Piece(space + word, start + n * step, start + (n + 1) * step, None, read_speaker(record), "estimated")
        for n, word in enumerate(words)
    ]


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


def whole_words(pieces: Sequence[Piece]) -> list[Piece]:
    """Words out of tokens, where tokens are what is listed: a piece without a space continues the last."""
    spaced = sum(piece.text[0].isspace() for piece in pieces[1:])
    if spaced <= len(pieces[1:]) * SPACED_SHARE:
        return list(pieces)
    words: list[Piece] = []
    for piece in pieces:
        if words and not piece.text[0].isspace() and not _WITHOUT_SPACES.match(piece.text):
            words[-1] = _join(words[-1], piece)
        else:
            words.append(piece)
    return words


def _join(word: Piece, piece: Piece) -> Piece:
    doubts = [sure for sure in (word.confidence, piece.confidence) if sure is not None]
    return replace(
        word,
        text=word.text + piece.text,
        start=piece.start if word.start is None else word.start,
        end=word.end if piece.end is None else piece.end,
        confidence=min(doubts, default=None),
    )


def timed(pieces: Sequence[Piece], seconds: float) -> list[Word]:
    """Words within the chunk; those without times share what lies between their neighbours."""
    if all(piece.start is None for piece in pieces):
        return []
    rows = [(known, list(row)) for known, row in groupby(pieces, key=lambda piece: piece.start is not None)]
    words: list[Word] = []
    for number, (known, row) in enumerate(rows):
        if known:
            words += [_word(piece, piece.start or 0.0, piece.end or 0.0, seconds) for piece in row]
            continue
        first = words[-1].end if words else 0.0
        end = rows[number + 1][1][0].start or 0.0 if number + 1 < len(rows) else seconds
        step = max(end - first, 0.0) / len(row)
        words += [
            replace(_word(piece, first + i * step, first + (i + 1) * step, seconds), timing="estimated")
            for i, piece in enumerate(row)
        ]
    return words


def _word(piece: Piece, start: float, end: float, seconds: float) -> Word:
    start, end = within(start, end, seconds)
    return Word(piece.text.strip(), start, end, piece.confidence, piece.timing, piece.speaker)


def within(start: float, end: float, seconds: float) -> tuple[float, float]:
    """Times inside the chunk: Whisper thinks in windows of 30 s and may end a word behind the last sample."""
    start = min(max(start, 0.0), max(seconds - SHORTEST_S, 0.0))
    return start, min(max(end, start + SHORTEST_S), seconds)
