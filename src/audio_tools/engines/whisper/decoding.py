"""Decode one window with a loaded Whisper model: encode once, then language, tokens and word times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from audio_tools.engines.whisper.windows import Window

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

BEAM_SIZE = 5
WITHOUT_LOOPS: dict[str, Any] = {"no_repeat_ngram_size": 3, "repetition_penalty": 1.1}
"""
Arguments of CTranslate2's `generate` for text that repeats itself: no three tokens may.

Without sampling: faster-whisper raises the temperature here, and CTranslate2 seeds its lots once a thread, so
that the same window would give other words each time (docs/decisions/0012-whisper.md).
"""
MARGIN_S = 2.0
"""Silence that is encoded after the samples of a window, so that the model recognizes their end."""
SHORTEST_ENCODED_S = 10.0
"""Of English. The model was trained on 30 s; less of it costs words in other languages."""
FIRST_TIME_WITHIN_S = 1.0
"""The first segment of a window begins within this many seconds, as in OpenAI's Whisper."""
TOKENS_PER_SECOND = 50
FRAMES_PER_SECOND = 100
MOST_TOKENS_PER_SECOND, MOST_TOKENS_BESIDE = 15, 24
"""Twice the maximum text of a full window; a loop in a short window ends here."""
MOST_CONTEXT_TOKENS = 223
"""Of the text before a window, and of a prompt with it: what the model was trained on."""
PREPENDED, APPENDED = "\"'“¿([{-", "\"'.。,，!！?？:：”)]}、"

Samples = NDArray[np.float32]


