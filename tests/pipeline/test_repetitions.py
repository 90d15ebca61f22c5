"""The words of a false start that an engine wrote only once are restored from its sound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audio_tools.audio.chunking import Chunk
from audio_tools.audio.pcm import Pcm
from audio_tools.engines.rate_limits import RequestLimiter
from audio_tools.engines.retry import EngineClient
from audio_tools.exports.phrases import tokenize
from audio_tools.exports.retakes import find_retakes
from audio_tools.options import Options
from audio_tools.pipeline.chunk_transcriber import ChunkResult, ChunkTranscriber
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.transcript import Interval, Reply, Segment, Timing, Word
from tests.audio.signals import Signal, babble, bed, samples, to_pcm
from tests.pipeline.test_chunk_transcriber import Aligner, Engine

WORD_S = 0.4
"""Two syllables of `babble`."""
PAUSE_S = 0.4
SPOKEN = ("Today", "only", "platforms", "seven", "opened.")
ATTEMPT = 2
AGAIN = ATTEMPT * WORD_S + PAUSE_S
"""When the second attempt begins, in seconds."""


def syllables(word: int, breath: int = 0) -> Signal:
    return babble([2 * word, 2 * word + 1], WORD_S / 2, breath)


def sound(attempt: Sequence[int] = range(ATTEMPT)) -> Pcm:
    """The first words, a pause, and all of them."""
    rest = np.zeros(samples(PAUSE_S))
    parts = [
        *(syllables(word, breath=1) for word in attempt),
        rest,
        *map(syllables, range(len(SPOKEN))),
        rest,
    ]
    signal = np.concatenate(parts)
    return to_pcm(signal + bed(len(signal) / 16000, -66.0))


class Placing(Aligner):
    """Places the words of the whole chunk as they came, those of a part one after the other."""

    def __init__(self, *, fits_again: bool = True) -> None:
        super().__init__([])
        self.fits_again = fits_again

    async def align(self, pcm: Pcm, words: Sequence[Word], *_about: object) -> list[Word]:
        if words[0].timing == "engine":
            return [replace(word, timing="aligned") for word in words]
        timing: Timing = "aligned" if self.fits_again else "estimated"
        first = 0.05
        return [
            replace(
                word,
                start=first + n * WORD_S,
                end=min(first + (n + 1) * WORD_S, len(pcm) / 16000),
                timing=timing,
            )
            for n, word in enumerate(words)
        ]


class Tidy(Engine):
    """Writes these words, at these times."""

    def __init__(self, words: Sequence[Word]) -> None:
        super().__init__([])
        self.reply = Reply(
            " ".join(word.word for word in words),
            tuple(words),
            (Segment(0, words[0].start, words[-1].end, " ".join(word.word for word in words)),),
            language="en",
        )

    async def transcribe(self, _request: object) -> Reply:
        return self.reply


def placed(texts: Sequence[str], *starts: float) -> list[Word]:
    return [
        Word(text, start, start + WORD_S, confidence=0.9) for text, start in zip(texts, starts, strict=True)
    ]


TRUE_STARTS = tuple(AGAIN + n * WORD_S for n in range(len(SPOKEN)))
ON_ATTEMPT = placed(SPOKEN, 0.0, WORD_S, *TRUE_STARTS[2:])
ON_REPETITION = placed(SPOKEN, *TRUE_STARTS)


async def transcribed(
    words: Sequence[Word], folder: Path, pcm: Pcm | None = None, aligner: Placing | None = None
) -> ChunkResult:
    pcm = sound() if pcm is None else pcm
    engine = Tidy(words)
    transcriber = ChunkTranscriber(
        engine, EngineClient(engine, RequestLimiter(1)), ChunkCache(folder), Options(), aligner or Placing()
    )
    whole = Interval(0.0, len(pcm) / 16000)
    speech = Interval(0.0, ATTEMPT * WORD_S), Interval(AGAIN, TRUE_STARTS[-1] + WORD_S)
    chunk = Chunk(0, whole.start, whole.end, whole, pcm, speech, has_sound=True)
    return await transcriber.transcribe(transcriber.prepare(chunk))


@pytest.mark.parametrize("words", [ON_ATTEMPT, ON_REPETITION])
async def test_words_of_an_attempt_that_the_engine_omitted_are_restored(
    words: Sequence[Word], tmp_path: Path
) -> None:
    """Whether their only copy was placed on the attempt or on what repeats it."""
    result = await transcribed(words, tmp_path)

    found = result.timed.words
    assert [word.word for word in found] == ["Today", "only", *SPOKEN]
    assert [word.start for word in found] == pytest.approx([0.0, WORD_S, *TRUE_STARTS], abs=0.1)
    assert [segment.text for segment in result.timed.segments] == [" ".join(["Today", "only", *SPOKEN])]
    assert result.gaps == ()


async def test_a_restored_attempt_is_a_retake_of_the_plan(tmp_path: Path) -> None:
    """It ends where its sound ends, and what is kept is the whole second attempt."""
    words = (await transcribed(ON_ATTEMPT, tmp_path)).timed.words

    [retake] = find_retakes(words, tokenize(words), [], "en")

    assert (retake.dropped.first, retake.dropped.last) == (0, ATTEMPT - 1)
    assert words[retake.dropped.last].end == pytest.approx(ATTEMPT * WORD_S, abs=0.1)
    assert words[retake.kept.first].start == pytest.approx(AGAIN, abs=0.1)


async def test_restored_words_have_no_confidence(tmp_path: Path) -> None:
    """The engine did not write them."""
    words = (await transcribed(ON_ATTEMPT, tmp_path)).timed.words

    assert [word.confidence for word in words[: ATTEMPT + 1]] == [None, None, 0.9]
    assert {word.timing for word in words} == {"aligned"}


async def test_an_attempt_that_the_engine_wrote_is_not_restored(tmp_path: Path) -> None:
    """Both are in the text."""
    words = placed(["Today", "only", *SPOKEN], 0.0, WORD_S, *TRUE_STARTS)

    result = await transcribed(words, tmp_path)

    assert len(result.timed.words) == ATTEMPT + len(SPOKEN)


async def test_other_sound_restores_no_words(tmp_path: Path) -> None:
    """Words are never invented for what only might be a repetition."""
    result = await transcribed(ON_REPETITION, tmp_path, pcm=sound(attempt=(7, 8)))

    assert [word.word for word in result.timed.words] == [*SPOKEN]


async def test_words_that_do_not_fit_the_repetition_are_not_restored(tmp_path: Path) -> None:
    """The sound alone does not say which words it repeats."""
    result = await transcribed(ON_ATTEMPT, tmp_path, aligner=Placing(fits_again=False))

    assert [word.word for word in result.timed.words] == [*SPOKEN]
