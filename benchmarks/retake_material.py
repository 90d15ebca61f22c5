"""
Retakes spliced into sound: a sentence that breaks off and begins again, or is said twice.

The sentences are those of one long recording with a text; its words are aligned with the audio.
The first half of it is for tuning, the second for the report.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audio_tools.alignment.pocketsphinx.process import Alignment, answers
from audio_tools.audio.chunking import Cutter
from audio_tools.audio.pauses import between
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.media.decode import Decoder
from audio_tools.transcript import Interval, Word
from audio_tools.words.script import ends_sentence
from audio_tools.words.timing import spread
from benchmarks.splices import Floats

RECORDING = "address.mp3"
SHORTEST_WORDS = 6
"""Of a sentence that is repeated."""
PAUSE_S = 0.25, 0.9
ROOM_DB = -60.0


@dataclass(frozen=True, slots=True, eq=False)
class Retaken:
    """Sound, and where in it what is said again later is said first, in seconds."""

    pcm: Pcm
    dropped: tuple[Interval, ...]


def retaken(folder: Path, which: str) -> Retaken:
    """A half of the recording, twice; two of three sentences have a retake of one kind or another."""
    pcm, sentences = _sentences(folder)
    half = len(sentences) // 2
    chosen = sentences[:half] if which == "tuning" else sentences[half:]
    random = np.random.default_rng(len(which))
    parts, dropped, length = list[Floats](), list[Interval](), 0
    for number, sentence in enumerate([*chosen, *chosen]):
        whole = _part(pcm, sentence[0].start, sentence[-1].end)
        if number % 3 != 2 and len(sentence) >= SHORTEST_WORDS:
            # Broken off after three words or more, or said as a whole, in turns.
            words = len(sentence) if number % 4 == 3 else int(random.integers(3, len(sentence)))
            first = _part(pcm, sentence[0].start, sentence[words - 1].end)
            dropped.append(Interval(length / SAMPLE_RATE_HZ, (length + len(first)) / SAMPLE_RATE_HZ))
            parts += [first, _room(random)]
            length += len(first) + len(parts[-1])
        parts += [whole, _room(random)]
        length += len(whole) + len(parts[-1])
    samples = np.clip(np.rint(np.concatenate(parts)), -32768, 32767).astype(np.int16)
    return Retaken(samples, tuple(dropped))


def _sentences(folder: Path) -> tuple[Pcm, list[Sequence[Word]]]:
    texts = {entry["file"]: entry for entry in json.loads((folder / "manifest.json").read_text())}
    with Decoder(folder / RECORDING, 0) as decoder:
        pcm = np.concatenate(list(decoder))
    cutter = Cutter(300.0)
    cutter.push(pcm)
    cutter.finish()
    speech = between(cutter.pauses(), 0.0, len(pcm) / SAMPLE_RATE_HZ)
    guessed = tuple(spread(texts[RECORDING]["reference"], speech))
    return pcm, list(_split(answers()(Alignment(pcm, guessed, tuple(speech)))))


def _split(words: Sequence[Word]) -> Iterator[Sequence[Word]]:
    first = 0
    for number, word in enumerate(words):
        following = words[number + 1].word if number + 1 < len(words) else ""
        if ends_sentence(word.word, following):
            yield words[first : number + 1]
            first = number + 1


def _part(pcm: Pcm, start: float, end: float) -> Floats:
    part = pcm[round(start * SAMPLE_RATE_HZ) : round(end * SAMPLE_RATE_HZ)].astype(np.float64)
    ramp = np.linspace(0.0, 1.0, min(160, len(part) // 2))
    part[: len(ramp)] *= ramp
    part[len(part) - len(ramp) :] *= ramp[::-1]
    return part


def _room(random: np.random.Generator) -> Floats:
    count = round(random.uniform(*PAUSE_S) * SAMPLE_RATE_HZ)
    return random.standard_normal(count) * 32768 * 10 ** (ROOM_DB / 20)
