"""Local Whisper through the whole of audio-tools, beside faster-whisper called directly on the same files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jiwer
import numpy as np
import soundfile
from tests.conftest import SPEECH
from tests.wer import Errors, count_errors, fold_spelling

from audio_tools.audio.pcm import SAMPLE_RATE_HZ
from audio_tools.engines.whisper.weights import find_weights, has_weights
from audio_tools.media.decode import Decoder
from benchmarks.measure import Missing, python, run

MODEL = "base"
PAUSES_S = 0.2, 1.5
"""Between the joined recordings, drawn evenly."""
ROUNDS = 1
NOT_SPEECH_ALONE = ("mfa_", "overlapped")
"""Recordings of sounds and of two voices at once, whose references are not what an engine should write."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What one way made of a file: its text, its words, and the CPU seconds that it took."""

    text: str
    words: list[str]
    cpu_s: float


def bench(folder: Path, *, rounds: int = ROUNDS) -> list[str]:
    """
    Lines of Markdown with the results; the model is kept in `folder`.

    Raises:
        Missing: the model or the recordings are not here.
    """
    if not has_weights(MODEL, folder) or not (SPEECH / "manifest.json").is_file():
        raise Missing("no model of Whisper or no recordings are here")
    model = find_weights(MODEL, folder, on_download=lambda *_: None)
    entries = english()
    sets = {"tuned on": entries[::2], "reported": entries[1::2]}
    return list(_report(folder, model, sets, rounds))


def english() -> list[dict[str, Any]]:
    """Return the English recordings with a reference, in the order of the manifest."""
    manifest: list[dict[str, Any]] = json.loads((SPEECH / "manifest.json").read_text())
    return [
        entry
        for entry in manifest
        if entry.get("reference")
        and entry.get("language", "en") == "en"
        and "Spanish" not in str(entry.get("style"))
        and not entry["file"].startswith(NOT_SPEECH_ALONE)
    ]


def _report(folder: Path, model: Path, sets: dict[str, list[dict[str, Any]]], rounds: int) -> Iterator[str]:
    yield from (
        "## Local Whisper beside faster-whisper",
        "",
        "Joined recordings, CPU seconds of whole commands with the load of the model, in turn, the least of "
        f"{rounds} runs each: `audio-tools transcribe` with its defaults, aligner included, and "
        "`WhisperModel.transcribe` with all defaults and word times (int8). *Wrong*: words that are "
        "substituted, missing or added, in lower case without punctuation, numbers as words; *as written*: "
        "words of the word list that are not those of the text, letter by letter, of the same answer; "
        "*singly*: wrong words where each recording is a file of its own.",
        "",
        "| recordings | | CPU s | over direct | wrong | singly | as written |",
        "|---|---|---|---|---|---|---|",
    )
    for name, entries in sets.items():
        path, reference, seconds = _joined(folder / f"{name.split()[0]}.flac", entries)
        best = _in_turn(folder, model, path, rounds)
        files = [SPEECH / entry["file"] for entry in entries]
        alone = {"direct": _directly(model, files), "audio-tools": _each(folder, model, files)}
        for way, heard in best.items():
            ratio = heard.cpu_s / best["direct"].cpu_s
            wrong = count_errors(reference, heard.text)
            singly = _total(entries, alone[way])
            yield (
                f"| {name}, {len(entries)} in {seconds:.0f} s | {way} | {heard.cpu_s:.1f} | {ratio:.2f} | "
                f"{wrong.wrong} of {wrong.words} ({wrong.rate:.1%}) | {singly.rate:.1%} | "
                f"{_misspelled(heard)} |"
            )
    yield from _languages(folder, model)


