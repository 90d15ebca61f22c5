"""A loaded Whisper model that transcribes chunks: it runs in the process of `process.py`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from audio_tools.audio.pauses import overlap
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.engines.base import Request
from audio_tools.engines.whisper.decoding import Context, Samples, TextSegment, WindowDecoder
from audio_tools.engines.whisper.mixed import split_by_language
from audio_tools.engines.whisper.windows import WINDOW_S, Window, pack_windows
from audio_tools.errors import ChunkRefused, EngineNotReady, OptionRefused
from audio_tools.media.encode import decode_encoded
from audio_tools.system.processes import core_count
from audio_tools.transcript import Interval, Reply, Segment
from audio_tools.words.pieces import Piece, join_pieces
from audio_tools.words.segments import follow_words

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

LATE_S = 0.06
"""
Whisper places words too early; all are shifted by this much (docs/decisions/0014-words-in-pauses.md).

A property of how it finds them, in the attention of its decoder, and not of a language.
"""
MOST_WORKERS = 4
"""Windows computed at once: each takes working memory of its own."""
SHORTEST_STEP_S = 1.0
"""Speech that is longer than a window is transcribed in steps of at least this length."""
MOST_RESTS = 3
"""How often a window is continued after its last sentence."""
LEAST_REST_S = 1.0
"""Less speech at the end of a window is not worth another step, since words end early by about this much."""


class Languages:
    """The language of one chunk: the one requested, else the one detected first, and what each window is."""

    def __init__(self, requested: str | None) -> None:
        self.used = requested
        self._probabilities = defaultdict[str, float](float)
        self._windows = 0

    def add(self, language: str, probability: float) -> None:
        """Take in what was detected in one window."""
        self.used = self.used or language
        self._probabilities[language] += probability
        self._windows += 1

    @property
    def detected(self) -> str | None:
        """The likeliest language of all windows."""
        return max(self._probabilities, key=self._probabilities.__getitem__, default=None)

    @property
    def probability(self) -> float | None:
        """The mean probability of `detected`."""
        return self._probabilities[self.detected] / self._windows if self.detected else None


class Whisper:
    """
    A model in memory. It transcribes up to `workers` chunks at once, each in a thread of the caller.

    Args:
        folder: see `weights.find_weights`.
        device: `cpu`, `cuda`, or `auto` for a graphics card if there is one.
        compute_type: the arithmetic by CTranslate2's names; `auto` for the fastest that the device has, on a
            CPU 8-bit integers.

    Raises:
        EngineNotReady: the device or its arithmetic is missing, or faster-whisper cannot load the model.
    """

    def __init__(self, folder: Path, device: str = "auto", compute_type: str = "auto") -> None:
        from faster_whisper import WhisperModel

        device = _choose_device(device)
        _require_arithmetic(device, compute_type)
        self.workers = cpu_workers() if device == "cpu" else 1
        try:
            self._model: WhisperModel = WhisperModel(
                str(folder),
                device=device,
                compute_type=compute_type,
                # Of one job, one window at a time: the text of each is the context of the next.
                cpu_threads=cpu_workers(),
                num_workers=self.workers,
                local_files_only=True,
            )
            self.compute_type = str(self._model.model.compute_type)
        except (RuntimeError, ValueError, OSError) as error:
            raise EngineNotReady(
                f"The Whisper model in {folder} cannot be loaded: {error}",
                hint="Delete the folder so that it is downloaded again, or set WHISPER_MODEL to another "
                "model.",
            ) from error

    def transcribe(self, request: Request) -> Reply:
        """
        Transcribe one chunk.

        Raises:
            ChunkRefused: it is not audio. OptionRefused: the model does not know the language.
        """
        self._require_language(request.language)
        try:
            pcm = decode_encoded(request.audio)
        except ValueError as error:
            raise ChunkRefused(f"The chunk cannot be decoded: {error}.") from error
        seconds = len(pcm) / SAMPLE_RATE_HZ
        if request.language is None and request.is_multilingual:
            return self._transcribe_languages(pcm, request)
        languages, context = Languages(request.language), Context(request.context)
        segments = self._hear(pcm, Interval(0.0, seconds), languages, context, request)
        return replace(read_reply(segments, languages, seconds), context=context.tokens)

    def _transcribe_languages(self, pcm: Pcm, request: Request) -> Reply:
        """Transcribe each stretch of a chunk in its own language; the reply has that of most segments."""
        seconds = len(pcm) / SAMPLE_RATE_HZ
        segments, found = list[TextSegment](), list[tuple[int, Languages]]()
        for stretch in self._stretches(pcm, request.speech):
            languages = Languages(None)
            heard = self._hear(pcm, stretch, languages, Context(), request)
            segments += [replace(segment, language=languages.used) for segment in heard]
            found.append((sum(len(segment.text) for segment in heard), languages))
        _, most = max(found, key=lambda each: each[0])
        return read_reply(segments, most, seconds)

    def _stretches(self, pcm: Pcm, speech: Sequence[Interval]) -> list[Interval]:
        """Return the stretches of a chunk that are in one language each."""

        def detect(stretch: Interval, *, shorten: bool) -> tuple[str, float]:
            samples = _to_float(Window((stretch,)).samples(pcm))
            return WindowDecoder(self._model, samples, shorten=shorten).detect_language()

        seconds = len(pcm) / SAMPLE_RATE_HZ
        return split_by_language(
            speech, seconds, partial(detect, shorten=True), partial(detect, shorten=False)
        )

    def _hear(
        self, pcm: Pcm, stretch: Interval, languages: Languages, context: Context, request: Request
    ) -> list[TextSegment]:
        """Transcribe a stretch of a chunk; the segments are in seconds of the chunk."""
        speech = overlap(request.speech, stretch)
        return [
            segment.placed(window)
            for window in pack_windows(speech, stretch.end, stretch.start)
            for segment in self._hear_window(
                _to_float(window.samples(pcm)), window.speech(speech), languages, context, request
            )
        ]

    def _require_language(self, language: str | None) -> None:
        known = self._model.supported_languages
        if language is not None and language not in known:
            raise OptionRefused(
                f"This Whisper model does not support the language {language}.",
                hint="Omit the language, or use one of: " + ", ".join(known) + ".",
            )

    def _hear_window(
        self,
        samples: Samples,
        speech: Sequence[Interval],
        languages: Languages,
        context: Context,
        request: Request,
    ) -> Iterator[TextSegment]:
        """
        Transcribe one window, in steps of at most the model's own length.

        Whisper leaves a sentence that is cut off to the next step, so each begins where the last one before
        it ended; behind the last one a step is taken only where there is more speech.
        """
        first_s, end_s, rests = 0.0, len(samples) / SAMPLE_RATE_HZ, 0
        while first_s < end_s and rests <= MOST_RESTS:
            is_last = first_s + WINDOW_S >= end_s
            part = _part(samples, first_s)
            segments = self._hear_step(part, languages, context, request, is_rest=rests > 0)
            if not is_last and len(segments) > 1 and not segments[-1].closed:
                segments.pop()  # the next step begins with it
            for segment in segments:
                yield segment.shifted(first_s)
            closed_s = segments[-1].end if segments and segments[-1].closed else WINDOW_S
            first_s += closed_s if closed_s >= SHORTEST_STEP_S else WINDOW_S
            if is_last:
                rests += 1
                rest = overlap(speech, Interval(first_s, max(first_s, end_s)))
                if sum(stretch.duration for stretch in rest) < LEAST_REST_S:
                    break

    def _hear_step(
        self, samples: Samples, languages: Languages, context: Context, request: Request, *, is_rest: bool
    ) -> list[TextSegment]:
        """Transcribe at most 30 s, with one run of the encoder; a rest may be less than a sentence."""
        from faster_whisper.tokenizer import Tokenizer

        decoder = WindowDecoder(self._model, samples, shorten=languages.used == "en")
        if not is_rest:
            languages.add(*decoder.detect_language())
        tokenizer = Tokenizer(
            self._model.hf_tokenizer,
            self._model.model.is_multilingual,
            task="translate" if request.translate else "transcribe",
            language=languages.used,
        )
        segments = decoder.segments(tokenizer, request.prompt, context.tokens)
        if is_rest and segments and not segments[0].decoded.is_plausible:
            return []
        if segments:
            context.add(segments[0].decoded)
        return segments


def _part(samples: Samples, first_s: float) -> Samples:
    first = round(first_s * SAMPLE_RATE_HZ)
    return samples[first : first + round(WINDOW_S * SAMPLE_RATE_HZ)]


def _to_float(pcm: Pcm) -> Samples:
    return pcm.astype(np.float32) / np.float32(32768)


def _choose_device(wanted: str) -> str:
    import ctranslate2

    cards = ctranslate2.get_cuda_device_count()
    if wanted == "cuda" and not cards:
        raise EngineNotReady(
            "WHISPER_DEVICE is cuda, but CTranslate2 finds no usable GPU.",
            hint="Install the GPU driver and CUDA, or set WHISPER_DEVICE to auto or cpu.",
        )
    return wanted if wanted != "auto" else "cuda" if cards else "cpu"


def _require_arithmetic(device: str, compute_type: str) -> None:
    import ctranslate2

    known = ctranslate2.get_supported_compute_types(device)
    if compute_type != "auto" and compute_type not in known:
        raise EngineNotReady(
            f"WHISPER_COMPUTE_TYPE is {compute_type}, which the {device} device does not support.",
            hint="Set it to auto, or to one of: " + ", ".join(sorted(known)) + ".",
        )


def read_reply(segments: Sequence[TextSegment], languages: Languages, seconds: float) -> Reply:
    """Return the segments of a chunk, `seconds` long, as a reply whose words are those of its text."""
    late = [
        Piece(piece.text, piece.start + LATE_S, piece.end + LATE_S, piece.probability)
        for segment in segments
        for piece in segment.pieces
    ]
    text = "".join(piece.text for piece in late).strip()
    words = join_pieces(late, text, seconds)
    found = [_read_segment(number, segment) for number, segment in enumerate(segments)]
    return Reply(
        text=text,
        words=tuple(words),
        segments=tuple(follow_words(found, words, words)),
        language=languages.used,
        detected_language=languages.detected,
        language_probability=languages.probability,
    )


def _read_segment(number: int, segment: TextSegment) -> Segment:
    return Segment(
        id=number,
        start=segment.start,
        end=segment.end,
        text=segment.text.strip(),
        avg_logprob=segment.decoded.avg_logprob,
        compression_ratio=segment.decoded.compression_ratio,
        no_speech_prob=segment.decoded.no_speech_prob,
        language=segment.language,
    )


def cpu_workers() -> int:
    """How many windows, of several jobs, a CPU computes at once, in as many threads each."""
    return min(core_count(), MOST_WORKERS)
