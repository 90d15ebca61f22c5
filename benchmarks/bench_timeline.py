"""
How long a cut plan and its files take.

A talk of 5 hours and 50,000 words with a pause after every seventh word: one plan by the default options, one
that removes fillers and retakes; then each file of a sequence of 2,000 cuts. CPU time, the best of five runs.
"""

from __future__ import annotations

import gc
import random
import time
from collections.abc import Callable
from fractions import Fraction
from functools import partial
from pathlib import Path

from pydantic.alias_generators import to_camel

from audio_tools.exports.cut_options import CutOptions
from audio_tools.exports.cut_plan import CutPlan, plan_cuts
from audio_tools.exports.export import Export
from audio_tools.exports.registry import FORMATS, render
from audio_tools.exports.source import media_reference
from audio_tools.transcript import AudioStream, Interval, MediaInfo, Transcript, Word

RUNS = 5
WORDS_A_PAUSE = 7
WORDS_A_SECOND = 50_000 / (5 * 3600)
REMOVE: dict[str, object] = {"fillers": "remove", "retakes": "remove"}
VOCABULARY = [f"{head}{tail}" for head in "bcdfghjklmnprstvw" for tail in ("a", "ee", "oth", "ing", "ouse")]
SMALL = str.split("the of to and a in is it you that he was for on are um")


def talk(n_words: int, words_a_pause: int, seconds: float, seed: int = 1) -> Transcript:
    """Words with a pause at regular intervals, spread over `seconds`."""
    chance = random.Random(seed)
    step = seconds / n_words
    words: list[Word] = []
    pauses: list[Interval] = []
    for number in range(n_words):
        start = step * number
        length = step * (0.8 if (number + 1) % words_a_pause else 0.3)
        text = chance.choice(SMALL if chance.random() < 0.5 else VOCABULARY)
        words.append(Word(text, round(start, 4), round(start + length, 4)))
        if not (number + 1) % words_a_pause:
            pauses.append(Interval(round(start + length, 4), round(start + step, 4)))
    stream = AudioStream(0, 1, "aac", 48_000, 2)
    media = MediaInfo(
        "mov",
        seconds,
        (stream,),
        frame_rate=Fraction(30000, 1001),
        width=1920,
        height=1080,
        start_timecode="01:00:00;00",
        drop_frame=True,
    )
    return Transcript(
        words=tuple(words),
        segments=(),
        silences=(),
        pauses=tuple(pauses),
        duration=seconds,
        total_chunks=1,
        success_rate=100.0,
        text="",
        language="en",
        engine="none",
        model="none",
        media=media,
    )


def best(call: Callable[[], object], runs: int) -> float:
    """The shortest CPU time of several runs, in milliseconds."""
    times = []
    for _ in range(runs):
        gc.collect()
        begin = time.process_time()
        call()
        times.append(time.process_time() - begin)
    return 1000 * min(times)


def bench(folder: Path, n_words: int = 50_000, n_cuts: int = 2_000, runs: int = RUNS) -> list[str]:  # noqa: ARG001
    """
    Lines of Markdown with the results.

    Args:
        folder: not used; nothing is written.
        n_words: words of the talk that is planned; 2.8 a second.
        n_cuts: cuts of the sequence that is written.
        runs: number of runs; the best one counts.
    """
    close: dict[str, object] = {"min_silence": 0.1, "pad_before": 0.02, "pad_after": 0.02, "merge_gap": 0.0}
    long = talk(n_words, WORDS_A_PAUSE, n_words / WORDS_A_SECOND)
    media = media_reference(long, "talk.mov")
    lines = ["## Timeline", "", "| what | cuts | CPU time | size |", "|---|---|---|---|"]
    for name, actions in (("plan, silences", {}), ("plan, fillers and retakes too", REMOVE)):
        options = CutOptions.parse(to_camel_names(close | actions))[0]
        cuts = len(plan_cuts(long, media, options).cut)
        taken = best(partial(plan_cuts, long, media, options), runs)
        lines.append(f"| {name}, {n_words} words | {cuts} | {taken:.0f} ms | |")
    short = talk(n_cuts * WORDS_A_PAUSE, WORDS_A_PAUSE, n_cuts * WORDS_A_PAUSE / WORDS_A_SECOND)
    plan = plan_cuts(short, media_reference(short, "talk.mov"), CutOptions.parse(to_camel_names(close))[0])
    for name in FORMATS:
        n_bytes = sum(len(part.data) for part in render(name, Export(short, "talk.mov", plan)))
        taken = best(partial(_render, name, short, plan), runs)
        lines.append(f"| `{name}` | {len(plan.cut)} | {taken:.0f} ms | {n_bytes / 1e6:.2f} MB |")
    return lines


def to_camel_names(options: dict[str, object]) -> dict[str, object]:
    """Options as a client sends them."""
    return {to_camel(name): value for name, value in options.items()}


def _render(name: str, transcript: Transcript, plan: CutPlan) -> None:
    render(name, Export(transcript, "talk.mov", plan))
