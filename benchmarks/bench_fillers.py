"""
Fillers in the result: `um` and `uh` spliced between words, and those that people labelled.

The whole way through the local model, the aligner and the detector. Constants were chosen on the tuning
set; the report set has other hesitations in other recordings (`filler_material.py`).
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile
from tests.conftest import SPEECH

from audio_tools.alignment import make_aligner
from audio_tools.audio.hesitations import find_hesitations
from audio_tools.audio.pcm import SAMPLE_RATE_HZ
from audio_tools.engines.rate_limits import RequestLimiter
from audio_tools.engines.whisper.engine import WhisperEngine
from audio_tools.options import Options
from audio_tools.pipeline.transcribe import PipelineContext, transcribe
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.transcript import Filler, Interval, Transcript, Word
from benchmarks.filler_material import Spliced, overlaps, spliced, with_labels
from benchmarks.splices import BETWEEN_S, Labelled, Said, join

MODEL = "base"
SPLICES = 110
"""In each set."""
SETS = ("tuning", "report")
"""Without names only the last one is measured, which takes less than five minutes."""


def bench(folder: Path, count: int = SPLICES, sets: Sequence[str] = SETS[1:]) -> list[str]:
    """Lines of Markdown with the results; the model and all sound are kept in `folder`."""
    return list(_bench(folder, count, sets))


def _bench(folder: Path, count: int, sets: Sequence[str]) -> Iterator[str]:
    yield from (
        "## Fillers",
        "",
        f"Local {MODEL} model, default settings, language given. A filler is found if one of the result "
        "shares more than half of the shorter of the two. Edges: median error in ms. Search: CPU time of "
        "the search in the samples, per hour of sound.",
        "",
        "| set | sound | fillers | in the words | recall | precision | edges | search |",
        "|---|---|---|---|---|---|---|---|",
    )
    for which in sets:
        yield _row(f"spliced, {which}", _joined(spliced(SPEECH, which, count), which), folder)
    for which in sets:
        yield _row(f"labelled, {which}", _joined(list(with_labels(SPEECH, which)), which), folder)


def _joined(pieces: Sequence[Spliced], name: str) -> Spliced:
    """All of them one after the other, as `join` puts them."""
    fillers, at = list[Said](), BETWEEN_S
    for piece in pieces:
        fillers += [filler.shifted(at) for filler in piece.fillers]
        at += piece.said.seconds + BETWEEN_S
    return Spliced(join([piece.said for piece in pieces], name), tuple(fillers))


def _row(name: str, material: Spliced, folder: Path) -> str:
    sound: Labelled = material.said
    path = folder / f"{name}.wav"
    soundfile.write(path, sound.pcm, SAMPLE_RATE_HZ)
    transcript = asyncio.run(_transcribe(path, folder))
    found = list(transcript.fillers)
    pairs = list(_paired(material.fillers, found))
    edges = [abs(a - b) for one, other in pairs for a, b in ((one.start, other.start), (one.end, other.end))]
    cells = (
        f"{sound.seconds:.0f} s",
        str(len(material.fillers)),
        str(sum(filler.first_word is not None for _, filler in pairs)),
        f"{len(pairs) / max(len(material.fillers), 1):.2f}",
        f"{len(pairs) / max(len(found), 1):.2f}",
        f"{1000 * np.median(edges):.0f}" if edges else "-",
        f"{_search_s(sound, transcript):.1f} s",
    )
    return f"| {name} | {' | '.join(cells)} |"


def _paired(fillers: Sequence[Said], found: Sequence[Filler]) -> Iterator[tuple[Said, Filler]]:
    free = list(found)
    for said in fillers:
        match = next((each for each in free if overlaps(said, Interval(each.start, each.end))), None)
        if match is not None:
            free.remove(match)
            yield said, match


def _search_s(sound: Labelled, transcript: Transcript) -> float:
    """CPU seconds of the search per hour of sound."""
    speech = [Interval(0.0, sound.seconds)]
    words: Sequence[Word] = transcript.words
    started = time.process_time()
    find_hesitations(sound.pcm, words, speech)
    return (time.process_time() - started) * 3600 / sound.seconds


async def _transcribe(path: Path, folder: Path) -> Transcript:
    tools = PipelineContext(
        WhisperEngine(model=MODEL, data_dir=folder),
        RequestLimiter(1),
        ChunkCache(folder / "chunks"),
        26_214_400,
        aligner=make_aligner("auto"),
    )
    try:
        return await transcribe(path, Options(language="en"), tools, lambda _: None)
    finally:
        await tools.close()


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as kept:
        print("\n".join(bench(Path(kept), sets=sys.argv[1:] or SETS[1:])))
