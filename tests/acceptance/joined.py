"""Real recordings joined to one, with pauses of known length between them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from audio_tools.media.decode import Decoder
from audio_tools.transcript import Interval

SAMPLE_RATE_HZ = 16_000
PAUSES_S = (2.5, 1.0, 4.0, 1.5, 3.0, 6.0, 2.0)
ROOM_TONE_DBFS = -70.0


@dataclass(frozen=True, slots=True)
class Joined:
    """The file, what was said in it, and the stretches of room tone that were put in (seconds)."""

    path: Path
    reference: str
    pauses: tuple[Interval, ...]


def english_recordings(speech: Path) -> list[dict[str, Any]]:
    """The entries of the manifest that have an English reference text."""
    entries: list[dict[str, Any]] = json.loads((speech / "manifest.json").read_text())
    return [entry for entry in entries if entry.get("reference") and "Spanish" not in entry["style"]]


def join(speech: Path, target: Path, seconds: float) -> Joined:
    """Put recordings one after the other, over and over, until there are so many seconds."""
    tone = np.random.default_rng(0)
    parts: list[NDArray[np.int16]] = []
    texts, pauses, length = [], [], 0
    for (pcm, text), pause_s in zip(cycle(list(_decoded(speech))), cycle(PAUSES_S), strict=False):
        gap = tone.standard_normal(round(pause_s * SAMPLE_RATE_HZ)) * 32768 * 10 ** (ROOM_TONE_DBFS / 20)
        start = (length + len(pcm)) / SAMPLE_RATE_HZ
        pauses.append(Interval(start, start + pause_s))
        parts += [pcm, gap.astype(np.int16)]
        texts.append(text)
        length += len(pcm) + len(gap)
        if length >= seconds * SAMPLE_RATE_HZ:
            break
    soundfile.write(target, np.concatenate(parts), SAMPLE_RATE_HZ)
    return Joined(target, " ".join(texts), tuple(pauses))


def _decoded(speech: Path) -> Iterator[tuple[NDArray[np.int16], str]]:
    for entry in english_recordings(speech):
        with Decoder(speech / entry["file"], 0) as decoder:
            yield np.concatenate(list(decoder)), entry["reference"]
