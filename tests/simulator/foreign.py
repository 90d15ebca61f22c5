"""
Servers that speak the API with an accent: what they refuse, and the shapes in which they list words.

`groq` and `vllm` take not all forms of the question (groq-python #114; vLLM before PR #24209); `whisper.cpp`
lists tokens in its segments and no words beside them; `whisperx` has no text and leaves out the times of
numbers, here of every third word; `localai` counts nanoseconds (LocalAI #5327).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Literal, get_args

from tests.simulator.ears import Heard
from tests.simulator.errors import ApiError
from tests.simulator.order import Order
from tests.simulator.replies import Hearing, Reply

Dialect = Literal["groq", "vllm", "whisper.cpp", "whisperx", "localai"]
DIALECTS: tuple[Dialect, ...] = get_args(Dialect)

Json = dict[str, Any]


def refuse(dialect: Dialect, order: Order) -> None:
    """
    See whether a server takes the form of the question.

    Raises:
        ApiError: it does not.
    """
    if dialect == "groq" and order.words:
        raise ApiError(400, "`timestamp_granularities[]` not supported by this model")
    if dialect == "vllm" and order.response_format == "verbose_json":
        raise ApiError(400, "Currently only support response_format `text` or `json`", type="BadRequestError")


def foreign_reply(dialect: Dialect, order: Order, hearing: Hearing) -> Reply:
    """Answer an order, as far as the server goes."""
    record: Json = {"text": hearing.text}
    if order.response_format == "verbose_json":
        record = _VERBOSE[dialect](hearing)
    return Reply("application/json", json.dumps(record).encode())


def _groq(hearing: Hearing) -> Json:
    segments = [_times(words) | {"text": _text(words), "tokens": []} for words in hearing.phrases()]
    return {
        "text": f" {hearing.text}",
        "language": "English",
        "duration": hearing.seconds,
        "segments": segments,
    }


def _whisper_cpp(hearing: Hearing) -> Json:
    """Each word is two tokens; a last token without text is not worth a word."""
    return {
        "task": "transcribe",
        "language": "english",
        "text": "\n".join(_text(words) for words in hearing.phrases()),
        "segments": [
            _times(words)
            | {
                "id": number,
                "text": _text(words),
                "words": [*_tokens(words), {"word": "", "start": 0, "end": 0}],
            }
            for number, words in enumerate(hearing.phrases())
        ],
    }


def _tokens(words: tuple[Heard, ...]) -> list[Json]:
    """The tokens of words, with a space before those that begin one."""
    tokens = []
    for word in words:
        middle = (word.start + word.end) / 2
        head, tail = f" {word.text[:3]}", word.text[3:]
        tokens.append({"word": head, "start": word.start, "end": middle, "probability": 0.9, "t_dtw": -1})
        tokens.append({"word": tail, "start": middle, "end": word.end, "probability": 0.6, "t_dtw": -1})
    return tokens


def _whisperx(hearing: Hearing) -> Json:
    def listed(number: int, word: Heard) -> Json:
        if number % 3 == 1:
            return {"word": word.text}
        return {"word": word.text, "start": str(word.start), "end": str(word.end), "score": 0.8}

    return {
        "language": "en",
        "segments": [
            {"text": _text(words), "words": [None, *(listed(i, word) for i, word in enumerate(words))]}
            for words in hearing.phrases()
        ],
    }


def _localai(hearing: Hearing) -> Json:
    segments = [
        {name: round(time * 1e9) for name, time in _times(words).items()}
        | {"text": _text(words), "words": None}
        for words in hearing.phrases()
    ]
    return {"text": hearing.text, "segments": segments, "words": None}


_VERBOSE: dict[Dialect, Callable[[Hearing], Json]] = {
    "groq": _groq,
    "whisper.cpp": _whisper_cpp,
    "whisperx": _whisperx,
    "localai": _localai,
}


def _text(words: tuple[Heard, ...]) -> str:
    return "".join(f" {word.text}" for word in words)


def _times(words: tuple[Heard, ...]) -> Json:
    return {"start": words[0].start, "end": words[-1].end}
