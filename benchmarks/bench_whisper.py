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
from tests.wer import Errors, count_errors

from audio_tools.audio.pcm import SAMPLE_RATE_HZ
from audio_tools.engines.whisper.weights import find_weights, has_weights
from audio_tools.media.decode import Decoder
from benchmarks.measure import Missing, python, run

MODEL = "base"
PAUSES_S = 0.2, 1.5
"""Between the joined recordings, drawn evenly."""
ROUNDS = 2
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
        f"{rounds} runs each: `audio-tools transcribe` with its defaults, without the aligner, and "
        "`WhisperModel.transcribe` with all defaults and word times (int8). *Wrong*: words that are "
        "substituted, missing or added, in lower case without punctuation, numbers as words; *as written*: "
        "words of the word list that are not those of the text, letter by letter, of the same answer.",
        "",
        "| recordings | | CPU s | over direct | wrong | as written |",
        "|---|---|---|---|---|---|",
    )
    for name, entries in sets.items():
        path, reference, seconds = _joined(folder / f"{name.split()[0]}.flac", entries)
        best = _in_turn(folder, model, path, rounds)
        for way, heard in best.items():
            ratio = heard.cpu_s / best["direct"].cpu_s
            wrong = count_errors(reference, heard.text)
            yield (
                f"| {name}, {len(entries)} in {seconds:.0f} s | {way} | {heard.cpu_s:.1f} | {ratio:.2f} | "
                f"{wrong.wrong} of {wrong.words} ({wrong.rate:.1%}) | {_misspelled(heard)} |"
            )


def _in_turn(folder: Path, model: Path, path: Path, rounds: int) -> dict[str, Heard]:
    best: dict[str, Heard] = {}
    for number in range(rounds):
        for way in ("direct", "audio-tools", "ALIGN=off"):
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