def _languages(folder: Path, model: Path) -> Iterator[str]:
    """The errors in other languages, the language not given; in letters, since some write no words."""
    entries = [
        entry
        for entry in json.loads((SPEECH / "manifest.json").read_text())
        if entry.get("reference") and entry.get("language", "en") != "en"
    ]
    files = [SPEECH / entry["file"] for entry in entries]
    ours, direct = _each(folder, model, files), _directly(model, files)
    yield ""
    yield "Other languages, each recording on its own, the language not given; wrong letters."
    yield ""
    yield "| language | recordings | audio-tools | direct |"
    yield "|---|---|---|---|"
    for language in sorted({entry["language"] for entry in entries}):
        numbers = [n for n, entry in enumerate(entries) if entry["language"] == language]
        said = "".join(_letters(entries[n]["reference"]) for n in numbers)
        rates = [
            jiwer.cer(said, "".join(_letters(texts[n]) for n in numbers) or "-") for texts in (ours, direct)
        ]
        yield f"| {language} | {len(numbers)} | {rates[0]:.1%} | {rates[1]:.1%} |"


def _letters(text: str) -> str:
    return "".join(fold_spelling(text).split())


def _total(entries: Sequence[dict[str, Any]], texts: Sequence[str]) -> Errors:
    errors = Errors()
    for entry, text in zip(entries, texts, strict=True):
        errors += count_errors(entry["reference"], text)
    return errors


def _directly(model: Path, files: Sequence[Path]) -> list[str]:
    """The texts of files, each on its own."""
    lines = run(python("benchmarks.direct_whisper", model, *files)).output.splitlines()
    return [json.loads(line)["text"] for line in lines]


def _each(folder: Path, model: Path, files: Sequence[Path]) -> list[str]:
    """The texts of files, each on its own, by one command; empty where it finds no words."""
    out = folder / f"each {len(files)}"
    environment = [f"WHISPER_MODEL={model}", f"DATA_DIR={out / 'data'}", "ENGINE=whisper"]
    run(["env", *environment, *python("audio_tools", "transcribe", *files, "-f", "json", "-o", out)])
    return [json.loads((out / f"{file.stem}.json").read_text())["text"] for file in files]


def _in_turn(folder: Path, model: Path, path: Path, rounds: int) -> dict[str, Heard]:
    best: dict[str, Heard] = {}
    for number in range(rounds):
        for way in ("direct", "audio-tools"):
            heard = _direct(model, path) if way == "direct" else _ours(folder, model, path, way, number)
            if way not in best or heard.cpu_s < best[way].cpu_s:
                best[way] = heard
    return best


def _direct(model: Path, path: Path) -> Heard:
    measured = run(python("benchmarks.direct_whisper", model, path))
    answer = json.loads(measured.output)
    return Heard(answer["text"], answer["words"], measured.cpu_s)


def _ours(folder: Path, model: Path, path: Path, way: str, number: int) -> Heard:
    out = folder / f"{path.stem} {way} {number}"
    environment = [f"WHISPER_MODEL={model}", f"DATA_DIR={out / 'data'}", "ENGINE=whisper"]
    environment += [way] if "=" in way else []
    command = ["env", *environment, *python("audio_tools", "transcribe", path, "-f", "json", "-o", out)]
    cpu_s = run(command).cpu_s
    transcript = json.loads(next(out.glob("*.json")).read_text())
    return Heard(transcript["text"], [word["word"] for word in transcript["words"]], cpu_s)


def _misspelled(heard: Heard) -> int:
    """Words of the list that are not words of the text of the same answer."""
    found = jiwer.process_words(heard.text, " ".join(heard.words))
    return Errors(found.substitutions + found.deletions + found.insertions).wrong


def _joined(target: Path, entries: Sequence[dict[str, Any]]) -> tuple[Path, str, float]:
    """Recordings one after the other with short pauses: the file, what is said, its length in seconds."""
    lots = np.random.default_rng(0)
    parts = []
    for entry in entries:
        with Decoder(SPEECH / entry["file"], 0) as decoder:
            parts += list(decoder)
        pause = round(lots.uniform(*PAUSES_S) * SAMPLE_RATE_HZ)
        parts.append((lots.standard_normal(pause) * 10).astype(np.int16))
    pcm = np.concatenate(parts)
    soundfile.write(target, pcm, SAMPLE_RATE_HZ)
    return target, " ".join(entry["reference"] for entry in entries), len(pcm) / SAMPLE_RATE_HZ