MOST_COMPRESSION = 2.4
"""Text that zlib compresses more than this repeats itself."""
LEAST_LOGPROB = -1.0
MOST_NO_SPEECH = 0.6
"""Text is dropped where it is less likely than `LEAST_LOGPROB` and silence is likelier than this."""
LONE_MARKS = ".,!?…-–—。，、！？ "
"""A separate piece of these characters only is not a word: a window in noise ends with `. . . .`."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """
    The tokens of one window and their confidence.

    `has_context`: whether they were decoded after the text before the window.
    """

    tokens: list[int]
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float
    has_context: bool = True

    @property
    def is_repetitive(self) -> bool:
        """Whether the text repeats itself like a loop."""
        return self.compression_ratio > MOST_COMPRESSION

    @property
    def is_plausible(self) -> bool:
        """Whether no other attempt is needed."""
        silent = self.no_speech_prob > MOST_NO_SPEECH
        return not self.is_repetitive and (self.avg_logprob >= LEAST_LOGPROB or silent)

    @property
    def is_silence(self) -> bool:
        """Whether the model itself considers the window silent."""
        return self.no_speech_prob > MOST_NO_SPEECH and self.avg_logprob <= LEAST_LOGPROB


class Context:
    """
    The text before a window, by its last tokens, times included: it keeps spelling and style, and sentences
    that a window alone loses.

    It is emptied by text that the model does not trust, and starts anew with text that was better without it:
    both would mislead the next windows.
    """

    def __init__(self, tokens: Sequence[int] = ()) -> None:
        self.tokens = tuple(tokens)

    def add(self, decoded: Decoded) -> None:
        """Take in the text of the next window."""
        trusted = decoded.is_plausible and decoded.no_speech_prob <= MOST_NO_SPEECH
        before = self.tokens if decoded.has_context else ()
        self.tokens = (*before, *decoded.tokens)[-MOST_CONTEXT_TOKENS:] if trusted else ()


@dataclass(frozen=True, slots=True)
class TimedPiece:
    """A word or a part of one with the space before it; times in seconds, probability in 0..1."""

    text: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True, slots=True)
class TextSegment:
    """
    A sentence or phrase, in seconds of its window.

    `closed`: whether the model gave it an end; `decoded` is the whole window that it comes from. `language`:
    ISO 639-1, only where the language may change within a chunk.
    """

    pieces: tuple[TimedPiece, ...]
    start: float
    end: float
    closed: bool
    decoded: Decoded
    language: str | None = None

    @property
    def text(self) -> str:
        """The pieces with the spaces between them."""
        return "".join(piece.text for piece in self.pieces)

    def shifted(self, seconds: float) -> TextSegment:
        """Return the same segment, `seconds` later."""
        pieces = tuple(replace(p, start=p.start + seconds, end=p.end + seconds) for p in self.pieces)
        return replace(self, pieces=pieces, start=self.start + seconds, end=self.end + seconds)

    def placed(self, window: Window) -> TextSegment:
        """Return the segment in seconds of the chunk that the window was packed from."""
        times = [window.to_chunk(piece.start, piece.end) for piece in self.pieces]
        pieces = tuple(replace(p, start=at[0], end=at[1]) for p, at in zip(self.pieces, times, strict=True))
        return replace(self, pieces=pieces, start=pieces[0].start, end=pieces[-1].end)


class WindowDecoder:
    """
    One window of at most 30 s; the encoder runs once, when it is first needed.

    Args:
        model: serves many decoders at once, in threads.
        samples: mono, 16 kHz, in [-1, 1].
        shorten: encode no more silence behind the samples than English needs, which takes less time.
    """

    def __init__(self, model: WhisperModel, samples: Samples, *, shorten: bool = False) -> None:
        from faster_whisper.audio import pad_or_trim

        self._model = model
        features = model.feature_extractor(samples, padding=160)
        longest = model.feature_extractor.nb_max_frames
        self._frames: int = min(features.shape[-1] - 1, longest)
        encoded = longest
        if shorten:
            seconds = max(self._frames / FRAMES_PER_SECOND + MARGIN_S, SHORTEST_ENCODED_S)
            encoded = min(round(seconds * FRAMES_PER_SECOND) // 2 * 2, longest)  # the encoder halves it
        self._features = pad_or_trim(features[:, : self._frames], encoded)

    @cached_property
    def _encoded(self) -> Any:
        return self._model.encode(self._features)

    def detect_language(self) -> tuple[str, float]:
        """
        Return the most likely language, ISO-639-1, and its probability; a monolingual model has only one.
        """
        if not self._model.model.is_multilingual:
            return "en", 1.0
        token, probability = self._model.model.detect_language(self._encoded)[0][0]
        return token.strip("<|>"), float(probability)

    def _decode(self, tokenizer: Any, prompts: Sequence[list[int]]) -> Decoded:
        """
        Return the first plausible text after one of the prompts, else the most likely without a loop.

        The text before a window may mislead the model into repeating it, so a prompt without it follows.
        """
        tried: list[Decoded] = []
        for number, tokens in enumerate(prompts):
            tried.append(replace(self._attempt(tokenizer, tokens), has_context=number == 0))
            if tried[-1].is_plausible:
                return tried[-1]
        if all(decoded.is_repetitive for decoded in tried):
            last = self._attempt(tokenizer, prompts[-1], **WITHOUT_LOOPS)
            tried.append(replace(last, has_context=len(prompts) == 1))
        sound = [decoded for decoded in tried if not decoded.is_repetitive]
        return max(sound or tried, key=lambda decoded: decoded.avg_logprob)

    def _attempt(self, tokenizer: Any, prompt: list[int], **extra: Any) -> Decoded:
        from faster_whisper.transcribe import get_compression_ratio, get_suppressed_tokens

        (result,) = self._model.model.generate(
            self._encoded,
            [prompt],
            max_length=self._longest(len(prompt)),
            return_scores=True,
            return_no_speech_prob=True,
            suppress_tokens=get_suppressed_tokens(tokenizer, [-1]),
            max_initial_timestamp_index=round(FIRST_TIME_WITHIN_S * TOKENS_PER_SECOND),
            beam_size=BEAM_SIZE,
            **extra,
        )
        tokens = result.sequences_ids[0]
        text = tokenizer.decode(tokens).strip()
        return Decoded(
            tokens,
            # The score is the mean of the tokens without the one that ends them.
            avg_logprob=float(result.scores[0]) * len(tokens) / (len(tokens) + 1),
            no_speech_prob=float(result.no_speech_prob),
            compression_ratio=get_compression_ratio(text) if text else 0.0,
        )

    def _longest(self, prompt_tokens: int) -> int:
        """Return CTranslate2's `max_length`, of which the text may take half, for text of this length."""
        seconds = self._frames / FRAMES_PER_SECOND
        tokens = round(MOST_TOKENS_BESIDE + MOST_TOKENS_PER_SECOND * seconds)
        return min(max(2 * tokens, tokens + prompt_tokens), int(self._model.max_length))

    def segments(self, tokenizer: Any, prompt: str | None, context: Sequence[int] = ()) -> list[TextSegment]:
        """
        Transcribe the window.

        Args:
            tokenizer: knows the language.
            prompt: words and style to expect.
            context: see `Context`.

        Returns:
            The segments in order; none if the model takes the window for silence.
        """
        seconds = self._frames / FRAMES_PER_SECOND
        left = MOST_CONTEXT_TOKENS - (len(tokenizer.encode(" " + prompt.strip())) if prompt else 0)
        before = list(context)[-left:] if left > 0 else []
        contexts = [before, []] if before else [[]]
        prompts = [self._model.get_prompt(tokenizer, tokens, hotwords=prompt) for tokens in contexts]
        decoded = self._decode(tokenizer, prompts)
        split = split_segments(decoded.tokens, tokenizer.timestamp_begin, seconds)
        if decoded.is_silence or not split:
            return []
        # faster-whisper writes the words into what it is given.
        records: list[dict[str, Any]] = [
            {"seek": 0, "start": s.start, "end": s.end, "tokens": s.tokens} for s in split
        ]
        self._model.add_word_timestamps(
            [records], tokenizer, self._encoded, self._frames, PREPENDED, APPENDED, 0.0
        )
        return [
            TextSegment(pieces, segment.start, segment.end, segment.closed, decoded)
            for segment, record in zip(split, records, strict=True)
            if (pieces := tuple(_read_pieces(record["words"])))
        ]


def _read_pieces(words: Iterable[dict[str, Any]]) -> Iterator[TimedPiece]:
    for word in words:
        if word["word"].strip(LONE_MARKS) or not word["word"][:1].isspace():
            probability = min(max(float(word["probability"]), 0.0), 1.0)
            yield TimedPiece(word["word"], float(word["start"]), float(word["end"]), probability)


@dataclass(frozen=True, slots=True)
class TokenSegment:
    """Tokens of text between two times, in seconds of the window; not `closed` if the second is missing."""

    start: float
    end: float
    tokens: list[int]
    closed: bool = True


def split_segments(tokens: Sequence[int], first_time_token: int, seconds: float) -> list[TokenSegment]:
    """
    Split the tokens of a window at its times; the last segment may lack an end of its own.

    Args:
        tokens: those from `first_time_token` on are times, 0.02 s apart.
        first_time_token: the token of 0.0 s.
        seconds: length of the window.
    """
    segments: list[TokenSegment] = []
    start, text = 0.0, list[int]()
    for token in tokens:
        if token < first_time_token:
            text.append(token)
            continue
        second = (token - first_time_token) / TOKENS_PER_SECOND
        if text:
            segments.append(TokenSegment(start, second, text))
            text = []
        start = second
    if text:
        segments.append(TokenSegment(start, seconds, text, closed=False))
    return segments
