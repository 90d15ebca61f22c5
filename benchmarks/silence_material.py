"""
Labelled recordings of people, as they are and made harder: what `bench_silence` finds silences in.

Everything follows from seeds. The weights of the detector were fitted on `TUNING`; `REPORTING` has other
recordings and speakers, with hand-labelled words and speech.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tests.audio.signals import read
from tests.conftest import SPEECH
from tests.simulator.beds import MUSIC, PINK, WHITE, Bed

from audio_tools.audio.pcm import FRAME_SAMPLES, SAMPLE_RATE_HZ, Pcm
from audio_tools.transcript import Interval

TUNING = (
    *(f"testset-audio-{number:02}.wav" for number in range(1, 16, 2)),
    *("msajc003.wav", "msajc022.wav", "carrots1.wav", "bobby.wav"),
)
REPORTING = (
    *(f"testset-audio-{number:02}.wav" for number in range(2, 16, 2)),
    *("count.wav", "msajc012.wav", "msajc057.wav", "oranges.wav", "pumpkins.flac"),
    *("introduction_ja.flac", "acoustic_corpus.wav"),
)
ROUNDS = 2
"""How often each recording comes in the joined ones, in random order."""
HEADROOM_DB = -14.0
BURST_EVERY_S = 8.0
BURST_DB = 20.0

Samples = NDArray[np.floating]


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """
    A recording and where it is silent, in seconds, sorted.

    `ignored`: added sounds, which are neither speech nor silence.
    """

    pcm: Pcm
    silences: tuple[Interval, ...]
    ignored: tuple[Interval, ...] = ()


def cases(names: Sequence[str]) -> Iterator[tuple[str, list[Case]]]:
    """The conditions by name."""
    whole = joined(names)
    quiet = louder(whole, HEADROOM_DB)
    yield "as recorded", [_case(name) for name in names]
    yield "joined", [whole]
    yield "joined, levels jump by up to 24 dB", [joined(names, jump_db=12.0)]
    yield "joined, 25 dB quieter", [louder(whole, -25.0)]
    yield "joined, noise 20 dB louder for 0.3 s every 8 s", [with_bursts(quiet, 0.3)]
    yield "joined, coughs 20 dB louder every 8 s", [with_bursts(quiet, 0.4, cough=True)]
    yield "joined, noise 20 dB louder for 1 s every 8 s", [with_bursts(quiet, 1.0)]
    yield "joined, compressed 4:1", [compressed(whole)]
    yield "joined, white noise 20 dB below", [over(whole, WHITE, 20.0)]
    yield "joined, pink noise 15 dB below", [over(whole, PINK, 15.0)]
    yield "joined, music 15 dB below", [over(whole, MUSIC, 15.0)]


def joined(names: Sequence[str], jump_db: float = 0.0, seed: int = 0) -> Case:
    """All recordings one after the other; each up to `jump_db` louder or quieter."""
    rng = np.random.default_rng(seed)
    parts: list[Pcm] = []
    silences: list[Interval] = []
    start = 0.0
    for _ in range(ROUNDS):
        for name in rng.permutation(names):
            case = _case(str(name))
            gain = 10 ** (rng.uniform(-jump_db, jump_db) / 20) if jump_db else 1.0
            pcm = case.pcm[: len(case.pcm) // FRAME_SAMPLES * FRAME_SAMPLES]
            parts.append(_to_pcm(pcm * gain))
            for silence in case.silences:
                _append(silences, Interval(start + silence.start, start + silence.end))
            start += len(pcm) / SAMPLE_RATE_HZ
    return Case(np.concatenate(parts), tuple(silences))


def louder(case: Case, gain_db: float) -> Case:
    """The same at another level."""
    return replace(case, pcm=_to_pcm(case.pcm * 10 ** (gain_db / 20)))


def with_bursts(case: Case, seconds: float, *, cough: bool = False, seed: int = 1) -> Case:
    """Sounds 20 dB above the speech every 8 s, wherever they fall."""
    rng = np.random.default_rng(seed)
    level = _speech_rms(case) * 10 ** (BURST_DB / 20)
    mixed = case.pcm.astype(np.float64)
    count = round(seconds * SAMPLE_RATE_HZ)
    ramp = np.minimum(1, np.minimum(np.arange(count), np.arange(count)[::-1]) / 80)
    sounds: list[Interval] = []
    start = BURST_EVERY_S / 2
    while start + seconds < len(mixed) / SAMPLE_RATE_HZ:
        first = round(start * SAMPLE_RATE_HZ)
        mixed[first : first + count] += (
            level * ramp * (_cough(count, rng) if cough else rng.normal(size=count))
        )
        sounds.append(Interval(start - 0.02, start + seconds + 0.02))
        start += BURST_EVERY_S + rng.uniform(-0.5, 0.5)
    silences = [part for silence in case.silences for part in _without(silence, sounds)]
    return Case(_to_pcm(mixed), tuple(silences), tuple(sounds))


def compressed(case: Case, ratio: float = 4.0, threshold_db: float = -35.0) -> Case:
    """As a compressor leaves it: 15 dB a second of release, then as loud as it may be."""
    samples = case.pcm / 32768
    count = len(samples) // FRAME_SAMPLES
    power = np.mean(samples[: count * FRAME_SAMPLES].reshape(count, FRAME_SAMPLES) ** 2, axis=1)
    envelope, level = np.empty(count), -90.0
    for number, now in enumerate(10 * np.log10(power + 1e-10)):
        envelope[number] = level = max(now, level - 0.15)
    gain = np.repeat(-np.maximum(envelope - threshold_db, 0) * (1 - 1 / ratio), FRAME_SAMPLES)
    gain = np.pad(gain, (0, len(samples) - len(gain)), mode="edge")
    squeezed = samples * 10 ** (gain / 20)
    return replace(case, pcm=_to_pcm(16384 * squeezed / np.abs(squeezed).max()))


def over(case: Case, bed: Bed, below_db: float) -> Case:
    """Over a bed so far below the speech."""
    level = 20 * np.log10(_speech_rms(case) / 32768)
    return replace(case, pcm=_to_pcm(case.pcm + 32768 * bed.at(level - below_db).samples(0, len(case.pcm))))


@cache
def _case(name: str) -> Case:
    path = SPEECH / name
    pcm = read(path)
    labels = _scv(path) if path.with_suffix(".scv").exists() else _between(_words(path), len(pcm))
    return Case(pcm, tuple(labels))


def _scv(path: Path) -> list[Interval]:
    """The stretches without speech: `name,start,end,is_speech,…` in seconds."""
    fields = path.with_suffix(".scv").read_text().strip().split(",")[1:]
    rows = [fields[number : number + 3] for number in range(0, len(fields), 3)]
    return [Interval(float(start), float(end)) for start, end, speech in rows if speech == "0"]


def _words(path: Path) -> list[Interval]:
    """The words of a TextGrid, long or short, from its first tier of words."""
    text = path.with_suffix(".TextGrid").read_text(errors="replace")
    if "xmin" in text:
        tiers = re.split(r"item \[\d+\]:", text)[1:]
        tier = next(
            (tier for tier in tiers if re.search(r'name = "[^"]*word', tier, re.IGNORECASE)), tiers[0]
        )
        rows = re.findall(r'xmin = ([\d.]+)\s+xmax = ([\d.]+)\s+text = "([^"]*)"', tier)
    else:
        rows = re.findall(r'^([\d.]+)\n([\d.]+)\n"([^"]*)"$', text, re.MULTILINE)
    words: list[Interval] = []
    last = 0.0
    for start, end, word in rows:
        if float(start) < last - 1e-6:
            break  # the next tier
        last = float(end)
        if word.strip().lower() not in {"", "sil", "sp", "<eps>", "#", "_"}:
            words.append(Interval(float(start), float(end)))
    return words


def _between(words: Sequence[Interval], n_samples: int) -> list[Interval]:
    edges = [0.0, *(edge for word in words for edge in (word.start, word.end)), n_samples / SAMPLE_RATE_HZ]
    gaps = (Interval(start, end) for start, end in zip(edges[::2], edges[1::2], strict=True))
    return [gap for gap in gaps if gap.end > gap.start]


def _append(silences: list[Interval], more: Interval) -> None:
    if silences and abs(silences[-1].end - more.start) < 1e-3:
        silences[-1] = Interval(silences[-1].start, more.end)
    else:
        silences.append(more)


def _without(silence: Interval, sounds: Sequence[Interval]) -> Iterator[Interval]:
    start = silence.start
    for sound in sounds:
        if sound.end > start and sound.start < silence.end:
            if sound.start > start:
                yield Interval(start, sound.start)
            start = sound.end
    if start < silence.end:
        yield Interval(start, silence.end)


def _speech_rms(case: Case) -> float:
    speech = np.ones(len(case.pcm), np.bool_)
    for silence in case.silences:
        speech[round(silence.start * SAMPLE_RATE_HZ) : round(silence.end * SAMPLE_RATE_HZ)] = False
    return float(np.sqrt(np.mean(case.pcm[speech].astype(np.float64) ** 2)))


def _cough(count: int, rng: np.random.Generator) -> Samples:
    """Noise with a sharp begin that dies away, without its highest frequencies."""
    noise = np.convolve(rng.normal(size=count), np.ones(6) / 6, "same")
    decay = np.exp(-np.arange(count) * 4 / count)
    return np.asarray(1.5 * noise / np.sqrt(np.mean(noise**2)) * decay)


def _to_pcm(samples: Samples) -> Pcm:
    return np.asarray(np.clip(samples, -32768, 32767), np.int16)
