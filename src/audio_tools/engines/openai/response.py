"""
Parse the replies of transcription servers, in every known format.

OpenAI lists words beside the text; faster-whisper servers and whisper.cpp put them into the segments, the
latter as tokens; whisperX omits times that it could not find, and all words of a segment if it found none;
vLLM writes numbers as strings; LocalAI uses nanoseconds. A reply with less detail than requested is accepted.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from audio_tools.engines.languages import language_code
from audio_tools.engines.openai.errors import WRONG_ADDRESS_HINT, shorten
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
_TOKEN = re.compile(r"<\|[^|<>]{1,30}\|>")
"""Control tokens that some servers leave in the text (Whisper, SenseVoice)."""


def read_reply(body: str, seconds: float, rules: Model) -> Reply:
    """
    Parse a reply.

    Args:
        body: body of the response.
        seconds: length of the chunk.
        rules: rules of the requested model, for its prices.

    Returns:
        Sorted words and segments of positive length within the chunk; empty if the reply has none.

    Raises:
        BadEngineReply: the reply is not a transcription.
    """
    try:
        answer = json.loads(body.removeprefix("\ufeff"), object_hook=_with_plain_texts, strict=False)
        reply = _read(answer, seconds)
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        is_page = not body.strip() or body.lstrip().startswith("<")
        raise BadEngineReply(
            f"The reply is not a transcription ({shorten(body) or 'it is empty'}): {error}.",
            hint=WRONG_ADDRESS_HINT if is_page else "",
        ) from error
    usage = answer.get("usage")
    return replace(reply, cost_usd=rules.cost_usd(usage), tokens=count_tokens(usage))


def _with_plain_texts(record: dict[str, Any]) -> dict[str, Any]:
    """Replace lone surrogates, which UTF-8 cannot encode; remove tokens of models, such as `<|en|>`."""
    return {
        name: _TOKEN.sub("", _LONE_SURROGATE.sub("\ufffd", value)) if isinstance(value, str) else value
        for name, value in record.items()
    }


def _read(answer: Any, seconds: float) -> Reply:
    if not isinstance(answer, Mapping):
        raise TypeError("it is not an object")
    answer = _with_plain_lists(answer)
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


def _with_plain_lists(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Unpack `segments: {segments: […], word_segments: […]}` (Nyralei/whisperx-api-server #4)."""
    inner = answer.get("segments")
    if not isinstance(inner, Mapping) or "segments" not in inner:
        return answer
    words = answer.get("words") or inner.get("word_segments")
    return {**answer, "segments": inner["segments"], "words": words}


def _in_turn(pieces: list[Piece]) -> list[Piece]:
    """Merge the segments of several speakers in order of time."""
    if len({piece.speaker for piece in pieces}) < 2 or any(piece.start is None for piece in pieces):
        return pieces
    return sorted(pieces, key=lambda piece: piece.start or 0.0)


def _segments(
    records: Sequence[Mapping[str, Any]], nested: Sequence[Sequence[Piece]], text: str, seconds: float
) -> list[Segment]:
    """
    Return the segments in the order of the text; none if any lacks times, since the list would be incomplete.

    If the text does not show their order, sort them by start.
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
    """Return a segment, timed by its words if it has no times; None if it has text but no times."""
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
    Return the full text; None if the reply lists only words.

    If the segments contain more than the text, use the segments.
    """
    text = answer.get("text")
    if not isinstance(text, str) and text is not None:
        raise TypeError("its text is not a string")
    nothing_listed = answer.get("segments") is None and answer.get("words") is None
    if text is None and nothing_listed:
        if "text" in answer:  # null: what some servers return for silence
            return ""
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
    """Return the language; gpt-transcribe lists several, the most likely first."""
    listed = answer.get("languages")
    if isinstance(listed, list) and listed and isinstance(listed[0], Mapping):
        return language_code(listed[0].get("code"))
    return language_code(answer.get("language"))


def _with_speakers(words: Sequence[Word], segments: Sequence[Segment]) -> list[Word]:
    """Assign the speaker of the enclosing segment to words without a speaker."""
    starts = [segment.start for segment in segments]

    def speaker(word: Word) -> str | None:
        position = bisect_right(starts, word.middle) - 1
        return segments[position].speaker if position >= 0 else None

    return [word if word.speaker else replace(word, speaker=speaker(word)) for word in words]
