"""
Read what transcription servers answer, in every shape that is known.

OpenAI lists words beside the text; faster-whisper's servers and whisper.cpp put them into the segments, the
latter as tokens; whisperX leaves out times that it could not find, and where it found none all words of a
segment; vLLM writes numbers as strings; LocalAI counts nanoseconds. Where a server gives less than was asked
for, what it gives is taken.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from audio_tools.engines.languages import language_code
from audio_tools.engines.openai.errors import shorten
from audio_tools.engines.openai.models import Model, count_tokens
from audio_tools.engines.openai.response_words import (
    read_figure,
    read_pieces,
    read_records,
    read_speaker,
    read_times,
    unlisted_piece,
    within,
)
from audio_tools.errors import BadEngineReply
from audio_tools.transcript import Reply, Segment, Word
from audio_tools.words.order import TimedUnit, to_words
from audio_tools.words.pieces import Piece, join_pieces, text_of
from audio_tools.words.script import fold_letters, join_words

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def read_reply(body: str, seconds: float, rules: Model) -> Reply:
    """
    Read an answer.

    Args:
        body: what the server sent.
        seconds: length of the chunk.
        rules: of the model that was asked; they price what the answer counts.

    Returns:
        Words and segments sorted, each of some length and within the chunk; empty where none were given.

    Raises:
        BadEngineReply: it is no transcription.
    """
    try:
        answer = json.loads(body.removeprefix("\ufeff"), object_hook=_with_whole_texts)
        reply = _read(answer, seconds)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise BadEngineReply(f"The reply is not a transcription ({shorten(body)}): {error}.") from error
    usage = answer.get("usage")
    return replace(reply, cost_usd=rules.cost_usd(usage), tokens=count_tokens(usage))


def _with_whole_texts(record: dict[str, Any]) -> dict[str, Any]:
    """An object whose texts can be written down: JSON may escape one half of a character, UTF-8 has none."""
    return {
        name: _LONE_SURROGATE.sub("\ufffd", value) if isinstance(value, str) else value
        for name, value in record.items()
    }


def _read(answer: Any, seconds: float) -> Reply:
    if not isinstance(answer, Mapping):
        raise TypeError("it is not an object")
    records = read_records(answer.get("segments"))
    nested = [read_pieces(record.get("words"), read_speaker(record)) for record in records]
    if listed := [inside for inside in nested if inside]:
        space = " " if any(inside[0].text[0].isspace() for inside in listed) else ""
        nested = [
            inside or unlisted_piece(record, space) for inside, record in zip(nested, records, strict=True)
        ]
    pieces = read_pieces(answer.get("words")) or [piece for inside in nested for piece in inside]
    text = _text(answer, records)
    turns = _in_turn(pieces)
    if text is None or (answer.get("text") is None and turns != pieces):
        pieces, text = turns, text_of(turns)
    segments = _segments(records, nested, text, seconds)
    return Reply(
        text=text,
        words=tuple(_with_speakers(join_pieces(pieces, text, seconds), segments)),
        segments=tuple(segments),
        language=_language(answer),
    )


def _in_turn(pieces: list[Piece]) -> list[Piece]:
    """Pieces of several speakers, each of whom has segments of their own, as they follow one another."""
    if len({piece.speaker for piece in pieces}) < 2 or any(piece.start is None for piece in pieces):
        return pieces
    return sorted(pieces, key=lambda piece: piece.start or 0.0)


def _segments(
    records: Sequence[Mapping[str, Any]], nested: Sequence[Sequence[Piece]], text: str, seconds: float
) -> list[Segment]:
    """
    The segments, in the order of the text; none at all if one has no times, for they would be incomplete.

    Where the text does not show their order, they are sorted by their start.
    """
    found = [_segment(record, pieces, seconds) for record, pieces in zip(records, nested, strict=True)]
    if None in found:
        return []
    segments = [segment for segment in found if segment and segment.text]
    by_start = sorted(segments, key=lambda each: each.start)
    if by_start == segments or fold_letters("".join(each.text for each in segments)) != fold_letters(text):
        return by_start
    times = to_words([TimedUnit(each.text, each.start, each.end) for each in segments], seconds)
    return [replace(each, start=t.start, end=t.end) for each, t in zip(segments, times, strict=True)]


def _segment(record: Mapping[str, Any], pieces: Sequence[Piece], seconds: float) -> Segment | None:
    """A segment, by the times of its words if it has none itself; None without times but not without text."""
    times = [*read_times(record), *(time for piece in pieces for time in (piece.start, piece.end))]
    known = [time for time in times[:2] if time is not None] or [time for time in times if time is not None]
    text = _string(record) or text_of(pieces)
    if text and not known:
        return None
    start, end = within(min(known, default=0.0), max(known, default=0.0), seconds)
    return Segment(
        id=0,
        start=start,
        end=end,
        text=text,
        speaker=read_speaker(record),
        avg_logprob=read_figure(record.get("avg_logprob")),
        compression_ratio=read_figure(record.get("compression_ratio")),
        no_speech_prob=read_figure(record.get("no_speech_prob")),
    )


def _text(answer: Mapping[str, Any], records: Sequence[Mapping[str, Any]]) -> str | None:
    """
    All that was said; None if it is listed only as words.

    Where the segments say more than the text, they are the text.
    """
    text = answer.get("text")
    if not isinstance(text, str) and text is not None:
        raise TypeError("its text is not a string")
    if text is None and answer.get("segments") is None and answer.get("words") is None:
        raise TypeError("it has no text")
    parts = [said for record in records if (said := _string(record))]
    told = join_words(parts)
    if text is not None and len(fold_letters(told)) <= len(fold_letters(text)):
        return text.strip()
    listed = any(record.get("words") for record in records) or answer.get("words")
    return told if not listed or (parts and len(parts) == len(records)) else None


def _string(record: Mapping[str, Any]) -> str:
    text = record.get("text")
    return text.strip() if isinstance(text, str) else ""


def _language(answer: Mapping[str, Any]) -> str | None:
    """gpt-transcribe lists languages, the likeliest first; all others name one."""
    listed = answer.get("languages")
    if isinstance(listed, list) and listed and isinstance(listed[0], Mapping):
        return language_code(listed[0].get("code"))
    return language_code(answer.get("language"))


def _with_speakers(words: Sequence[Word], segments: Sequence[Segment]) -> list[Word]:
    """Words that name no speaker get that of the segment in which they lie."""
    starts = [segment.start for segment in segments]

    def speaker(word: Word) -> str | None:
        position = bisect_right(starts, word.middle) - 1
        return segments[position].speaker if position >= 0 else None

    return [word if word.speaker else replace(word, speaker=speaker(word)) for word in words]
