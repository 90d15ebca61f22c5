"""A loaded Whisper model hears one chunk: in the process of `whisper_process.py`, never in the service."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from audio_tools.audio.pcm import SAMPLE_RATE_HZ
from audio_tools.engines.base import Request
from audio_tools.errors import ChunkRefused, EngineNotReady, OptionRefused
from audio_tools.media.encode import decode_encoded
from audio_tools.transcript import Interval, Reply, Segment, Word
from audio_tools.words.order import separate

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

DECODING: dict[str, Any] = {
    "beam_size": 5,
    # Tried in turn until an answer is likely and not repetitive. Fewer, and noise becomes sentences; all six
    # of faster-whisper's own take twice as long on noise and read noisy speech no better.
    "temperature": [0.0, 0.4, 0.8],
    "word_timestamps": True,
    # With it, one wrong window leads the next ones astray: loops, and times out of order.
    "condition_on_previous_text": False,
}
"""What is the same for all chunks, by the names of faster-whisper; measured: docs/decisions.md#whisper."""

SKIPPED_PAUSE_S = 2.0
"""
A longer pause is not shown to the model: after one it loses sentences, and inside one it invents them.

A shorter one stays, for each window that is opened behind one costs as much as 30 s of speech.
"""
CLIP_PAD_S = 0.2
"""What the model hears around speech: the detector is late at soft beginnings and early at soft ends."""

LATE_S = 0.06
"""
Whisper hears words too early; all are put so much later (docs/decisions.md#words-in-pauses).

A property of how it finds them, in the attention of its decoder, and not of a language.
"""
LONE_MARKS = ".,!?…-–—。，、！？ "
"""A word of nothing else is none: Whisper ends a clip in noise with `. . . .`."""
SEED = 0
"""Temperatures above 0 draw lots: with a seed the same chunk gives the same words."""


class Whisper:
    """
    A model in memory.

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
        try:
            self._model: WhisperModel = WhisperModel(
                str(folder),
                device=device,
                compute_type=compute_type,
                cpu_threads=_cores(),
                local_files_only=True,
            )
            self.compute_type = str(self._model.model.compute_type)
        except (RuntimeError, ValueError, OSError) as error:
            raise EngineNotReady(
                f"The Whisper model in {folder} cannot be loaded: {error}",
                hint="Remove the folder, so that it is made again, or set WHISPER_MODEL to another model.",
            ) from error

    def hear(self, request: Request) -> Reply:
        """
        Transcribe one chunk.

        Raises:
            ChunkRefused: it is not audio. OptionRefused: the model does not know the language.
        """
        import ctranslate2

        known = self._model.supported_languages
        if request.language is not None and request.language not in known:
            raise OptionRefused(
                f"This Whisper model does not know the language {request.language}.",
                hint="Leave the language out, or name one of: " + ", ".join(known) + ".",
            )
        try:
            pcm = decode_encoded(request.audio)
        except ValueError as error:
            raise ChunkRefused(f"The chunk cannot be decoded: {error}.") from error
        seconds = len(pcm) / SAMPLE_RATE_HZ
        ctranslate2.set_random_seed(SEED)
        segments, info = self._model.transcribe(
            pcm.astype(np.float32) / np.float32(32768),
            language=request.language,
            task="translate" if request.translate else "transcribe",
            # Not `initial_prompt`, which without the previous text reaches the first window alone.
            hotwords=request.prompt,
            clip_timestamps=_flat(clips(request.speech, seconds)),
            **DECODING,
        )
        return read_reply(segments, info.language, seconds)


def _choose_device(wanted: str) -> str:
    import ctranslate2

    cards = ctranslate2.get_cuda_device_count()
    if wanted == "cuda" and not cards:
        raise EngineNotReady(
            "WHISPER_DEVICE is cuda, but there is no graphics card that CTranslate2 can use.",
            hint="Install its driver and CUDA, or set WHISPER_DEVICE to auto or cpu.",
        )
    return wanted if wanted != "auto" else "cuda" if cards else "cpu"


def _require_arithmetic(device: str, compute_type: str) -> None:
    import ctranslate2

    known = ctranslate2.get_supported_compute_types(device)
    if compute_type != "auto" and compute_type not in known:
        raise EngineNotReady(
            f"WHISPER_COMPUTE_TYPE is {compute_type}, which this {device} device cannot do.",
            hint="Set it to auto, or to one of: " + ", ".join(sorted(known)) + ".",
        )


def clips(speech: Sequence[Interval], seconds: float) -> list[Interval]:
    """
    The stretches of a chunk that the model hears: the speech, padded, joined over all but long pauses.

    Args:
        speech: sorted; empty where nobody knows.
        seconds: length of the chunk.
    """
    joined: list[Interval] = []
    for stretch in speech or [Interval(0.0, seconds)]:
        padded = Interval(max(stretch.start - CLIP_PAD_S, 0.0), min(stretch.end + CLIP_PAD_S, seconds))
        if joined and padded.start - joined[-1].end < SKIPPED_PAUSE_S - 2 * CLIP_PAD_S:
            joined[-1] = Interval(joined[-1].start, padded.end)
        else:
            joined.append(padded)
    return joined


def read_reply(found: Iterable[Any], language: str, seconds: float) -> Reply:
    """What faster-whisper found (its own `Segment`s) in a chunk of so many seconds, as a reply."""
    spoken = [segment for segment in map(_without_lone_marks, found) if segment.words]
    heard = [_read_word(word) for segment in spoken for word in segment.words]
    words = separate(heard, Interval(0.0, seconds))
    unread = iter(words)
    segments = [
        _read_segment(number, segment, list(islice(unread, len(segment.words))))
        for number, segment in enumerate(spoken)
    ]
    return Reply(
        text="".join(segment.text for segment in spoken).strip(),
        words=tuple(words),
        segments=tuple(segments),
        language=language,
    )


def _without_lone_marks(segment: Any) -> Any:
    words = [word for word in segment.words or () if word.word.strip(LONE_MARKS)]
    return replace(segment, words=words, text="".join(word.word for word in words))


def _read_word(word: Any) -> Word:
    confidence = min(max(float(word.probability), 0.0), 1.0)
    return Word(word.word.strip(), float(word.start) + LATE_S, float(word.end) + LATE_S, confidence)


def _read_segment(number: int, segment: Any, words: Sequence[Word]) -> Segment:
    return Segment(
        id=number,
        start=words[0].start,
        end=words[-1].end,
        text=segment.text.strip(),
        avg_logprob=float(segment.avg_logprob),
        compression_ratio=float(segment.compression_ratio),
        no_speech_prob=float(segment.no_speech_prob),
    )


def _flat(intervals: Iterable[Interval]) -> list[float]:
    return [second for interval in intervals for second in (interval.start, interval.end)]


def _cores() -> int:
    """How many cores this process may use, which in a container is fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
