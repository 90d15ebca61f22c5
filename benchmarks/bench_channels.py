"""
Memory and computing time of separate channels beside their mix.

An hour of a recording with two and with eight microphones, of which each picks up the others softly.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile
from tests.simulator.media import sound
from tests.simulator.script import talk
from tests.simulator.tones import SAMPLE_RATE_HZ

from benchmarks.measure import python, run

HOUR_S = 3600.0
CHANNELS = 2, 8
BLEED = 0.1
LATENCY_S = 0.2


def bench(folder: Path, seconds: float = HOUR_S) -> list[str]:
    """Lines of Markdown with the results; `seconds`: the length of the recordings."""
    rows = [row for channels in CHANNELS for row in _rows(folder, channels, seconds)]
    return [
        "## Separate channels",
        "",
        f"{seconds / 60:g} minutes of FLAC, a speaker on each channel, the others 20 dB softer; an engine "
        f"that answers after {LATENCY_S:g} s, silence by level. Memory of all processes together.",
        "",
        "| channels | mode | chunks | peak memory, MB | CPU s |",
        "|---|---|---|---|---|",
        *rows,
    ]


def _rows(folder: Path, channels: int, seconds: float) -> Iterator[str]:
    media = _record(folder / "table.flac", channels, seconds)
    for mode in ("mix", "separate"):
        measured = run(python("benchmarks.pass_once", media, LATENCY_S, "level", mode), memory=True)
        chunks = json.loads(measured.output)["chunks"]
        yield f"| {channels} | {mode} | {chunks} | {measured.peak_mb:.0f} | {measured.cpu_s:.0f} |"
    media.unlink()


def _record(path: Path, channels: int, seconds: float) -> Path:
    """Write a channel for each speaker, block by block."""
    voices = [sound(talk(seconds, seed)) for seed in range(channels)]
    noise = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", SAMPLE_RATE_HZ, channels, "PCM_16") as file:
        for blocks in zip(*voices, strict=True):
            said = np.stack(blocks, axis=1).astype(np.float32)
            mixed = (1 - BLEED) * said + BLEED * said.sum(axis=1, keepdims=True)
            mixed += noise.normal(0, 10, mixed.shape)
            file.write(np.clip(mixed, -32768, 32767).astype(np.int16))
    return path


if __name__ == "__main__":
    from benchmarks.report import show

    show("channels", bench)
