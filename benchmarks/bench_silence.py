"""
How well silence is found, by level, by a neural model, and by both: on tone words over beds, where every
edge is known, and on labelled recordings of people, as they are and over beds.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from tests.conftest import SPEECH
from tests.simulator.beds import BEDS, MUSIC, PINK, WHITE, Bed
from tests.simulator.media import sound
from tests.simulator.script import talk

from audio_tools.audio.pauses import PauseFinder, to_intervals
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.audio.vad import SilenceDetection, make_detector
from audio_tools.media.decode import Decoder
from audio_tools.transcript import Interval

MODES: tuple[SilenceDetection, ...] = ("level", "vad", "auto")
TALK_S = 300.0
LEAST_S = 0.3
SAME_EDGES_S = 0.1
BLOCK = 4 * SAMPLE_RATE_HZ


@dataclass(slots=True)
class Score:
    """What was found in a set of recordings; seconds."""

    truth: int = 0
    recalled: int = 0
    found: int = 0
    true: int = 0
    edges: list[float] = field(default_factory=list)
    speech: float = 0.0
    lost: float = 0.0
    seconds: float = 0.0
    took: float = 0.0

    def add(self, pcm: Pcm, silences: Sequence[Interval], mode: SilenceDetection) -> None:
        """Find the silences of one recording and compare."""
        started = time.process_time()
        found = find(pcm, mode)
        self.took += time.process_time() - started
        self.seconds += len(pcm) / SAMPLE_RATE_HZ
        wanted = [silence for silence in silences if silence.duration >= LEAST_S]
        hits = [(a, b) for a in wanted for b in found if _same(a, b)]
        self.truth += len(wanted)
        self.found += len(found)
        self.recalled += len({a for a, _ in hits})
        self.true += sum(any(_same(a, b) for a in silences) for b in found)
        self.edges += [edge for a, b in hits for edge in (abs(a.start - b.start), abs(a.end - b.end))]
        silent = sum(silence.duration for silence in silences)
        self.speech += len(pcm) / SAMPLE_RATE_HZ - silent
        self.lost += sum(b.duration - sum(_common(a, b) for a in silences) for b in found)

    def row(self) -> str:
        """Columns of the table."""
        median, p95 = 1000 * np.percentile(self.edges, [50, 95]) if self.edges else (0, 0)
        return (
            f"{self.recalled} of {self.truth} | {self.recalled / self.truth:.2f} | "
            f"{self.true / max(self.found, 1):.2f} | {median:.0f} / {p95:.0f} | "
            f"{100 * self.lost / self.speech:.1f} % | {self.seconds / self.took:,.0f} |"
        )


def bench(folder: Path) -> list[str]:  # noqa: ARG001
    """Lines of Markdown with the results."""
    lines = [
        "## Silence",
        "",
        f"Silences of at least {LEAST_S} s; hit: overlap of half, or both edges within {SAME_EDGES_S} s.",
        "",
        "| recordings | detector | found | recall | precision | edges ms median / p95 | speech lost "
        "| x realtime |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, recordings in _sets():
        for mode in MODES:
            score = Score()
            for pcm, silences in recordings:
                score.add(pcm, silences, mode)
            lines.append(f"| {name} | {mode} | {score.row()}")
    return lines


def find(pcm: Pcm, mode: SilenceDetection) -> list[Interval]:
    """The silences of a recording, found as the pass finds them."""
    detector, finder = make_detector(mode), PauseFinder()
    for first in range(0, len(pcm), BLOCK):
        finder.push(detector.push(pcm[first : first + BLOCK]).speech)
    finder.push(detector.finish().speech)
    return to_intervals(finder.pauses(0, finder.frames))


def _sets() -> Iterator[tuple[str, list[tuple[Pcm, list[Interval]]]]]:
    script = talk(TALK_S)
    truth = [Interval(pause.start, pause.end) for pause in script.silences(0.0)]
    for name, bed in BEDS.items():
        yield f"tone words, {name}", [(np.concatenate(list(sound(script, bed))), truth)]
    real = [(_read(path.with_suffix(".wav")), _labels(path)) for path in sorted(SPEECH.glob("*.scv"))]
    yield "people", real
    for bed in (WHITE, PINK, MUSIC):
        for below_db in (20, 10):
            over = [(_mix(pcm, silences, bed, below_db), silences) for pcm, silences in real]
            yield f"people, {bed.kind} {below_db} dB below", over


def _mix(pcm: Pcm, silences: Sequence[Interval], bed: Bed, below_db: float) -> Pcm:
    """The recording over a bed that is so much quieter than the speech."""
    speech = np.ones(len(pcm), np.bool_)
    for silence in silences:
        speech[round(silence.start * SAMPLE_RATE_HZ) : round(silence.end * SAMPLE_RATE_HZ)] = False
    level = 10 * np.log10(np.mean(np.square(pcm[speech].astype(np.float64) / 32768)))
    mixed = pcm + 32768 * bed.at(level - below_db).samples(0, len(pcm))
    return np.asarray(np.clip(mixed, -32768, 32767), np.int16)


def _read(path: Path) -> Pcm:
    with Decoder(path, 0) as decoder:
        return np.concatenate(list(decoder))


def _labels(path: Path) -> list[Interval]:
    """The stretches without speech: `name,start,end,is_speech,…` in seconds."""
    fields = path.read_text().strip().split(",")[1:]
    rows = [fields[n : n + 3] for n in range(0, len(fields), 3)]
    return [Interval(float(start), float(end)) for start, end, speech in rows if speech == "0"]


def _common(a: Interval, b: Interval) -> float:
    return max(min(a.end, b.end) - max(a.start, b.start), 0.0)


def _same(a: Interval, b: Interval) -> bool:
    common = _common(a, b)
    edges = max(abs(a.start - b.start), abs(a.end - b.end))
    return common >= 0.5 * (a.duration + b.duration - common) or edges <= SAME_EDGES_S


if __name__ == "__main__":
    print("\n".join(bench(Path())))
