"""
Our own work (probe, decode, find speech, cut, encode, digest, store, stitch) beside decoding alone.

Twenty minutes of talk on a noise bed as AAC 48 kHz stereo in MP4, all ways in turns; then the peak memory
of all processes for 10 minutes and an hour, with every lane and every place before it taken by a chunk. Under
two minutes on a free machine; `python -m benchmarks.bench_pass MINUTES ROUNDS [HOURS…]` takes other sizes.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import imageio_ffmpeg
from tests.simulator.beds import WHITE
from tests.simulator.media import render
from tests.simulator.script import talk

from audio_tools.audio.vad import describe_detector
from benchmarks.measure import Measured, python, run

ROUNDS = 5
MINUTES = 20.0
HOURS = 1 / 6, 1.0
CORES = 2
BUSY_S = 1.0
"""With so much latency (seconds) chunks are made faster than they are answered, and pile up as they may."""


def bench(
    folder: Path, minutes: float = MINUTES, rounds: int = ROUNDS, hours: Sequence[float] = HOURS
) -> list[str]:
    """
    Lines of Markdown with the results.

    Args:
        folder: where media are made.
        minutes: length of the recording that is timed.
        rounds: how often.
        hours: lengths of the recordings that memory is taken of.
    """
    return [
        *_speed(folder, 60 * minutes, rounds),
        "",
        "| recording | chunks | peak memory of all processes, MB |",
        "|---|---|---|",
        *(_memory_row(3600 * length, folder) for length in hours),
        "",
        "Every lane and every place before it holds a chunk; without the OpenAI client. Chunks grow with the "
        "file up to 150 s (reached at 1 hour), so memory is to be flat from there on; aim 200 MB.",
    ]


def _speed(folder: Path, seconds: float, rounds: int) -> list[str]:
    media = render(talk(seconds), folder / "talk.mp4", bed=WHITE, sample_rate_hz=48_000, channels=2)
    ffmpeg = shutil.which("ffmpeg") or imageio_ffmpeg.get_ffmpeg_exe()
    ways: dict[str, list[str | Path]] = {
        "`ffmpeg -f null`, decoding alone": [
            *(ffmpeg, "-nostdin", "-v", "error", "-i", media, "-map", "0:a", "-f", "null", "-"),
        ],
        "the whole pass, silence by level": [*python("benchmarks.pass_once", media)],
    }
    if describe_detector("auto") != "level":
        ways["the same, silence by level and Silero"] = [*python("benchmarks.pass_once", media, 0, "auto")]
    runs: dict[str, list[Measured]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, command in ways.items():
            runs[name].append(run(command))
    media.unlink()
    alone = next(iter(runs.values()))
    return [
        "## Whole pass without engine latency",
        "",
        f"{seconds / 60:g} minutes of AAC 48 kHz stereo in MP4, {rounds} rounds in turns, FFmpeg "
        f"{_version(ffmpeg)}. Speed over decoding alone: in each round, their median, lowest and "
        "highest; aim 0.5. Decoding and detection work side by side, so the pass needs two free cores: on "
        "them it takes half of its CPU time at best, which the last column compares (least CPU time of all "
        "rounds). CPU time includes the start of Python.",
        "",
        "| | median s | x realtime | median CPU s | speed over decoding alone | by CPU time on two cores |",
        "|---|---|---|---|---|---|",
        *(_speed_row(name, seconds, measured, alone) for name, measured in runs.items()),
    ]


def _version(ffmpeg: str) -> str:
    """The version of the FFmpeg that decodes alone, which is not the one in PyAV."""
    return run([ffmpeg, "-version"]).output.split()[2]


def _speed_row(name: str, seconds: float, runs: list[Measured], alone: list[Measured]) -> str:
    ratios = sorted(null.seconds / _seconds(ours) for null, ours in zip(alone, runs, strict=True))
    median = statistics.median(map(_seconds, runs))
    cpu = statistics.median(measured.cpu_s for measured in runs)
    least, least_alone = (min(measured.cpu_s for measured in each) for each in (runs, alone))
    shared = 1.0 if runs is alone else CORES * least_alone / least
    return (
        f"| {name} | {median:.2f} | {seconds / median:,.0f} | {cpu:.2f} | "
        f"**{statistics.median(ratios):.2f}** ({ratios[0]:.2f} to {ratios[-1]:.2f}) | {shared:.2f} |"
    )


def _seconds(measured: Measured) -> float:
    """What a pass says of itself, without the start of Python; of the others, all."""
    return float(json.loads(measured.output)["seconds"]) if measured.output.strip() else measured.seconds


def _memory_row(seconds: float, folder: Path) -> str:
    media = render(talk(seconds), folder / "memory.m4a", bed=WHITE)
    measured = run(python("benchmarks.pass_once", media, BUSY_S), memory=True)
    media.unlink()
    return f"| {seconds / 60:g} minutes | {json.loads(measured.output)['chunks']} | {measured.peak_mb:.0f} |"


if __name__ == "__main__":
    from benchmarks.report import show

    parser = argparse.ArgumentParser()
    parser.add_argument("minutes", type=float, nargs="?", default=MINUTES)
    parser.add_argument("rounds", type=int, nargs="?", default=ROUNDS)
    parser.add_argument("hours", type=float, nargs="*", default=HOURS)
    show("pass", partial(bench, **vars(parser.parse_args())))
