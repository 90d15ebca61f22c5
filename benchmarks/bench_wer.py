"""What local Whisper hears wrong in recordings of people, how fast it is, and how much memory it takes."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.acceptance.joined import english_recordings
from tests.conftest import SPEECH
from tests.wer import Errors, count_errors

from audio_tools.audio.chunking import Chunk, Cutter, cut
from audio_tools.audio.pcm import SAMPLE_RATE_HZ
from audio_tools.engines.base import Request
from audio_tools.engines.whisper.engine import WhisperEngine
from audio_tools.engines.whisper.hub import REPOSITORIES
from audio_tools.engines.whisper.weights import has_weights
from audio_tools.media.decode import Decoder
from audio_tools.media.encode import encode
from benchmarks.measure import Missing, watched_memory


@dataclass(frozen=True, slots=True)
class Result:
    """A model on all recordings: the errors in each, in their order; its peak memory with this process."""

    model: str
    errors: list[Errors]
    seconds: float
    peak_mb: float


def bench(folder: Path) -> list[str]:
    """
    Lines of Markdown with the results; the models are kept in `folder`.

    Raises:
        Missing: there is no model here.
    """
    models = [name for name in REPOSITORIES if has_weights(name, folder)]
    if not models:
        raise Missing("no model of Whisper is installed")
    recordings = english_recordings(SPEECH)
    chunks = [_read(entry) for entry in recordings]
    results = [asyncio.run(_measure(model, folder, recordings, chunks)) for model in models]
    return list(_report(recordings, results, sum(len(chunk.pcm) for chunk in chunks) / SAMPLE_RATE_HZ))


def _read(entry: dict[str, Any]) -> Chunk:
    with Decoder(SPEECH / entry["file"], 0) as decoder:
        (chunk,) = cut(decoder, Cutter(300.0))
    return chunk


async def _measure(
    model: str, folder: Path, recordings: Sequence[dict[str, Any]], chunks: Sequence[Chunk]
) -> Result:
    """Each recording as one chunk, one after the other; loading the model is not timed."""
    engine = WhisperEngine(model=model, data_dir=folder)
    errors, took = [], 0.0
    with watched_memory(os.getpid()) as peak:
        try:
            await engine.start()
            for entry, chunk in zip(recordings, chunks, strict=True):
                request = Request(encode(chunk.pcm, "flac"), chunk.speech, "en")
                started = time.perf_counter()
                reply = await engine.transcribe(request)
                took += time.perf_counter() - started
                errors.append(count_errors(entry["reference"], reply.text))
        finally:
            await engine.close()
    return Result(model, errors, took, peak[0] / 1e6)


def _report(recordings: Sequence[dict[str, Any]], results: Sequence[Result], seconds: float) -> Iterator[str]:
    yield from (
        "## Word errors of local Whisper",
        "",
        "Substituted, missing and added words over those of the reference, in lower case, numbers as words. "
        "Every model that is installed here; the language is given.",
        "",
        "| recording | style | words | " + " | ".join(f"wrong, {result.model}" for result in results) + " |",
        "|---|---|---|" + "---|" * len(results),
    )
    for number, entry in enumerate(recordings):
        cells = [f"{errors.wrong} ({errors.rate:.0%})" for errors in (r.errors[number] for r in results)]
        words = results[0].errors[number].words
        yield f"| {entry['file']} | {entry['style']} | {words} | {' | '.join(cells)} |"
    totals = [sum(result.errors, Errors()) for result in results]
    cells = [f"**{total.wrong} ({total.rate:.1%})**" for total in totals]
    yield f"| all, {seconds:.0f} s | | {totals[0].words} | {' | '.join(cells)} |"
    yield ""
    for result in results:
        speed = seconds / result.seconds
        yield (
            f"{result.model} runs at {speed:.1f} x realtime, each recording a request of its own (Whisper "
            f"hears 30 s at a time, however short it is); peak memory {result.peak_mb:.0f} MB, benchmark "
            "included."
        )
