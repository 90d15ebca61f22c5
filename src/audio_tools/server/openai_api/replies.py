"""A transcript in the response formats of OpenAI's API."""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping

from starlette.responses import PlainTextResponse, Response

from audio_tools.exports.export import Export
from audio_tools.exports.registry import render
from audio_tools.server.error_responses import LenientJson
from audio_tools.server.openai_api.deltas import whole_text
from audio_tools.server.openai_api.fields import Call
from audio_tools.transcript import Json, Segment, Transcript
from audio_tools.words.script import UNSPACED

FRAMES_PER_S = 100
"""Whisper counts `seek` in frames of 10 ms."""
NO_SPEAKER = "unknown"


def reply(call: Call, transcript: Transcript, file_name: str, languages: Mapping[str, str]) -> Response:
    """
    The response to a call that is not streamed; `languages` has the names of languages by code.

    Slow for long transcripts; call it in a thread.
    """
    match call.response_format:
        case "text":
            return PlainTextResponse(_encodable(whole_text(transcript)) + "\n")
        case "srt" | "vtt":
            (document,) = render(call.response_format, Export(transcript, file_name))
            return PlainTextResponse(document.data)
        case "verbose_json":
            return LenientJson(_verbose(call, transcript, languages))
        case "diarized_json":
            return LenientJson(_diarized(call, transcript))
    return LenientJson(
        {"text": whole_text(transcript), "usage": _usage(transcript)} | notes(call, transcript)
    )


def speaker_segments(transcript: Transcript) -> list[Json]:
    """The segments of a transcript with speakers, as events or as part of a reply."""
    return [
        {
            "type": "transcript.text.segment",
            "id": f"seg_{segment.id}",
            "start": round(segment.start, 4),
            "end": round(segment.end, 4),
            "text": segment.text,
            "speaker": segment.speaker or NO_SPEAKER,
        }
        for segment in transcript.segments
    ]


def notes(call: Call, transcript: Transcript) -> Json:
    """`warnings`, if something is missing, was ignored or needs attention: a field of this service."""
    failed = [
        f"{chunk.start:.1f} to {chunk.end:.1f} s could not be transcribed: {chunk.message}"
        for chunk in transcript.failed_chunks
    ]
    warnings = [*call.ignored, *failed, *transcript.warnings]
    return {"warnings": warnings} if warnings else {}


def _verbose(call: Call, transcript: Transcript, languages: Mapping[str, str]) -> Json:
    task = call.options.task
    record: Json = {
        "task": task,
        "language": languages.get(transcript.language or "", transcript.language or "unknown"),
        "duration": round(transcript.duration, 4),
        "text": whole_text(transcript),
    }
    if "word" in call.granularities:
        record["words"] = [
            {"word": word.word, "start": round(word.start, 4), "end": round(word.end, 4)}
            for word in transcript.words
        ]
    if "segment" in call.granularities:
        record["segments"] = [_segment(segment) for segment in transcript.segments]
    return record | {"usage": _usage(transcript)} | notes(call, transcript)


def _segment(segment: Segment) -> Json:
    """A segment with every field that OpenAI's has; what the engine does not report is neutral."""
    return {
        "id": segment.id,
        "seek": int(segment.start * FRAMES_PER_S),
        "start": round(segment.start, 4),
        "end": round(segment.end, 4),
        # Clients join these texts without spaces.
        "text": segment.text if UNSPACED.match(segment.text) else f" {segment.text}",
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": segment.avg_logprob or 0.0,
        "compression_ratio": segment.compression_ratio or _compression_ratio(segment.text),
        "no_speech_prob": segment.no_speech_prob or 0.0,
    }


def _compression_ratio(text: str) -> float:
    data = text.encode(errors="replace")
    return round(len(data) / len(zlib.compress(data)), 4)


def _diarized(call: Call, transcript: Transcript) -> Json:
    return {
        "task": "transcribe",
        "duration": round(transcript.duration, 4),
        "text": whole_text(transcript),
        "segments": speaker_segments(transcript),
        "usage": _usage(transcript),
    } | notes(call, transcript)


def _usage(transcript: Transcript) -> Json:
    return {"type": "duration", "seconds": math.ceil(transcript.duration)}


def _encodable(text: str) -> str:
    return text.encode(errors="replace").decode()
