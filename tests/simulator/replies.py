"""What was heard, in every format of the API."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.simulator.ears import Heard
from tests.simulator.order import Order

Json = dict[str, Any]

_SEGMENT_PAUSE_SECONDS = 0.6
_LANGUAGES = {"en": "english", "de": "german", "es": "spanish", "fr": "french", "ja": "japanese"}
_AUDIO_TOKENS_PER_SECOND = 10
_TOKENS_PER_WORD = 3
_LOGPROB = -0.1

WORDS_A_TURN = 8
"""How many words in a row one of the two speakers says."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A body and its content type."""

    content_type: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Hearing:
    """The words heard in a recording of so many seconds."""

    seconds: float
    words: tuple[Heard, ...]

    @property
    def text(self) -> str:
        """All words, joined by blanks."""
        return " ".join(word.text for word in self.words)

    def phrases(self, *, by_voice: bool = False) -> list[tuple[Heard, ...]]:
        """The words in groups, parted where nobody speaks for more than 0.6 s, or by voices too."""
        pairs = list(zip(self.words, self.words[1:], strict=False))
        borders = [
            0,
            *(
                i + 1
                for i, (a, b) in enumerate(pairs)
                if b.start - a.end > _SEGMENT_PAUSE_SECONDS
                or (by_voice and _voice(a.number) != _voice(b.number))
            ),
        ]
        ends = [*borders[1:], len(self.words)]
        return [self.words[a:b] for a, b in zip(borders, ends, strict=True) if b > a]


def _voice(number: int | None) -> int:
    """Who says a word: two people take turns of eight words; what is garbled the first one said."""
    return 0 if number is None else number // WORDS_A_TURN % 2


def reply(order: Order, hearing: Hearing) -> Reply:
    """Answer an order."""
    if order.stream:
        return Reply("text/event-stream", "".join(_events(order, hearing)).encode())
    match order.response_format:
        case "text":
            return Reply("text/plain", f"{hearing.text}\n".encode())
        case "srt":
            return Reply("text/plain", _srt(hearing).encode())
        case "vtt":
            return Reply("text/plain", _vtt(hearing).encode())
        case "verbose_json":
            return _json(_verbose(order, hearing))
        case "diarized_json":
            return _json(_diarized(order, hearing))
        case _:
            return _json(_plain(order, hearing))


def _json(record: Json) -> Reply:
    return Reply("application/json", json.dumps(record).encode())


def _seconds(value: float) -> float:
    # The API's times are 32-bit floats written out in full: 7.400000095367432.
    return float(np.float32(value))


def _verbose(order: Order, hearing: Hearing) -> Json:
    record: Json = {
        "task": "transcribe",
        "language": _LANGUAGES.get(order.language or "en", order.language),
        "duration": _seconds(hearing.seconds),
        "text": hearing.text,
    }
    if order.words:
        record["words"] = [
            {"word": word.text, "start": _seconds(word.start), "end": _seconds(word.end)}
            for word in hearing.words
        ]
    if order.segments:
        record["segments"] = [
            _segment(number, words, order.temperature) for number, words in enumerate(hearing.phrases())
        ]
    return record | {"usage": _usage(order, hearing)}


def _segment(number: int, words: tuple[Heard, ...], temperature: float) -> Json:
    return {
        "id": number,
        "seek": 0,
        "start": _seconds(words[0].start),
        "end": _seconds(words[-1].end),
        "text": " " + " ".join(word.text for word in words),
        "tokens": [50364, *(word.number or 0 for word in words)],
        "temperature": temperature,
        "avg_logprob": _LOGPROB,
        "compression_ratio": 1.25,
        "no_speech_prob": 0.01,
    }


def _plain(order: Order, hearing: Hearing) -> Json:
    record: Json = {"text": hearing.text}
    if order.model == "gpt-transcribe":
        record["languages"] = [{"code": order.language or "en"}] if hearing.words else []
    if order.logprobs:
        record["logprobs"] = [_logprob(word) for word in hearing.words]
    return record | {"usage": _usage(order, hearing)}


def _logprob(word: Heard) -> Json:
    return {"token": word.text, "logprob": _LOGPROB, "bytes": list(word.text.encode())}


def _diarized(order: Order, hearing: Hearing) -> Json:
    return {
        "task": "transcribe",
        "duration": _seconds(hearing.seconds),
        "text": hearing.text,
        "segments": _speeches(order, hearing),
        "usage": _usage(order, hearing),
    }


def _speeches(order: Order, hearing: Hearing) -> list[Json]:
    """Segments with speakers, who are named in the order in which this request hears them."""
    phrases = hearing.phrases(by_voice=True)
    voices = list(dict.fromkeys(_voice(words[0].number) for words in phrases))
    names = [*order.speakers, *"AB"[len(order.speakers) :]]
    return [
        {
            "type": "transcript.text.segment",
            "id": f"seg_{number:03d}",
            "start": _seconds(words[0].start),
            "end": _seconds(words[-1].end),
            "text": " " + " ".join(word.text for word in words),
            "speaker": names[voices.index(_voice(words[0].number))],
        }
        for number, words in enumerate(phrases)
    ]


def _usage(order: Order, hearing: Hearing) -> Json:
    if order.rules.billed == "duration":
        return {"type": "duration", "seconds": math.ceil(hearing.seconds)}
    audio = round(hearing.seconds * _AUDIO_TOKENS_PER_SECOND)
    text = len(order.prompt.split())
    output = len(hearing.words) * _TOKENS_PER_WORD
    return {
        "type": "tokens",
        "input_tokens": audio + text,
        "input_token_details": {"text_tokens": text, "audio_tokens": audio},
        "output_tokens": output,
        "total_tokens": audio + text + output,
    }


def _events(order: Order, hearing: Hearing) -> Iterator[str]:
    """Server-sent events: each word as it is understood, speeches when diarized, at last the whole."""
    for number, word in enumerate(hearing.words):
        delta = f" {word.text}" if number else word.text
        yield _event({"type": "transcript.text.delta", "delta": delta})
    if order.response_format == "diarized_json":
        yield from map(_event, _speeches(order, hearing))
    yield _event({"type": "transcript.text.done"} | _plain(order, hearing))


def _event(record: Json) -> str:
    return f"data: {json.dumps(record)}\n\n"


def _srt(hearing: Hearing) -> str:
    return "".join(
        f"{number}\n{_clock(words[0].start, ',')} --> {_clock(words[-1].end, ',')}\n"
        f"{' '.join(word.text for word in words)}\n\n"
        for number, words in enumerate(hearing.phrases(), start=1)
    )


def _vtt(hearing: Hearing) -> str:
    return "WEBVTT\n\n" + "".join(
        f"{_clock(words[0].start, '.')} --> {_clock(words[-1].end, '.')}\n"
        f"{' '.join(word.text for word in words)}\n\n"
        for words in hearing.phrases()
    )


def _clock(seconds: float, point: str) -> str:
    whole, ms = divmod(round(seconds * 1000), 1000)
    return f"{whole // 3600:02d}:{whole // 60 % 60:02d}:{whole % 60:02d}{point}{ms:03d}"
