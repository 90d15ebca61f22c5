"""
Retakes found in sound: spliced false starts, repeated takes and stutters, transcribed by the local model.

The first two sets are exact copies within one long recording (`retake_material.py`). The others, by other
speakers, have copies with another tempo, pitch, level and noise, and repetition that is meant
(`false_starts.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from pathlib import Path

import soundfile
from tests.conftest import SPEECH

from audio_tools.audio.pcm import SAMPLE_RATE_HZ
from audio_tools.exports.plan_json import plan_to_json
from audio_tools.transcript import Interval
from benchmarks.bench_cuts import MODEL, planned, transcribe_locally
from benchmarks.false_starts import false_starts
from benchmarks.retake_material import Retaken, retaken

SAME = 0.5
"""Two retakes are the same if they share this part of their union."""
SETS = ("tuning", "report")


def bench(folder: Path) -> list[str]:
    """Lines of Markdown with the results; the model and all sound are kept in `folder`."""
    return list(_bench(folder))


def _bench(folder: Path) -> Iterator[str]:
    yield from (
        "## Retakes in sound",
        "",
        f"Local {MODEL} model, default settings, English given. Found: the proposed range and the spliced "
        f"attempt share at least {SAME:.0%} of their union.",
        "",
        "| material | spliced | proposed | found | precision | recall | F1 |",
        "|---|---|---|---|---|---|---|",
    )
    for which in SETS:
        yield row(f"exact copies, {which}", [retaken(SPEECH, which)], folder)
    for which in SETS:
        yield row(f"varied copies, {which}", false_starts(SPEECH, which), folder)


def row(name: str, material: Sequence[Retaken], folder: Path) -> str:
    """The row of the table for a set."""
    found = proposed = spliced = 0
    for number, each in enumerate(material):
        path = folder / f"{name} {number}.wav"
        soundfile.write(path, each.pcm, SAMPLE_RATE_HZ)
        ranges = _proposed(path, folder)
        proposed, spliced = proposed + len(ranges), spliced + len(each.dropped)
        found += sum(any(_alike(one, other) for other in ranges) for one in each.dropped)
    precision, recall = found / max(proposed, 1), found / max(spliced, 1)
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    cells = (str(spliced), str(proposed), str(found), f"{precision:.2f}", f"{recall:.2f}", f"{f1:.3f}")
    return f"| {name} | {' | '.join(cells)} |"


def _proposed(path: Path, folder: Path) -> list[Interval]:
    record = plan_to_json(planned(asyncio.run(transcribe_locally(path, folder, "en"))))
    return [Interval(each["dropped"]["start"], each["dropped"]["end"]) for each in record["retakes"]]


def _alike(one: Interval, other: Interval) -> bool:
    shared = min(one.end, other.end) - max(one.start, other.start)
    return shared >= SAME * (max(one.end, other.end) - min(one.start, other.start))


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as kept:
        for line in _bench(Path(kept)):
            print(line, flush=True)
