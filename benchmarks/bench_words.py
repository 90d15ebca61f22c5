"""
How far word times lie from the truth: Whisper alone, clamped to speech, aligned; and a text without times.

"By ear" is how other languages than English are aligned: by what Whisper hears in the chunk.

The truth: the hand-checked words of one spontaneous recording, and the times at which a synthetic voice
says what it says.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from tests.conftest import SPEECH

from audio_tools.alignment.pocketsphinx.aligner import SphinxAligner
from audio_tools.alignment.pocketsphinx.model import HESITATING_WORDS
from audio_tools.alignment.whisper import WhisperAligner
from audio_tools.audio.chunking import Cutter
from audio_tools.audio.pauses import between
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.engines.base import Request
from audio_tools.engines.whisper.engine import WhisperEngine
from audio_tools.engines.whisper.model import LATE_S
from audio_tools.engines.whisper.word_timer import WhisperWordTimer
from audio_tools.media.decode import Decoder
from audio_tools.media.encode import encode
from audio_tools.transcript import Interval, Word
from audio_tools.words.script import fold
from audio_tools.words.timing import fit_to_speech, spread
from benchmarks.flite import Flite
from benchmarks.splices import Said, read_textgrid

LABELLED = "acoustic_corpus"
SENTENCES = (
    "The storm had passed before they reached the harbour, and nobody spoke for a while.",
    "She counted seventeen boats, two of them without a mast.",
    "Whoever left the lantern burning must have known that we would come.",
    "There is a narrow path behind the chapel; it leads to the old quarry.",
    "We had agreed to meet at half past four, but the bridge was closed again.",
    "Nothing in the letter explained why he had sold his father's watch.",
)
HESITATING = (
    "The storm had passed, um, before they reached the harbour, and, uh, nobody spoke for a while.",
    "She counted, um, seventeen boats, two of them without, uh, a mast.",
    "Um, whoever left the lantern burning must have known that, um, we would come.",
    "There is a narrow path behind, uh, the chapel; um, it leads to the old quarry.",
    "Uh, we had agreed to meet at half past four, but, um, the bridge was closed again.",
    "Nothing in the letter, uh, explained why he had sold, um, his father's watch.",
)


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Samples, where they hold speech and the words in them."""

    name: str
    pcm: Pcm
    speech: list[Interval]
    truth: list[Said]


def bench(folder: Path) -> list[str]:
    """Lines of Markdown with the results; the model is kept in `folder`."""
    return asyncio.run(_bench(folder))


async def _bench(folder: Path) -> list[str]:
    lines = [
        "## Word times",
        "",
        "Error of a word's start and end, in ms: median, 95th percentile. Words that both texts have.",
        "",
        "| recording | times | words | start median | start p95 | end median | end p95 |",
        "|---|---|---|---|---|---|---|",
    ]
    whisper, aligner = WhisperEngine(model="base", data_dir=folder), SphinxAligner()
    try:
        for recording in (
            _labelled(),
            _synthetic("synthetic", SENTENCES),
            _synthetic("synthetic, hesitating", HESITATING),
        ):
            lines += await _rows(recording, whisper, aligner)
        lines += ["", await _speed(_labelled(), aligner)]
    finally:
        await whisper.close()
        await aligner.close()
    return lines


async def _rows(recording: Recording, whisper: WhisperEngine, aligner: SphinxAligner) -> list[str]:
    """One row for each way to get times."""
    pcm, speech = recording.pcm, recording.speech
    heard = (
        await whisper.transcribe(Request(encode(pcm, "flac", SAMPLE_RATE_HZ, 1), tuple(speech), "en"))
    ).words
    guessed = spread(" ".join(word.word for word in heard), speech)
    reference = spread(" ".join(said.word for said in recording.truth), speech)
    by_ear = WhisperAligner(WhisperWordTimer(whisper))
    ways = {
        "Whisper as it comes": [word.shifted(-LATE_S) for word in heard],
        f"Whisper, {1000 * LATE_S:.0f} ms later": heard,
        "the same, clamped": fit_to_speech(heard, speech, lambda _: False)[0],
        "Whisper, aligned": await aligner.align(pcm, heard, speech, "en"),
        "Whisper's text alone, spread": guessed,
        "Whisper's text alone, aligned": await aligner.align(pcm, guessed, speech, "en"),
        "true text, spread": reference,
        "true text, by ear": await by_ear.align(pcm, reference, speech, "en"),
        "true text, aligned": await aligner.align(pcm, reference, speech, "en"),
    }
    return [_row(recording, name, words) for name, words in ways.items()]


