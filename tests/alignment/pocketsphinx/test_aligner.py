"""PocketSphinx on real recordings, and its processes."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import psutil
import pytest
import pytest_asyncio

from audio_tools.alignment.pocketsphinx import aligner as sphinx
from audio_tools.alignment.pocketsphinx.aligner import SphinxAligner
from audio_tools.alignment.pocketsphinx.model import Sphinx
from audio_tools.alignment.pocketsphinx.pronunciations import spoken_forms
from audio_tools.audio.chunking import Cutter
from audio_tools.audio.pauses import between
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.media.decode import Decoder
from audio_tools.transcript import Interval, Word
from audio_tools.words.timing import spread

pytest.importorskip("pocketsphinx", reason="the aligner (extra [align]) is not installed")
pytestmark = pytest.mark.asyncio(loop_scope="module")

LABELLED = "acoustic_corpus"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def aligner() -> AsyncIterator[SphinxAligner]:
    made = SphinxAligner()
    yield made
    await made.close()


def read(path: Path) -> tuple[Pcm, list[Interval]]:
    """Samples and where they hold speech."""
    with Decoder(path, 0) as decoder:
        pcm = np.concatenate(list(decoder))
    cutter = Cutter(300.0)
    cutter.push(pcm)
    cutter.finish()
    return pcm, between(cutter.pauses(), 0.0, len(pcm) / SAMPLE_RATE_HZ)


def labels(path: Path) -> list[Word]:
    """The words of a short-form Praat TextGrid, without the pauses."""
    lines = path.read_text(encoding="utf-8").splitlines()
    first = lines.index('"words"') + 4
    rows = [lines[first + 3 * n : first + 3 * n + 3] for n in range(int(lines[first - 1]))]
    return [Word(word.strip('"'), float(start), float(end)) for start, end, word in rows if word != '""']


def errors_ms(words: Sequence[Word], truth: Sequence[Word]) -> list[float]:
    """Median and 95th percentile of the starts, then of the ends."""
    starts = [1000 * abs(word.start - true.start) for word, true in zip(words, truth, strict=True)]
    ends = [1000 * abs(word.end - true.end) for word, true in zip(words, truth, strict=True)]
    return [*np.percentile(starts, [50, 95]), *np.percentile(ends, [50, 95])]


async def test_words_without_times_come_within_a_frame_of_the_labels(
    aligner: SphinxAligner, speech: Path
) -> None:
    """Half of all words within 20 ms, 19 of 20 within 100 ms, from nothing but their text."""
    truth = labels(speech / f"{LABELLED}.TextGrid")
    pcm, stretches = read(speech / f"{LABELLED}.wav")
    guessed = spread(" ".join(word.word for word in truth), stretches)

    words = await aligner.align(pcm, guessed, stretches, "en")

    start_median, start_p95, end_median, end_p95 = errors_ms(words, truth)
    assert [word.word for word in words] == [word.word for word in truth]
    assert {word.timing for word in words} == {"aligned"}
    assert max(start_median, end_median) <= 20
    assert max(start_p95, end_p95) <= 100


async def test_a_hesitation_that_the_text_leaves_out_is_no_part_of_a_word(
    aligner: SphinxAligner, speech: Path
) -> None:
    """`Um, and that` heard as `and that`: the first word starts behind the hesitation."""
    truth = [word for word in labels(speech / f"{LABELLED}.TextGrid") if word.word != "um"]
    pcm, stretches = read(speech / f"{LABELLED}.wav")
    guessed = spread(" ".join(word.word for word in truth), stretches)

    words = await aligner.align(pcm, guessed, stretches, "en")

    last_and = max(number for number, word in enumerate(truth) if word.word == "and")
    assert words[last_and].start == pytest.approx(truth[last_and].start, abs=0.1)
    assert max(errors_ms(words, truth)) <= 100


async def test_early_engine_times_are_corrected(aligner: SphinxAligner, speech: Path) -> None:
    """Words that an engine placed 0.3 s early land where they were said."""
    truth = labels(speech / f"{LABELLED}.TextGrid")
    pcm, stretches = read(speech / f"{LABELLED}.wav")

    words = await aligner.align(pcm, [word.shifted(-0.3) for word in truth], stretches, None)

    assert errors_ms(words, truth)[0] <= 20


async def test_numbers_are_aligned(aligner: SphinxAligner, speech: Path) -> None:
    """`1813` is found where somebody says eighteen thirteen."""
    pcm, stretches = read(speech / "LJ002-0020.wav")

    words = await aligner.align(pcm, spread("in 1813.", stretches), stretches, "en")

    assert [word.timing for word in words] == ["aligned", "aligned"]
    assert words[1].end - words[1].start > 0.6


async def test_a_wrong_text_is_noticed(aligner: SphinxAligner, speech: Path) -> None:
    """Its words stay exactly as they came, whatever the search makes of them."""
    references = {
        r["file"]: r["reference"]
        for r in json.loads((speech / "manifest.json").read_text())
        if "reference" in r
    }
    pcm, stretches = read(speech / "jfk.flac")
    wrong = spread(references["2412-153948-0000.flac"], stretches)

    assert await aligner.align(pcm, wrong, stretches, "en") == wrong


async def test_words_of_another_language_are_left_alone(aligner: SphinxAligner, speech: Path) -> None:
    """The model knows the sounds of English only."""
    pcm, stretches = read(speech / "13697_11991_000000.opus")
    spanish = spread("la sorpresa y el disgusto que produjo", stretches)

    assert await aligner.align(pcm, spanish, stretches, "es") == spanish


async def test_aligned_words_are_apart_and_the_same_each_time(aligner: SphinxAligner, speech: Path) -> None:
    """Same samples and words, same times; no overlap, no empty word."""
    pcm, stretches = read(speech / "jfk.flac")
    text = "And so, my fellow Americans, ask not what your country can do for you"
    first = await aligner.align(pcm, spread(text, stretches), stretches, "en")

    assert first == await aligner.align(pcm, spread(text, stretches), stretches, "en")
    assert all(word.start < word.end for word in first)
    assert all(left.end <= right.start + 1e-9 for left, right in pairwise(first))


async def test_what_was_aligned_before_changes_nothing(aligner: SphinxAligner, speech: Path) -> None:
    """The decoder keeps no state between utterances: the same samples and words give the same times."""
    pcm, stretches = read(speech / "voices_sp0307.wav")
    words = spread("I had that curiosity beside me at this moment", stretches)
    fresh = SphinxAligner()
    first = await fresh.align(pcm, words, stretches, "en")
    await fresh.close()
    loud, where = read(speech / "carrots1.wav")
    await aligner.align(loud, spread("carrots are a good source of vitamins", where), where, "en")

    found, again = (Sphinx() for _ in range(2))
    ways = [spoken_forms(word.word) for word in words]
    again.find(loud, [spoken_forms("carrots")], 1, False)

    assert await aligner.align(pcm, words, stretches, "en") == first
    assert again.find(pcm, ways, 1, False) == found.find(pcm, ways, 1, False)


@pytest.mark.slow
async def test_silence_and_noise_hold_no_words(aligner: SphinxAligner) -> None:
    """Digital silence is not speech, even where somebody says it is."""
    words = [Word("dog", 0.0, 0.5, timing="estimated"), Word("cat", 0.5, 1.0, timing="estimated")]
    noise = np.random.default_rng(0).normal(0, 500, 48_000).astype(np.int16)

    for pcm in (np.zeros(48_000, np.int16), noise, np.zeros(0, np.int16)):
        assert await aligner.align(pcm, words, [Interval(0.0, len(pcm) / SAMPLE_RATE_HZ)], "en") == words


@pytest.mark.parametrize("attempts", [1, sphinx.ATTEMPTS])
async def test_a_crash_costs_no_alignment(
    speech: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, attempts: int
) -> None:
    """A chunk is aligned once more in another process; after the last attempt its words stay as they were."""
    monkeypatch.setattr(sphinx, "ATTEMPTS", attempts)
    aligner = SphinxAligner()
    pcm, stretches = read(speech / "LJ002-0020.wav")
    words = spread("in 1813", stretches)
    try:
        await aligner.align(pcm, words, stretches, "en")
        aligning, process = await frozen(aligner, pcm, words, stretches)
        process.kill()
        kept = await aligning
        assert (kept == words) == (attempts == 1)
        assert (kept[0].timing == "aligned") == (attempts > 1)
        assert "killed by SIGKILL" in caplog.text
        assert (await aligner.align(pcm, words, stretches, "en"))[0].timing == "aligned"
    finally:
        await aligner.close()


async def test_waiting_for_a_turn_takes_no_patience(speech: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk that is given up costs the next in line nothing of its own time."""
    monkeypatch.setattr(sphinx, "PATIENCE_S", 0.0)
    aligner = SphinxAligner(processes=1)
    pcm, stretches = read(speech / "LJ002-0020.wav")
    words = spread("in 1813", stretches)
    try:
        with monkeypatch.context() as patient:
            patient.setattr(sphinx, "PATIENCE_S", 60.0)
            await aligner.align(pcm, words, stretches, "en")
        stuck, process = await frozen(aligner, pcm, words, stretches)
        stuck.add_done_callback(lambda _: monkeypatch.setattr(sphinx, "PATIENCE_S", 60.0))
        waiting = asyncio.create_task(aligner.align(pcm, words, stretches, "en"), name="wait")

        assert await stuck == words
        assert not process.is_running()
        assert (await waiting)[0].timing == "aligned"
    finally:
        await aligner.close()


async def test_cancel_kills_the_process(speech: Path) -> None:
    """When a cancelled call returns, its process is gone; another caller gets another one."""
    aligner = SphinxAligner()
    pcm, stretches = read(speech / "LJ002-0020.wav")
    words = spread("in 1813", stretches)
    try:
        await aligner.align(pcm, words, stretches, "en")
        aligning, process = await frozen(aligner, pcm, words, stretches)
        aligning.cancel()
        with pytest.raises(asyncio.CancelledError):
            await aligning
        assert not process.is_running()
        assert (await aligner.align(pcm, words, stretches, "en"))[0].timing == "aligned"
    finally:
        await aligner.close()
    assert not [p for p in psutil.Process(os.getpid()).children() if p.pid == process.pid]


async def frozen(
    aligner: SphinxAligner, pcm: Pcm, words: list[Word], stretches: list[Interval]
) -> tuple[asyncio.Task[list[Word]], psutil.Process]:
    """A call in flight that is never answered, for its process stands still."""
    process = psutil.Process(aligner._idle[0].pid)
    process.suspend()
    aligning = asyncio.create_task(aligner.align(pcm, words, stretches, "en"), name="align")
    while aligner._idle:
        await asyncio.sleep(0)
    return aligning, process
