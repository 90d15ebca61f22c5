"""
Labelled recordings cut apart and put together again: hesitations, coughs, repeats and jumps of the level.

Everything follows from the recordings and a seed, so the same material comes out on every machine.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.media.decode import Decoder

TUNING = ("msajc003", "msajc012", "msajc022", "msajc057", "bobby", "carrots1")
"""The recordings that constants were chosen on; no recording is in both sets."""
REPORT = ("acoustic_corpus", "damon_set_test", "oranges", "pumpkins")
"""The recordings that figures are reported on."""
MEETINGS_TUNING = ("ami_EN2001a_0-30", "ami_EN2006a_0-30")
MEETINGS_REPORT = ("ami_EN2002a_0-30", "ami_EN2002b_0-30", "ami_ES2003a_0-30")
"""Meetings: their starts are good, their ends run on to the next word."""

KINDS = ("hesitation", "cough", "repeat", "louder", "quieter", "pause")
LONGEST_PART_S = 9.0
"""Longer recordings are used in parts of about this length in seconds, cut between two words."""
LEVEL_JUMPS_DB = 8.0, 20.0
FADE_S = 0.004
ROOM_TONE_DBFS = -66.0
BETWEEN_S = 0.9
"""Room tone between two pieces of material."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Said:
    """A word and when it was said, in seconds."""

    word: str
    start: float
    end: float

    def shifted(self, seconds: float) -> Said:
        """The same word, `seconds` later."""
        return replace(self, start=self.start + seconds, end=self.end + seconds)


@dataclass(frozen=True, slots=True, eq=False)
class Labelled:
    """Samples and the words in them, in order."""

    name: str
    pcm: Pcm
    truth: tuple[Said, ...]

    @property
    def seconds(self) -> float:
        """The length of the samples."""
        return len(self.pcm) / SAMPLE_RATE_HZ


def read_labelled(folder: Path, name: str) -> Labelled:
    """A recording of the shared material with its labels (`.TextGrid` or `.words.json`)."""
    path = next(path for path in sorted(folder.glob(f"{name}.*")) if path.suffix in {".wav", ".flac"})
    with Decoder(path, 0) as decoder:
        pcm = np.concatenate(list(decoder))
    grid = folder / f"{name}.TextGrid"
    if grid.is_file():
        return Labelled(name, pcm, tuple(read_textgrid(grid)))
    records = json.loads((folder / f"{name}.words.json").read_text())
    words = [Said(record["word"], record["start"], record["end"]) for record in records]
    return Labelled(name, pcm, tuple(sorted(words, key=lambda said: said.start)))


def read_textgrid(path: Path) -> list[Said]:
    """The words of a short-form Praat TextGrid, without the pauses."""
    lines = path.read_text(encoding="utf-8").splitlines()
    first = lines.index('"words"') + 4
    rows = [lines[first + 3 * n : first + 3 * n + 3] for n in range(int(lines[first - 1]))]
    words = [Said(word.strip().strip('"'), float(start), float(end)) for start, end, word in rows]
    return [said for said in words if said.word and not said.word.startswith("<")]


def splices(recordings: Sequence[Labelled], count: int) -> list[Labelled]:
    """Pieces of material with one change each, named by recording and kind."""
    parts = [part for recording in recordings for part in in_parts(recording)]
    made: list[Labelled] = []
    for number in range(count):
        # Each round over the parts begins with another kind.
        round_of_parts, position = divmod(number, len(parts))
        part, kind = parts[position], KINDS[(round_of_parts + position) % len(KINDS)]
        made.append(_splice(part, kind, np.random.default_rng([number, len(part.pcm)])))
    return made


def join(material: Sequence[Labelled], name: str) -> Labelled:
    """One after the other, with room tone before, between and behind."""
    random = np.random.default_rng(len(material))
    parts, truth, length = [], list[Said](), 0
    for piece in material:
        tone = _room_tone(BETWEEN_S, random)
        parts += [tone, _samples(piece.pcm)]
        truth += [said.shifted((length + len(tone)) / SAMPLE_RATE_HZ) for said in piece.truth]
        length += len(tone) + len(piece.pcm)
    parts.append(_room_tone(BETWEEN_S, random))
    return Labelled(name, _pcm(np.concatenate(parts)), tuple(truth))


def in_parts(recording: Labelled) -> Iterator[Labelled]:
    """A recording in parts that a sentence may have, cut in its longest gaps between words."""
    words = recording.truth
    if recording.seconds <= LONGEST_PART_S or len(words) < 2:
        yield recording
        return
    middle = recording.seconds / 2
    near = [(a.end, b.start) for a, b in pairwise(words) if abs(a.end - middle) < recording.seconds / 4]
    end, start = max(near or [(words[0].end, words[1].start)], key=lambda gap: gap[1] - gap[0])
    cut = (end + start) / 2
    at = round(cut * SAMPLE_RATE_HZ)
    before = tuple(said for said in words if said.start < cut)
    behind = tuple(said.shifted(-at / SAMPLE_RATE_HZ) for said in words if said.start >= cut)
    yield from in_parts(Labelled(recording.name, recording.pcm[:at], before))
    yield from in_parts(Labelled(recording.name, recording.pcm[at:], behind))


