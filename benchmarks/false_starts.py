"""
False starts, repeated takes and stutters spliced into read sentences, and legitimate repetition beside them.

The recordings hold no false starts, so each earlier attempt is a copy of what follows: exact, or with another
tempo, pitch, level and noise, which is farther from the second take than an exact copy but nearer than a
person's second attempt. Speakers are in the tuning or in the reporting set, never in both.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import av
import numpy as np

from audio_tools.alignment.pocketsphinx.process import Alignment, answers
from audio_tools.audio.chunking import Cutter
from audio_tools.audio.pauses import between
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.media.decode import Decoder
from audio_tools.transcript import Interval, Word
from audio_tools.words.timing import spread
from benchmarks.retake_material import Retaken
from benchmarks.splices import Floats

SENTENCES: dict[str, tuple[str, ...]] = {
    "tuning": (
        "sense_and_sensibility_01_austen_64kb-0870.wav",
        "sb_spk1_snt1.wav",
        "msajc003.wav",
        "2412-153948-0000.flac",
        "sense_and_sensibility_01_austen_64kb-0880.wav",
        "sb_spk1_snt2.wav",
        "msajc012.wav",
        "mfa_english_slow.wav",
        "sense_and_sensibility_01_austen_64kb-0890.wav",
        "sb_spk1_snt3.wav",
        "msajc022.wav",
        "mfa_english_t.wav",
        "sense_and_sensibility_01_austen_64kb-0920.wav",
        "sb_spk1_snt4.wav",
        "msajc057.wav",
        "sb_spk1_snt5.wav",
    ),
    "report": (
        "libri-1088-134315-0000.wav",
        "61-70968-0000.flac",
        "carrots1.wav",
        "LJ050-0131.wav",
        "leopard_test.wav",
        "voices_sp0307.wav",
        "oranges.wav",
        "cheetah_test_en.wav",
        "pumpkins.flac",
    ),
}
REPETITIVE: dict[str, tuple[str, ...]] = {
    "tuning": ("jfk.flac", "vosk_test.flac", "mfa_words.flac"),
    "report": ("cards_005.wav", "count.wav", "ami_ES2003a_0-30.flac"),
}
"""Recordings in which people repeat words without beginning again: lists, anaphora, spelling."""
ROUNDS = 4
LONGEST_SENTENCE_S = 8.0
PAUSE_S = 0.1, 1.0
BETWEEN_S = 0.6, 1.4
STUTTER_PAUSE_S = 0.05, 0.3
MANIFEST = "manifest.json"
SHORTEST_STUTTER_S = 0.1
"""Words with shorter times were not found by the aligner."""
ROOM_DB = -60.0
LEAST_WORDS, MOST_WORDS = 2, 8
"""Of a false start."""
KINDS = ("falseStart", "falseStart", "falseStart", "take", "stutter", "plain", "plain")


@dataclass(frozen=True, slots=True, eq=False)
class _Sentence:
    pcm: Pcm
    words: Sequence[Word]


def false_starts(folder: Path, which: str) -> list[Retaken]:
    """The rounds over the sentences of a set, each with other retakes; then what is repeated legitimately."""
    sentences = [part for name in SENTENCES[which] for part in _sentences(folder, name)]
    rounds = [_round(sentences, np.random.default_rng([len(which), number])) for number in range(ROUNDS)]
    plain = [_Sentence(_decoded(folder, name), ()) for name in REPETITIVE[which]]
    return [*rounds, _joined(plain, np.random.default_rng(len(which)))]


def _round(sentences: Sequence[_Sentence], random: np.random.Generator) -> Retaken:
    parts: list[Floats] = [_room(random, BETWEEN_S)]
    dropped: list[Interval] = []
    for number in random.permutation(len(sentences)):
        sentence = sentences[number]
        attempt, whole, pause_s = _attempt(sentence, str(random.choice(KINDS)), random)
        if attempt is not None:
            before, first = attempt
            start = sum(map(len, parts)) + len(before)
            dropped.append(Interval(start / SAMPLE_RATE_HZ, (start + len(first)) / SAMPLE_RATE_HZ))
            parts += [before, first, _room(random, pause_s)]
        parts += [whole, _room(random, BETWEEN_S)]
    return Retaken(_pcm(parts), tuple(dropped))


def _attempt(
    sentence: _Sentence, kind: str, random: np.random.Generator
) -> tuple[tuple[Floats, Floats] | None, Floats, tuple[float, float]]:
    """What comes before an earlier attempt and the attempt, if any; then what follows it, and the pause."""
    words, pcm = sentence.words, sentence.pcm
    start, end = words[0].start, words[-1].end
    if kind == "plain" or (kind != "take" and len(words) < LEAST_WORDS + 2):
        return None, _part(pcm, start, end), PAUSE_S
    if kind == "stutter":
        long = [n for n, word in enumerate(words[:-1]) if word.end - word.start >= SHORTEST_STUTTER_S]
        number = int(random.choice(long))
        word = words[number]
        before = _part(pcm, start, word.start) if number else np.zeros(0)
        attempt = _varied(_part(pcm, word.start, word.end), random)
        return (before, attempt), _part(pcm, word.start, end), STUTTER_PAUSE_S
    count = len(words)
    if kind == "falseStart":
        count = int(random.integers(LEAST_WORDS, min(MOST_WORDS, len(words) - 2) + 1))
    attempt = _varied(_part(pcm, start, words[count - 1].end), random)
    return (np.zeros(0), attempt), _part(pcm, start, end), PAUSE_S


def _varied(part: Floats, random: np.random.Generator) -> Floats:
    """The same words in another way; one of five is an exact copy."""
    if random.random() < 0.2:
        return part
    tempo, semitones, gain_db = random.uniform(0.85, 1.2), random.uniform(-1.2, 1.2), random.uniform(-4, 4)
    pitch = 2 ** (semitones / 12)
    filters = (
        ("asetrate", str(round(SAMPLE_RATE_HZ * pitch))),
        ("aresample", str(SAMPLE_RATE_HZ)),
        ("atempo", f"{tempo / pitch:.4f}"),
        ("volume", f"{gain_db:.2f}dB"),
    )
    changed = filtered(part, filters)
    level = np.sqrt(np.mean(changed**2)) * 10 ** (random.uniform(-40, -22) / 20)
    return np.asarray(changed + random.standard_normal(len(changed)) * level, np.float64)


def filtered(part: Floats, filters: Sequence[tuple[str, str]]) -> Floats:
    """Samples through FFmpeg's filters."""
    graph = av.filter.Graph()
    nodes = [graph.add_abuffer(format="s16", sample_rate=SAMPLE_RATE_HZ, layout="mono", time_base=None)]
    nodes += [graph.add(name, value) for name, value in filters]
    nodes.append(graph.add("aformat", f"sample_fmts=s16:channel_layouts=mono:sample_rates={SAMPLE_RATE_HZ}"))
    nodes.append(graph.add("abuffersink"))
    for one, other in pairwise(nodes):
        one.link_to(other)
    graph.configure()
    samples = np.clip(np.rint(part), -32768, 32767).astype(np.int16)
    frame = av.AudioFrame.from_ndarray(samples[None], format="s16", layout="mono")
    frame.sample_rate = SAMPLE_RATE_HZ
    graph.push(frame)
    graph.push(None)
    got = []
    while True:
        try:
            got.append(graph.pull().to_ndarray()[0])
        except (av.error.EOFError, av.error.BlockingIOError):
            return np.concatenate(got).astype(np.float64)


