"""Words of second answers, whatever their times, keep both orders, up to every exported file."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from audio_tools.audio.chunking import Chunk
from audio_tools.engines.rate_limits import RequestLimiter
from audio_tools.engines.retry import EngineClient
from audio_tools.exports.export import Export
from audio_tools.exports.registry import FORMATS, render
from audio_tools.options import Options
from audio_tools.pipeline.chunk_transcriber import ChunkResult, ChunkTranscriber
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.transcript import Word
from audio_tools.words.order import SHORTEST_WORD_S
from audio_tools.words.stitch import stitch
from tests.exports.material import transcript_of
from tests.pipeline.answering import answering_engine
from tests.pipeline.test_word_order import CHUNK_S, RandomAligner, chunks, found, seconds, wild

Times = Sequence[tuple[float | None, float | None]]
MOST_ANSWERS = 20
MOVED_S = 0.5
"""A word of the first answer makes room for those of the second by less."""
times = st.lists(st.tuples(wild, wild), max_size=8)
speech = st.lists(seconds, unique=True, min_size=2, max_size=6).map(sorted)


class Numbered:
    """Each answer has words of its own, `a0 a1`, then `b0 b1`, with times that were drawn."""

    def __init__(self, drawn: Sequence[Times]) -> None:
        self._drawn = drawn
        self.count = 0

    def __call__(self, _seconds: float) -> str:
        letter = chr(ord("a") + self.count)
        clock = self._drawn[self.count % len(self._drawn)]
        self.count += 1
        words = [
            {"word": f"{letter}{number}", "start": start, "end": end}
            for number, (start, end) in enumerate(clock)
        ]
        return json.dumps({"text": " ".join(str(word["word"]) for word in words), "words": words})


async def heard(answer: Numbered, chunk: Chunk, aligner: RandomAligner | None, folder: Path) -> ChunkResult:
    client = EngineClient(answering_engine(answer), RequestLimiter(1))
    transcriber = ChunkTranscriber(answering_engine(answer), client, ChunkCache(folder), Options(), aligner)
    return await transcriber.transcribe(transcriber.prepare(chunk))


@settings(max_examples=40)
@given(drawn=st.lists(times, min_size=1, max_size=4), speech=speech, found=found, aligned=st.booleans())
def test_second_answers_keep_the_order_of_all_texts(
    drawn: list[list[tuple[float | None, float | None]]],
    speech: list[float],
    found: list[tuple[float, float, float] | None],
    aligned: bool,
) -> None:
    """No word is doubled, moved before its neighbour, laid over it, or too short to be said."""
    answer = Numbered(drawn)
    (chunk,) = chunks([speech], sounding=False)

    with TemporaryDirectory() as folder:
        aligner = RandomAligner(found) if aligned else None
        result = asyncio.run(heard(answer, chunk, aligner, Path(folder) / "both"))
        first = Numbered([drawn[0], *[[]] * MOST_ANSWERS])
        alone = asyncio.run(heard(first, chunk, aligner, Path(folder) / "first"))
    words, segments = stitch([result.timed])

    assert_in_order([word.word for word in words], answer.count)
    assert_apart(words)
    if not aligned:
        assert_in_place([word for word in words if word.word[0] == "a"], alone.timed.words)
    assert [word for segment in segments for word in segment.text.split()] == [word.word for word in words]
    if words:  # Premiere takes no transcript without any
        assert_exported_in_order(words)


def assert_in_order(texts: Sequence[str], answers: int) -> None:
    """Of each answer, words come at most once and in its order."""
    for letter in map(chr, range(ord("a"), ord("a") + answers)):
        numbers = [int(text[1:]) for text in texts if text[0] == letter]
        assert numbers == sorted(set(numbers)), f"an order changed: {texts}"


def assert_apart(words: Sequence[Word]) -> None:
    assert all(a.end <= b.start + 1e-6 for a, b in pairwise(words))
    assert all(word.start >= -1e-6 and word.end <= CHUNK_S + 1e-6 for word in words)
    assert all(word.end - word.start >= SHORTEST_WORD_S - 1e-6 for word in words)


def assert_in_place(words: Sequence[Word], alone: Sequence[Word]) -> None:
    """The words of the first answer are where they would be without a second one."""
    assert [word.word for word in words] == [word.word for word in alone]
    for word, before in zip(words, alone, strict=True):
        assert abs(word.start - before.start) < MOVED_S, f"{word} moved from {before.start}"


def assert_exported_in_order(words: Sequence[Word]) -> None:
    transcript = transcript_of(*words, duration=CHUNK_S)
    transcript = replace(transcript, media=replace(transcript.media, duration=CHUNK_S))
    files = {name: render(name, Export(transcript, "take.mov")) for name in FORMATS}
    wanted = [word.word for word in words]
    for name in ("srt", "vtt", "txt"):
        text = files[name][0].data.decode()
        assert re.findall(r"\b[a-z]\d+\b", text) == wanted, name
    spans = list(cue_times(files["srt"][0].data.decode()))
    assert all(start < end for start, end in spans)
    assert all(one[1] <= other[0] for one, other in pairwise(spans))
    assert json.loads(files["json"][0].data)["words"] == transcript.to_json()["words"]


def cue_times(srt: str) -> Iterator[tuple[float, float]]:
    for row in re.findall(r"(\d+):(\d+):(\d+),(\d+) --> (\d+):(\d+):(\d+),(\d+)", srt):
        parts = [int(part) for part in row]
        start, end = (h * 3600 + m * 60 + s + ms / 1000 for h, m, s, ms in (parts[:4], parts[4:]))
        yield start, end
