"""
How well silences are found: each way to detect them, two of Silero's models, and silencedetect.

In labelled recordings of people, as they are and made harder, and in tone words over beds.
"""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tests.simulator.beds import BEDS
from tests.simulator.media import ffmpeg, sound
from tests.simulator.script import talk

from audio_tools.audio.level_vad import joined
from audio_tools.audio.pauses import PauseFinder, to_intervals
from audio_tools.audio.pcm import FRAME_SAMPLES, SAMPLE_RATE_HZ, Pcm
from audio_tools.audio.silero_network import (
    CONTEXT_SAMPLES,
    START,
    WINDOW_SAMPLES,
    find_weights,
    shared_network,
)
from audio_tools.audio.vad import SilenceDetection, make_detector
from audio_tools.transcript import Interval
from benchmarks.silence_material import REPORTING, TUNING, Case, cases

TALK_S = 300.0
LEAST_S = 0.3
SAME_EDGES_S = 0.1
NO_SPEECH_S = 0.05
LONG_S, MUCH_SPEECH_S = 1.0, 0.4
BLOCK = 4 * SAMPLE_RATE_HZ
BEGIN_LOG_ODDS, END_LOG_ODDS = 0.0, -0.619
"""Silero's own defaults: a voice begins at a probability of 0.5 and ends below 0.35."""

Flags = NDArray[np.bool_]