def _splice(part: Labelled, kind: str, random: np.random.Generator) -> Labelled:
    """A part with one change at a border between two of its words."""
    words = part.truth
    number = int(random.integers(1, len(words))) if len(words) > 1 else 0
    cut = (words[number - 1].end + words[number].start) / 2 if number else 0.0
    at = round(cut * SAMPLE_RATE_HZ)
    before, behind = _samples(part.pcm[:at]), _samples(part.pcm[at:])
    inserted: Floats = np.zeros(0)
    said: tuple[Said, ...] = ()
    match kind:
        case "louder" | "quieter":
            jump_db = random.uniform(*LEVEL_JUMPS_DB) * (1 if kind == "louder" else -1)
            gain = 10 ** (jump_db / 20)
            peak = max(float(np.abs(behind).max(initial=1.0)), 1.0)
            behind = behind * min(gain, 32767 / peak)
        case "hesitation":
            inserted = _with_pauses(_vowel(_samples(part.pcm), random.uniform(0.25, 0.7)), random)
        case "cough":
            inserted = _with_pauses(_cough(_samples(part.pcm), random), random)
        case "pause":
            inserted = _room_tone(random.uniform(0.4, 2.5), random)
        case _:
            first = max(number - int(random.integers(1, 3)), 0)
            start = words[first].start if number else 0.0
            inserted = _faded(_samples(part.pcm[round(start * SAMPLE_RATE_HZ) : at]))
            said = tuple(word.shifted(cut - start) for word in words[first:number])
    later = len(inserted) / SAMPLE_RATE_HZ
    truth = (*words[:number], *said, *(word.shifted(later) for word in words[number:]))
    joined = np.concatenate([_faded(before), inserted, _faded(behind)])
    return Labelled(f"{part.name}, {kind}", _pcm(joined), truth)


def _vowel(samples: Floats, seconds: float) -> Floats:
    """The loudest vowel of a voice, drawn out: one period of it again and again."""
    window = SAMPLE_RATE_HZ // 25
    energy = np.convolve(samples**2, np.ones(window), "valid")
    start = int(energy.argmax())
    loud = samples[start : start + window]
    lags = np.arange(SAMPLE_RATE_HZ // 350, SAMPLE_RATE_HZ // 70)
    period = int(lags[np.argmax([np.dot(loud[:-lag], loud[lag:]) / (window - lag) for lag in lags])])
    # Two periods laid over each other, so that the end of one leads to its beginning.
    fade = np.linspace(0.0, 1.0, period)
    cycle_of_voice = loud[:period] * fade + loud[period : 2 * period] * (1 - fade)
    vowel = np.tile(cycle_of_voice, int(seconds * SAMPLE_RATE_HZ) // period)
    return _faded(0.5 * vowel, 0.05)


def _cough(samples: Floats, random: np.random.Generator) -> Floats:
    """A burst of noise 10 to 20 dB louder than the voice, as a cough begins and dies away."""
    count = int(random.uniform(0.15, 0.35) * SAMPLE_RATE_HZ)
    noise = np.convolve(random.standard_normal(count + 7), np.ones(8) / np.sqrt(8), "valid")
    shape = np.exp(-np.linspace(0.0, 4.0, count)) * np.minimum(np.linspace(0.0, 20.0, count), 1.0)
    loud = float(np.sqrt(np.mean(samples**2))) * 10 ** (random.uniform(10, 20) / 20)
    return np.asarray(np.clip(noise * shape * loud, -30000, 30000))


def _with_pauses(sound: Floats, random: np.random.Generator) -> Floats:
    before, behind = (_room_tone(random.uniform(0.05, 0.5), random) for _ in range(2))
    return np.concatenate([before, sound, behind])


def _room_tone(seconds: float, random: np.random.Generator) -> Floats:
    return random.standard_normal(round(seconds * SAMPLE_RATE_HZ)) * 32768 * 10 ** (ROOM_TONE_DBFS / 20)


def _faded(samples: Floats, seconds: float = FADE_S) -> Floats:
    """Without clicks at its ends."""
    count = min(round(seconds * SAMPLE_RATE_HZ), len(samples) // 2)
    ramp, faded = np.linspace(0.0, 1.0, count), samples.copy()
    faded[:count] *= ramp
    faded[len(faded) - count :] *= ramp[::-1]
    return faded


def _samples(pcm: Pcm | Floats) -> Floats:
    return np.asarray(pcm, np.float64)


def _pcm(samples: Floats) -> Pcm:
    return np.asarray(np.clip(np.rint(samples), -32768, 32767), np.int16)
