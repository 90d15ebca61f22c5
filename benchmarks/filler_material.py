"""
Hesitations of people spliced between the words of other recordings.

A hesitation and a host are used either for tuning or for the report, never for both. Edges of hesitations are
those at which their level rises and falls in their own recording, within what people labelled.
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
from audio_tools.transcript import Interval
from audio_tools.words.timing import spread
from benchmarks.splices import Floats, Labelled, Said, in_parts, read_labelled

Token = tuple[str, str, float, float]
"""Recording, word, start and end in seconds."""

TOKENS: dict[str, tuple[Token, ...]] = {
    "tuning": (
        ("mfa_uh", "uh", 2.42, 3.62),
        ("mfa_crossword", "um", 2.22, 2.76),
        ("mfa_crossword", "um", 5.82, 6.53),
        ("ami_EN2001a_0-30", "um", 22.33, 22.76),
        ("ami_EN2006a_0-30", "um", 28.87, 29.13),
        ("acoustic_corpus", "um", 8.02, 8.57),
        ("acoustic_corpus", "uh", 14.51, 14.87),
        ("acoustic_corpus", "um", 22.9, 23.53),
    ),
    "report": (
        ("mfa_uhuh", "uh", 1.88, 2.06),
        ("mfa_uhuh", "uh", 2.58, 2.79),
        ("mfa_uhuh", "uh", 3.19, 3.51),
        ("mfa_uhuh", "uh", 4.52, 5.24),
        ("ami_ES2003a_0-30", "um", 9.2, 9.86),
        ("ami_ES2003a_0-30", "um", 18.46, 18.88),
    ),
}
LABELLED_HOSTS = {
    "tuning": ("msajc003", "msajc012", "msajc022", "msajc057", "bobby", "carrots1"),
    "report": ("damon_set_test", "oranges", "pumpkins"),
}
READ_HOSTS = {
    "tuning": (
        "sense_and_sensibility_01_austen_64kb-0870",
        "sense_and_sensibility_01_austen_64kb-0890",
        "sb_spk1_snt1",
        "sb_spk1_snt3",
        "libri-1088-134315-0000",
        "mfa_english_t",
    ),
    "report": (
        "jfk",
        "2412-153948-0000",
        "LJ050-0131",
        "sb_spk1_snt2",
        "sb_spk1_snt4",
        "leopard_test",
        "voices_sp0307",
        "cheetah_test_en",
    ),
}
"""Recordings with a text alone: their words are aligned with the audio."""
LABELLED_FILLERS = {
    "tuning": ("acoustic_corpus", "ami_EN2001a_0-30", "ami_EN2006a_0-30"),
    "report": ("ami_ES2003a_0-30",),
}
"""Recordings with `um` and `uh` among the labels; those of meetings run on to the next word."""
NOT_LABELLED = {"acoustic_corpus": (Said("uh", 14.51, 14.87),)}
"""In the text of a recording, but not among its labels."""
NAMES = {"um", "uh"}

TEMPO = 0.87, 1.15
LEVELS_DB = -8.0, 2.0
"""Beside that of the host."""
PAUSE_S = 0.03, 0.6
ABUTTING = 0.4
"""The share of sides on which there is no pause."""
ROOM_DB = -66.0
EDGE_DB = 22.0
FADE_S = 0.01


@dataclass(frozen=True, slots=True, eq=False)
class Spliced:
    """A piece of material: `said` without the hesitations, and these."""

    said: Labelled
    fillers: tuple[Said, ...]


def spliced(folder: Path, which: str, count: int) -> list[Spliced]:
    """Hosts with one hesitation each, in turns, and behind them each host as it is."""
    hosts = [host for host in _hosts(folder, which) if len(host.truth) > 2]
    tokens = list(_tokens(folder, TOKENS[which]))
    made = [
        _splice(hosts[number % len(hosts)], *tokens[number % len(tokens)], np.random.default_rng([7, number]))
        for number in range(count)
    ]
    return made + [Spliced(host, ()) for host in hosts]


def with_labels(folder: Path, which: str) -> Iterator[Spliced]:
    """The recordings in which people hesitate."""
    for name in LABELLED_FILLERS[which]:
        recording = read_labelled(folder, name)
        labelled = tuple(said for said in recording.truth if said.word.lower() in NAMES)
        rest = tuple(said for said in recording.truth if said not in labelled)
        fillers = (*labelled, *NOT_LABELLED.get(name, ()))
        yield Spliced(Labelled(name, recording.pcm, rest), fillers)


def _hosts(folder: Path, which: str) -> Iterator[Labelled]:
    for name in LABELLED_HOSTS[which]:
        yield from in_parts(read_labelled(folder, name))
    texts = {Path(entry["file"]).stem: entry for entry in json.loads((folder / "manifest.json").read_text())}
    align = answers()
    for name in READ_HOSTS[which]:
        pcm = _read(folder, name)
        cutter = Cutter(300.0)
        cutter.push(pcm)
        cutter.finish()
        speech = between(cutter.pauses(), 0.0, len(pcm) / SAMPLE_RATE_HZ)
        words = align(Alignment(pcm, tuple(spread(texts[name]["reference"], speech)), tuple(speech)))
        truth = tuple(Said(word.word, word.start, word.end) for word in words)
        yield from in_parts(Labelled(name, pcm, truth))


def _read(folder: Path, name: str) -> Pcm:
    path = next(path for path in sorted(folder.glob(f"{name}.*")) if path.suffix in {".wav", ".flac"})
    with Decoder(path, 0) as decoder:
        return np.concatenate(list(decoder))


def _tokens(folder: Path, tokens: Sequence[Token]) -> Iterator[tuple[str, Floats]]:
    for name, word, start, end in tokens:
        pcm = _read(folder, name)[round(start * SAMPLE_RATE_HZ) : round(end * SAMPLE_RATE_HZ)]
        yield word, _trimmed(pcm.astype(np.float64))


def _trimmed(sound: Floats) -> Floats:
    """The sound without what is much softer than its loudest moment at either end."""
    step = SAMPLE_RATE_HZ // 200
    levels = np.array([_rms(sound[at : at + step]) for at in range(0, len(sound) - step, step)])
    loud = np.flatnonzero(levels > levels.max() * 10 ** (-EDGE_DB / 20))
    return sound[loud[0] * step : (loud[-1] + 1) * step]


def _splice(host: Labelled, word: str, sound: Floats, random: np.random.Generator) -> Spliced:
    """The host with a hesitation at a border between two of its words."""
    step = random.uniform(*TEMPO)
    sound = np.interp(np.arange(0, len(sound) - 1, step), np.arange(len(sound)), sound)
    pcm, words = host.pcm.astype(np.float64), host.truth
    gain = 10 ** (random.uniform(*LEVELS_DB) / 20) * _rms(pcm) / _rms(sound)
    number = int(random.integers(1, len(words)))
    cut = (words[number - 1].end + words[number].start) / 2
    at = round(cut * SAMPLE_RATE_HZ)
    before, behind = (
        _room(0.0 if random.random() < ABUTTING else random.uniform(*PAUSE_S), random) for _ in range(2)
    )
    parts = [_faded(pcm[:at]), before, _faded(sound * gain), behind, _faded(pcm[at:])]
    joined = np.clip(np.rint(np.concatenate(parts)), -32768, 32767).astype(np.int16)
    start, later = (
        cut + len(before) / SAMPLE_RATE_HZ,
        (len(before) + len(sound) + len(behind)) / SAMPLE_RATE_HZ,
    )
    truth = (*words[:number], *(said.shifted(later) for said in words[number:]))
    filler = Said(word, start, start + len(sound) / SAMPLE_RATE_HZ)
    return Spliced(Labelled(host.name, joined, truth), (filler,))


def _rms(samples: Floats) -> float:
    return float(np.sqrt(np.mean(samples**2)))


def _room(seconds: float, random: np.random.Generator) -> Floats:
    return random.standard_normal(round(seconds * SAMPLE_RATE_HZ)) * 32768 * 10 ** (ROOM_DB / 20)


def _faded(samples: Floats) -> Floats:
    count = min(round(FADE_S * SAMPLE_RATE_HZ), len(samples) // 2)
    faded, ramp = samples.copy(), np.linspace(0.0, 1.0, count)
    faded[:count] *= ramp
    faded[len(faded) - count :] *= ramp[::-1]
    return faded


def overlaps(one: Said, other: Interval) -> bool:
    """Whether two stretches are the same hesitation: they share more than half of the shorter one."""
    shared = min(one.end, other.end) - max(one.start, other.start)
    return shared > min(one.end - one.start, other.end - other.start) / 2