@dataclass(slots=True)
class Score:
    """What was found in a set of recordings; seconds."""

    truth: int = 0
    recalled: int = 0
    found: int = 0
    true: int = 0
    silent: int = 0
    over_speech: int = 0
    edges: list[float] = field(default_factory=list)
    speech: float = 0.0
    lost: float = 0.0

    def add(self, case: Case, found: Sequence[Interval]) -> None:
        """Compare the silences that were found in one recording with the labels."""
        wanted = [silence for silence in case.silences if silence.duration >= LEAST_S - 1e-6]
        hits = [(a, b) for a in wanted for b in found if _same(a, b)]
        self.truth += len(wanted)
        self.found += len(found)
        self.recalled += len({a for a, _ in hits})
        true = [any(_same(a, b) for a in case.silences) for b in found]
        self.true += sum(true)
        self.edges += [edge for a, b in hits for edge in (abs(a.start - b.start), abs(a.end - b.end))]
        speech = np.ones(len(case.pcm) // FRAME_SAMPLES + 1, np.bool_)
        for stretch in (*case.silences, *case.ignored):
            speech[_frames(stretch)] = False
        self.speech += np.count_nonzero(speech) / 100
        for silence, hit in zip(found, true, strict=True):
            lost = np.count_nonzero(speech[_frames(silence)]) / 100
            self.lost += lost
            self.silent += int(hit or lost <= NO_SPEECH_S)
            self.over_speech += int(silence.duration > LONG_S and lost > MUCH_SPEECH_S)

    def row(self) -> str:
        """Columns of the table."""
        median, p95 = 1000 * np.percentile(self.edges, [50, 95]) if self.edges else (0, 0)
        found = max(self.found, 1)
        return (
            f"{self.recalled} of {self.truth} | {self.recalled / max(self.truth, 1):.2f} | "
            f"{self.true / found:.2f} | {self.silent / found:.2f} | {100 * self.lost / self.speech:.1f} % | "
            f"{self.over_speech} | {median:.0f} / {p95:.0f} |"
        )


def bench(folder: Path) -> list[str]:  # noqa: ARG001
    """Lines of Markdown with the results."""
    detectors = _detectors()
    lines = [
        "## Silence",
        "",
        f"Silences of at least {LEAST_S} s; hit: overlap of half, or both edges within {SAME_EDGES_S} s. "
        f"True: a hit, or part of a labelled silence, with at most {NO_SPEECH_S} s of speech. "
        f"Over speech: longer than {LONG_S:g} s with more than {MUCH_SPEECH_S} s of labelled speech. The "
        "weights of `auto` were fitted on the tuning set.",
        "",
        "| recordings | detector | found | recall | precision | true | speech lost | over speech "
        "| edges ms median / p95 |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    took, seconds = dict.fromkeys(detectors, 0.0), 0.0
    for name, recordings in _sets():
        seconds += sum(len(case.pcm) for case in recordings) / SAMPLE_RATE_HZ
        for mode, find in detectors.items():
            score = Score()
            for case in recordings:
                started = time.process_time()
                found = find(case.pcm)
                took[mode] += time.process_time() - started
                score.add(case, found)
            lines.append(f"| {name} | {mode} | {score.row()}")
    speeds = ", ".join(f"{mode} {seconds / spent:,.0f}" for mode, spent in took.items())
    return [*lines, "", f"Times real time on one core: {speeds}."]


def _sets() -> Iterator[tuple[str, list[Case]]]:
    for name, names in (("reporting", REPORTING), ("tuning", TUNING)):
        for condition, recordings in cases(names):
            yield f"{name}: {condition}", recordings
    script = talk(TALK_S)
    truth = tuple(Interval(pause.start, pause.end) for pause in script.silences(0.0))
    for name, bed in BEDS.items():
        yield f"tone words, {name}", [Case(np.concatenate(list(sound(script, bed))), truth)]
    dense = talk(TALK_S, pauses=(0.02, 0.1), words_per_pause=(1, 1), lead_in=0.05, swing_db=12.0)
    gaps = tuple(Interval(pause.start, pause.end) for pause in dense.silences(0.0))
    yield "tone words 0.02 to 0.1 s apart, levels vary", [Case(np.concatenate(list(sound(dense))), gaps)]


def _detectors() -> dict[str, Callable[[Pcm], list[Interval]]]:
    modes: tuple[SilenceDetection, ...] = ("level", "vad", "auto")
    rivals = {"Silero 6.2 alone": _silero_alone, "FFmpeg silencedetect -30 dB": _silencedetect}
    if find_spec("faster_whisper"):
        rivals["Silero 6.0 alone (faster-whisper)"] = _older_silero_alone
    return {**{mode: _finder(mode) for mode in modes}, **rivals}


def _finder(mode: SilenceDetection) -> Callable[[Pcm], list[Interval]]:
    """The silences of a recording, found as a job finds them."""

    def find(pcm: Pcm) -> list[Interval]:
        detector = make_detector(mode)
        blocks = [detector.push(pcm[first : first + BLOCK]) for first in range(0, len(pcm), BLOCK)]
        return _silences(joined(*blocks, detector.finish()).speech)

    return find


def _silero_alone(pcm: Pcm) -> list[Interval]:
    """The silences by Silero's network with its own defaults."""
    weights = find_weights()
    assert weights is not None
    network = shared_network(weights)
    padded = np.pad(pcm, (CONTEXT_SAMPLES, -len(pcm) % WINDOW_SAMPLES)).astype(np.float32) / np.float32(32768)
    width = CONTEXT_SAMPLES + WINDOW_SAMPLES
    windows = np.lib.stride_tricks.sliding_window_view(padded, width)[::WINDOW_SAMPLES]
    odds, _ = network.log_odds(network.features(windows), START)
    return _by_thresholds(pcm, odds)


def _older_silero_alone(pcm: Pcm) -> list[Interval]:
    """The same with the model that faster-whisper brings along."""
    from faster_whisper.vad import get_vad_model

    padded = np.pad(pcm, (0, -len(pcm) % WINDOW_SAMPLES)).astype(np.float32) / np.float32(32768)
    likely = np.clip(get_vad_model()(padded).ravel(), 1e-6, 1 - 1e-6)
    return _by_thresholds(pcm, np.log(likely / (1 - likely)))


def _by_thresholds(pcm: Pcm, odds: NDArray[np.floating]) -> list[Interval]:
    """The silences by the log-odds of a voice in each window."""
    decided = (odds >= BEGIN_LOG_ODDS) | (odds < END_LOG_ODDS)
    last = np.maximum.accumulate(np.where(decided, np.arange(len(odds)), -1))
    voice = np.where(last >= 0, odds[last] >= BEGIN_LOG_ODDS, False)
    middles = np.arange(len(pcm) // FRAME_SAMPLES) * FRAME_SAMPLES + FRAME_SAMPLES // 2
    return _silences(voice[middles // WINDOW_SAMPLES])


def _silencedetect(pcm: Pcm) -> list[Interval]:
    """The silences by the filter of FFmpeg that scripts and editors use most, with their usual level."""
    form = ("-f", "s16le", "-ar", str(SAMPLE_RATE_HZ), "-ac", "1", "-i", "pipe:0")
    command = (ffmpeg(), "-nostdin", "-hide_banner", *form)
    wanted = ("-af", f"silencedetect=noise=-30dB:d={LEAST_S}", "-f", "null", "-")
    log = subprocess.run([*command, *wanted], input=pcm.tobytes(), capture_output=True, check=True)
    found = re.findall(r"silence_(start|end): (-?[\d.]+)", log.stderr.decode())
    times = [max(float(seconds), 0.0) for _, seconds in found]
    times += [len(pcm) / SAMPLE_RATE_HZ] * (len(times) % 2)
    return [Interval(start, end) for start, end in zip(times[::2], times[1::2], strict=True)]


def _silences(speech: Flags) -> list[Interval]:
    finder = PauseFinder()
    finder.push(speech)
    return to_intervals(finder.pauses(0, finder.frames))


def _frames(stretch: Interval) -> slice:
    return slice(round(stretch.start * 100), round(stretch.end * 100))


def _same(a: Interval, b: Interval) -> bool:
    common = max(min(a.end, b.end) - max(a.start, b.start), 0.0)
    edges = max(abs(a.start - b.start), abs(a.end - b.end))
    return common >= 0.5 * (a.duration + b.duration - common) or edges <= SAME_EDGES_S


if __name__ == "__main__":
    print("\n".join(bench(Path())))