def _row(recording: Recording, name: str, words: Sequence[Word]) -> str:
    pairs = pair_words(recording.truth, words)
    errors = [(abs(word.start - said.start), abs(word.end - said.end)) for said, word in pairs]
    figures = (1000 * np.percentile(np.array(errors), [50, 95], axis=0)).T.ravel()
    return f"| {recording.name} | {name} | {len(errors)} | " + " | ".join(f"{f:.0f}" for f in figures) + " |"


def pair_words(truth: Sequence[Said], words: Sequence[Word]) -> list[tuple[Said, Word]]:
    """
    The words that both texts have, in order: as many as can be, and of equal choices the nearest in time.

    Where somebody says `words, word, words` and two are heard, the text alone cannot tell which.
    """
    # For each pair of beginnings of the two texts: how many pairs, how far apart in all, the last one.
    best = [[(0, 0.0, (-1, -1))] * (len(words) + 1) for _ in range(len(truth) + 1)]
    for a, said in enumerate(truth):
        for b, word in enumerate(words):
            best[a + 1][b + 1] = max(best[a][b + 1], best[a + 1][b], key=lambda way: way[:2])
            if fold(said.word) == fold(word.word):
                count, nearness, _ = best[a][b]
                paired = count + 1, nearness - abs(word.start - said.start), (a, b)
                best[a + 1][b + 1] = max(best[a + 1][b + 1], paired, key=lambda way: way[:2])
    pairs = []
    a, b = best[-1][-1][2]
    while a >= 0:
        pairs.append((truth[a], words[b]))
        a, b = best[a][b][2]
    return pairs[::-1]


async def _speed(recording: Recording, aligner: SphinxAligner) -> str:
    words = spread(" ".join(said.word for said in recording.truth), recording.speech)
    started = time.perf_counter()
    await aligner.align(recording.pcm, words, recording.speech, "en")
    took = time.perf_counter() - started
    times = len(recording.pcm) / SAMPLE_RATE_HZ / took
    return f"Aligning runs at {times:.0f} x realtime on one core."


def _labelled() -> Recording:
    with Decoder(SPEECH / f"{LABELLED}.wav", 0) as decoder:
        pcm = np.concatenate(list(decoder))
    return Recording("hand-checked", pcm, _speech(pcm), read_textgrid(SPEECH / f"{LABELLED}.TextGrid"))


def _synthetic(name: str, sentences: Sequence[str]) -> Recording:
    """Sentences of a synthetic voice in room tone, a pause behind each; its hesitations are no words."""
    room = np.random.default_rng(0)
    flite, parts, truth, length = Flite(), list[Pcm](), list[Said](), 0
    for sentence in sentences:
        pcm, words = flite.say(sentence)
        start = length / SAMPLE_RATE_HZ
        truth += [
            Said(word.word, word.start + start, word.end + start)
            for word in words
            if word.word not in HESITATING_WORDS
        ]
        parts.append(np.concatenate([pcm, np.zeros(SAMPLE_RATE_HZ, np.int16)]))
        length += len(parts[-1])
    pcm = np.concatenate(parts)
    pcm = (pcm + room.normal(0, 10, len(pcm))).clip(-32768, 32767).astype(np.int16)
    return Recording(name, pcm, _speech(pcm), truth)


def _speech(pcm: Pcm) -> list[Interval]:
    cutter = Cutter(300.0)
    cutter.push(pcm)
    cutter.finish()
    return between(cutter.pauses(), 0.0, len(pcm) / SAMPLE_RATE_HZ)


if __name__ == "__main__":
    import tempfile

    with tempfile.TemporaryDirectory() as kept:
        print("\n".join(bench(Path(kept))))
