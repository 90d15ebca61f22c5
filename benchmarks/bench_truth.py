"""
Every word whole, in order and in place: ours beside faster-whisper called directly, on the same sound.

Hand-labelled recordings, and splices of them with hesitations, coughs, repeats, pauses and jumps of the level
(`splices.py`). Constants were chosen on the tuning set; the report set has other recordings.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from rapidfuzz.distance import Indel
from tests.conftest import SPEECH
from tests.wer import Errors, count_errors

from audio_tools.alignment import make_aligner
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.engines.rate_limits import RequestLimiter
from audio_tools.engines.whisper.engine import WhisperEngine
from audio_tools.engines.whisper.weights import find_weights
from audio_tools.media.decode import Decoder
from audio_tools.options import Options
from audio_tools.pipeline.transcribe import PipelineContext, transcribe
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.transcript import Interval, Word
from audio_tools.words.script import fold
from benchmarks.bench_words import pair_words
from benchmarks.splices import REPORT, TUNING, Labelled, Said, in_parts, join, read_labelled, splices

MODEL = "base"
SPLICES = 102
"""In each set."""
SHORTEST_S = 0.04
EDGE_S = 0.05
"""A word that begins so shortly before the end of a silence begins at its edge."""
PUNCTUATED = ("address.mp3", "cheetah_test_en.wav")
"""The English recordings whose reference text has punctuation."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one recording; silences and gaps None where there is no such thing."""

    words: Sequence[Word]
    text: str
    silences: Sequence[Interval] | None = None
    gaps: Sequence[Interval] | None = None


def bench(folder: Path, count: int = SPLICES) -> list[str]:
    """Lines of Markdown with the results; the model and all sound are kept in `folder`."""
    return list(_bench(folder, count))


def _bench(folder: Path, count: int) -> Iterator[str]:
    yield from (
        "## Truth",
        "",
        f"Local {MODEL} model, default settings, language given; errors in ms (median, p95) of the "
        f"words that both texts have. Each set: its recordings and {count} splices of them, joined with room "
        "tone. Order: neighbours in another order than spoken. Silenced: labelled words that begin in a "
        "reported silence. WER without case and marks.",
        "",
        "| set | way | words | start | end | < 40 ms | order | WER | silenced | gaps |",
        "|---|---|---|---|---|---|---|---|---|---|",
    )
    for name, names in (("tuning", TUNING), ("report", REPORT)):
        recordings = [read_labelled(SPEECH, each) for each in names]
        parts = [part for recording in recordings for part in in_parts(recording)]
        material = join([*parts, *splices(recordings, count)], name)
        path = folder / f"{name}.wav"
        soundfile.write(path, material.pcm, SAMPLE_RATE_HZ)
        yield _row(name, "ours", material, asyncio.run(_ours(path, folder)))
        yield _row(name, "faster-whisper", material, _directly(path, folder))
    yield ""
    yield from _written(folder)


def _written(folder: Path) -> Iterator[str]:
    """The word error rate of recordings whose text has marks, with and without them."""
    entries = [entry for entry in _manifest() if entry["file"] in PUNCTUATED]
    yield f"{len(entries)} recordings with punctuated references, each on its own:"
    yield ""
    yield "| way | WER without marks | with case, punctuation and apostrophes |"
    yield "|---|---|---|"
    for way in ("ours", "faster-whisper"):
        plain, marked = Errors(), Errors()
        for entry in entries:
            path = SPEECH / entry["file"]
            result = asyncio.run(_ours(path, folder)) if way == "ours" else _directly(path, folder)
            plain += count_errors(entry["reference"], result.text)
            marked += count_errors(entry["reference"], result.text, marks=True)
        yield f"| {way} | {plain.rate:.1%} of {plain.words} | {marked.rate:.1%} |"


def _manifest() -> list[dict[str, Any]]:
    loaded: list[dict[str, Any]] = json.loads((SPEECH / "manifest.json").read_text())
    return loaded


async def _ours(path: Path, folder: Path) -> Result:
    engine = WhisperEngine(model=MODEL, data_dir=folder)
    store = ChunkCache(folder / "chunks")
    tools = PipelineContext(engine, RequestLimiter(1), store, 26_214_400, aligner=make_aligner("auto"))
    try:
        transcript = await transcribe(path, Options(language="en"), tools, lambda _: None)
    finally:
        await tools.close()
    return Result(transcript.words, transcript.text, transcript.silences, transcript.gaps)


def _directly(path: Path, folder: Path) -> Result:
    from faster_whisper import WhisperModel

    with Decoder(path, 0) as decoder:
        pcm: Pcm = np.concatenate(list(decoder))
    model = WhisperModel(
        str(find_weights(MODEL, folder, on_download=lambda _done, _total: None)),
        device="cpu",
        compute_type="int8",
    )
    found, _ = model.transcribe(pcm.astype(np.float32) / 32768, language="en", word_timestamps=True)
    segments = list(found)
    words = [Word(word.word.strip(), word.start, word.end) for each in segments for word in each.words or ()]
    return Result(words, " ".join(segment.text.strip() for segment in segments))


def _row(name: str, way: str, material: Labelled, result: Result) -> str:
    pairs = pair_words(material.truth, result.words)
    starts = [abs(word.start - said.start) for said, word in pairs]
    ends = [abs(word.end - said.end) for said, word in pairs]
    flashes = sum(word.end - word.start < SHORTEST_S - 1e-6 <= said.end - said.start for said, word in pairs)
    errors = count_errors(" ".join(said.word for said in material.truth), result.text)
    cells = [
        f"{len(pairs)} of {len(material.truth)}",
        *("{:.0f} / {:.0f}".format(*(1000 * np.quantile(each, [0.5, 0.95]))) for each in (starts, ends)),
        str(flashes),
        str(order_changes(material.truth, result.words)),
        f"{errors.rate:.1%}",
        "-" if result.silences is None else str(_silenced(material.truth, result.silences)),
        "-" if result.gaps is None else str(len(result.gaps)),
    ]
    return f"| {name}, {material.seconds:.0f} s | {way} | {' | '.join(cells)} |"


def order_changes(truth: Sequence[Said], words: Sequence[Word]) -> int:
    """How many neighbours come in the other order than they were said in."""
    spoken, heard = ([fold(each.word) for each in row] for row in (truth, words))
    lost: list[tuple[int, str]] = []
    added: list[tuple[int, str]] = []
    for step in Indel.editops(spoken, heard):
        if step.tag == "delete":
            lost.append((step.dest_pos, spoken[step.src_pos]))
        else:
            added.append((step.dest_pos, heard[step.dest_pos]))
    changes = 0
    for at, word in lost:
        found = next((each for each in added if each[1] == word and each[0] - at in (1, -2)), None)
        if found is not None:
            added.remove(found)
            changes += 1
    return changes


def _silenced(truth: Sequence[Said], silences: Sequence[Interval]) -> int:
    return sum(any(s.start <= said.start < s.end - EDGE_S for s in silences) for said in truth)


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as kept:
        print("\n".join(bench(Path(kept), *map(int, sys.argv[1:2]))))