def _joined(recordings: Sequence[_Sentence], random: np.random.Generator) -> Retaken:
    parts = [_room(random, BETWEEN_S)]
    for each in recordings:
        parts += [each.pcm.astype(np.float64), _room(random, BETWEEN_S)]
    return Retaken(_pcm(parts), ())


def _sentences(folder: Path, name: str) -> list[_Sentence]:
    """The recording with its words aligned; a long one is parted in its longest pauses."""
    texts = {entry["file"]: entry.get("reference") for entry in json.loads((folder / MANIFEST).read_text())}
    pcm = _decoded(folder, name)
    cutter = Cutter(300.0)
    cutter.push(pcm)
    cutter.finish()
    speech = between(cutter.pauses(), 0.0, len(pcm) / SAMPLE_RATE_HZ)
    guessed = tuple(spread(texts[name], speech))
    return _parted(_Sentence(pcm, answers()(Alignment(pcm, guessed, tuple(speech)))))


def _parted(sentence: _Sentence) -> list[_Sentence]:
    words = sentence.words
    if words[-1].end - words[0].start <= LONGEST_SENTENCE_S:
        return [sentence]
    gaps = [b.start - a.end if 3 < n < len(words) - 4 else -1.0 for n, (a, b) in enumerate(pairwise(words))]
    cut = int(np.argmax(gaps)) + 1
    return [
        *_parted(replace(sentence, words=words[:cut])),
        *_parted(replace(sentence, words=words[cut:])),
    ]


def _decoded(folder: Path, name: str) -> Pcm:
    with Decoder(folder / name, 0) as decoder:
        return np.concatenate(list(decoder))


def _part(pcm: Pcm, start: float, end: float) -> Floats:
    part = pcm[round(start * SAMPLE_RATE_HZ) : round(end * SAMPLE_RATE_HZ)].astype(np.float64)
    ramp = np.linspace(0.0, 1.0, min(80, len(part) // 2))
    part[: len(ramp)] *= ramp
    part[len(part) - len(ramp) :] *= ramp[::-1]
    return part


def _room(random: np.random.Generator, seconds: tuple[float, float]) -> Floats:
    count = round(random.uniform(*seconds) * SAMPLE_RATE_HZ)
    return random.standard_normal(count) * 32768 * 10 ** (ROOM_DB / 20)


def _pcm(parts: Sequence[Floats]) -> Pcm:
    return np.clip(np.rint(np.concatenate(parts)), -32768, 32767).astype(np.int16)
