"""The words of a reply keep the order of its text through the whole path, whatever times they are given."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_tools.alignment.placement import place_words
from audio_tools.alignment.pocketsphinx.model import Found
from audio_tools.audio.chunking import Chunk
from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.engines.rate_limits import RequestLimiter
from audio_tools.engines.retry import EngineClient
from audio_tools.options import Options
from audio_tools.pipeline.chunk_transcriber import ChunkResult, ChunkTranscriber
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.transcript import Interval, Word
from audio_tools.words.script import join_words
from audio_tools.words.stitch import stitch
from audio_tools.words.units import split_units
from tests.pipeline.answering import answering_engine

CHUNK_S = 12.0
TEXTS = (
    "So, my fellow Americans: ask not what your country can do for you.",
    "Aujourd'hui, j'ai $3.50 à trois o'clock !",
    "今天天气很好，我们去公园散步。",
    "Real-time is far-off. Is it? Yes, it is late.",
    "วันนี้อากาศดีมากครับ",
)


class RandomAligner:
    """Finds words at times that somebody drew."""

    name, languages = "random", frozenset({"en"})

    def __init__(self, drawn: Sequence[tuple[float, float, float] | None]) -> None:
        self._drawn = drawn

    def identity(self) -> tuple[str, ...]:
        return (self.name, repr(self._drawn))

    def for_language(self, _language: str | None) -> RandomAligner:
        return self

    async def align(
        self, pcm: Pcm, words: Sequence[Word], speech: Sequence[Interval], _language: str | None
    ) -> list[Word]:
        drawn = (list(self._drawn) * len(words))[: len(words)] if self._drawn else [None] * len(words)
        found = [
            time and Found(number, time[0], time[0] + time[1], time[2]) for number, time in enumerate(drawn)
        ]
        return place_words(words, found, speech, len(pcm) / SAMPLE_RATE_HZ)

    async def close(self) -> None: ...


class Once:
    """The answer to the first request; whatever is asked again gets nothing."""

    def __init__(self, body: str) -> None:
        self._bodies = [body]

    def __call__(self, _seconds: float) -> str:
        return self._bodies.pop() if self._bodies else json.dumps({"text": ""})


def chunks(speech: Sequence[Sequence[float]], sounding: bool) -> list[Chunk]:
    made = []
    for number, edges in enumerate(speech):
        start = number * CHUNK_S
        pcm = np.zeros(round(CHUNK_S * SAMPLE_RATE_HZ), np.int16)
        stretches = [Interval(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False)]
        for stretch in stretches if not sounding else [Interval(0.0, CHUNK_S)]:
            pcm[round(stretch.start * SAMPLE_RATE_HZ) : round(stretch.end * SAMPLE_RATE_HZ)] = 3000
        pcm[::2] *= -1
        pcm[0] = number  # or the second chunk would be taken for the first
        own = Interval(start, start + CHUNK_S)
        there = tuple(Interval(start + s.start, start + s.end) for s in stretches)
        made.append(Chunk(number, own.start, own.end, own, pcm, there, has_sound=True))
    return made


async def transcribe(
    answers: list[dict[str, Any]], made: list[Chunk], aligner: RandomAligner, folder: Path
) -> list[ChunkResult]:
    """Each chunk gets its answer."""
    results = []
    for chunk, answer in zip(made, answers, strict=True):
        engine = answering_engine(Once(json.dumps(answer)))
        client = EngineClient(engine, RequestLimiter(1))
        transcriber = ChunkTranscriber(engine, client, ChunkCache(folder), Options(), aligner)
        results.append(await transcriber.transcribe(transcriber.prepare(chunk)))
    return results


seconds = st.floats(0, CHUNK_S).map(lambda value: round(value, 2))
wild = st.one_of(st.none(), seconds, st.sampled_from([0.0, 3.0, 3.0, CHUNK_S, -2.0, 40.0, 1e5]))
times = st.lists(st.tuples(wild, wild), min_size=1, max_size=20)
edges = st.lists(seconds, unique=True, max_size=6).map(sorted)
found = st.lists(
    st.none() | st.tuples(seconds, st.floats(0.01, 2), st.sampled_from([-1.0, -5.0])), max_size=9
)


@settings(max_examples=25)
@given(
    said=st.lists(st.tuples(st.sampled_from(TEXTS), times, edges), min_size=1, max_size=3),
    tokens=st.integers(1, 5),
    drawn=found,
    sounding=st.booleans(),
)
def test_the_words_of_the_transcript_are_those_of_the_texts_in_their_order(
    said: list[tuple[str, list[tuple[float | None, float | None]], list[float]]],
    tokens: int,
    drawn: list[tuple[float, float, float] | None],
    sounding: bool,
) -> None:
    """Reply, detector, alignment, seams: nothing is lost but what is reported, doubled or moved."""
    answers = []
    for text, given_times, _ in said:
        pieces = [text[first : first + tokens] for first in range(0, len(text), tokens)]
        clock = (given_times * len(pieces))[: len(pieces)]
        listed = [
            {"word": piece, "start": start, "end": end}
            for piece, (start, end) in zip(pieces, clock, strict=True)
        ]
        answers.append({"text": text, "words": listed})
    with TemporaryDirectory() as folder:
        made = chunks([speech for *_, speech in said], sounding)
        results = asyncio.run(transcribe(answers, made, RandomAligner(drawn), Path(folder)))
    words, segments = stitch([result.timed for result in results])
    dropped = [phrase.text for result in results for phrase in result.dropped]

    remaining = iter(unit for text, *_ in said for unit in split_units(text))
    assert all(word.word in remaining for word in words), "an order changed"
    spoken = "".join(letters(word.word) for word in words)
    assert sum(len(letters(text)) for text, *_ in said) == len(spoken) + sum(map(len, map(letters, dropped)))
    assert all(word.start < word.end for word in words)
    assert all(a.end <= b.start + 1e-6 for a, b in pairwise(words))
    assert letters(join_words([each.text for each in segments])) == spoken


def letters(text: str) -> str:
    """A text without white space."""
    return "".join(text.split())
