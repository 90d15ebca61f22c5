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
    Piece,
    read_figure,
    read_pieces,
    read_records,
    read_speaker,
    read_times,
    timed,
    unlisted_pieces,
    whole_words,
    within,
)
from audio_tools.errors import BadEngineReply
from audio_tools.transcript import Reply, Segment, Word

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
        raise BadEngineReply(f"The answer is not a transcription ({shorten(body)}): {error}.") from error
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
        raise TypeError("it is no object")
    records = read_records(answer.get("segments"))
    nested = [read_pieces(record.get("words"), read_speaker(record)) for record in records]
    if listed := [inside for inside in nested if inside]:
        space = " " if any(inside[0].text[0].isspace() for inside in listed) else ""
        nested = [
            inside or unlisted_pieces(record, space) for inside, record in zip(nested, records, strict=True)
        ]
    segments = _segments(records, nested, seconds)
    pieces = whole_words(read_pieces(answer.get("words")) or [piece for inside in nested for piece in inside])
    words = sorted(timed(pieces, seconds), key=lambda word: word.start)
    return Reply(
        text=_text(answer, records, pieces),
        words=tuple(_with_speakers(words, segments)),
        segments=tuple(segments),
        language=_language(answer),
    )


def _segments(
    records: Sequence[Mapping[str, Any]], nested: Sequence[Sequence[Piece]], seconds: float
) -> list[Segment]:
    """The segments in order; none at all if one has no times: they would be only part of what was said."""
    found = [_segment(record, pieces, seconds) for record, pieces in zip(records, nested, strict=True)]
    if None in found:
        return []
    return sorted((segment for segment in found if segment and segment.text), key=lambda each: each.start)


def _segment(record: Mapping[str, Any], pieces: Sequence[Piece], seconds: float) -> Segment | None:
    """A segment, by the times of its words if it has none itself; None without times but not without text."""
    times = [*read_times(record), *(time for piece in pieces for time in (piece.start, piece.end))]
    known = [time for time in times[:2] if time is not None] or [time for time in times if time is not None]
    text = _string(record) or " ".join(piece.text.strip() for piece in whole_words(pieces))
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


def _text(answer: Mapping[str, Any], records: Sequence[Mapping[str, Any]], pieces: Sequence[Piece]) -> str:
    """All that was said; a server that lists it only in parts has said it too."""
    text = answer.get("text")
    if isinstance(text, str):
        return text.strip()
    if text is not None or (answer.get("segments") is None and answer.get("words") is None):
        raise TypeError("it has no text")
    return " ".join(
        [said for record in records if (said := _string(record))] or [p.text.strip() for p in pieces]
    )


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
