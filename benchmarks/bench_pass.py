"""
Our own work (probe, decode, find speech, cut, encode, digest, store, stitch) beside decoding alone.

An hour of talk on a noise bed as AAC 48 kHz stereo in MP4, both ways in turns; then the peak memory of all
processes for 10 minutes and for 4 hours.
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path

from tests.simulator.beds import WHITE
from tests.simulator.media import render
from tests.simulator.script import talk

from audio_tools.media.ffmpeg import find_ffmpeg
from benchmarks.measure import Measured, python, run

ROUNDS = 5
HOUR_S = 3600.0
SHORT_S, LONG_S = 600.0, 4 * 3600.0


def bench(folder: Path) -> list[str]:
    """Lines of Markdown with the results; media are made in `folder`."""
    hour = render(talk(HOUR_S), folder / "hour.mp4", bed=WHITE, sample_rate_hz=48_000, channels=2)
    decode: list[str | Path] = [find_ffmpeg(None)]
    decode += ["-nostdin", "-v", "error", "-i", hour, "-map", "0:a", "-f", "null", "-"]
    null_s, pass_s = [], []
    for _ in range(ROUNDS):
        null_s.append(run(decode).seconds)
        pass_s.append(float(json.loads(_pass(hour).output)["seconds"]))
    ratios = sorted(null / ours for null, ours in zip(null_s, pass_s, strict=True))
    hour.unlink()
    short, long = (_memory(seconds, folder) for seconds in (SHORT_S, LONG_S))
    return [
        "## Whole pass without engine latency",
        "",
        f"One hour of AAC 48 kHz stereo in MP4, {ROUNDS} rounds, in turns.",
        "",
        "| | median s | x realtime |",
        "|---|---|---|",
        _row("`ffmpeg -f null`, decoding alone", null_s),
        _row("the whole pass", pass_s),
        "",
        f"Speed of the pass over decoding alone: **{statistics.median(ratios):.2f}** "
        f"({ratios[0]:.2f} to {ratios[-1]:.2f}); aim 0.6.",
        "",
        f"Peak memory of all processes: {short.peak_mb:.0f} MB for 10 minutes, "
        f"{long.peak_mb:.0f} MB for 4 hours; aim 200 MB.",
    ]


def _memory(seconds: float, folder: Path) -> Measured:
    media = render(talk(seconds), folder / "memory.mp4", bed=WHITE)
    try:
        return _pass(media)
    finally:
        media.unlink()


def _pass(media: Path) -> Measured:
    return run(python("benchmarks.pass_once", media))


def _row(name: str, seconds: list[float]) -> str:
    median = statistics.median(seconds)
    return f"| {name} | {median:.2f} | {HOUR_S / median:,.0f} |"
