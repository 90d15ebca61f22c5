"""The pieces of a text, from chunks in any order: joined they are the text of the transcript."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from audio_tools.events import ChunkWords
from audio_tools.server.openai_api.deltas import TextDeltas
from audio_tools.transcript import Interval, Word
from audio_tools.words.script import join_words
from audio_tools.words.segments import group
from audio_tools.words.stitch import TimedChunk, stitch

TEXTS = st.sampled_from(["so", "well", "yes.", "no,", "今天", "天气", "Bonjour !", "real-time"])


@st.composite
def recordings(draw: st.DrawFn) -> list[TimedChunk]:
    """Chunks that overlap at their borders and hear some words there twice, at times of their own."""
    chunks: list[TimedChunk] = []
    start = 0.0
    for _ in range(draw(st.integers(1, 6))):
        end = start + draw(st.floats(0.5, 20.0))
        times = sorted(draw(st.lists(st.floats(start - 2.0, end + 2.0), max_size=8)))
        words = tuple(Word(draw(TEXTS), time, time + draw(st.floats(0.01, 0.9))) for time in times)
        chunks.append(TimedChunk(Interval(start, end), words, tuple(group(words))))
        start = end
    return chunks


@given(chunks=recordings(), data=st.data())
def test_the_deltas_joined_are_the_text(chunks: list[TimedChunk], data: st.DataObject) -> None:
    """In whatever order chunks arrive, also twice, and whichever of them fail."""
    failed = data.draw(st.sets(st.integers(0, len(chunks) - 1)))
    heard = [chunk for number, chunk in enumerate(chunks) if number not in failed]
    words, _ = stitch(heard)
    text = join_words([word.word for word in words])
    deltas = TextDeltas()
    arrivals = data.draw(st.permutations([n for n in range(len(chunks)) if n not in failed]))
    pieces = []
    for number in [*arrivals, *arrivals[:2]]:
        own = chunks[number].own
        sent = ChunkWords(number, own.start, own.end, chunks[number].words).to_json()
        pieces.append(deltas.push(ChunkWords.from_json(sent)))
    pieces.append(deltas.finish(text))

    assert "".join(pieces) == text


def test_a_delta_comes_as_soon_as_it_is_certain() -> None:
    """When the next chunk has arrived, which may hold the same words at the border."""
    chunks = [
        ChunkWords(n, 10.0 * n, 10.0 * n + 10, (Word(f"word{n}", 10 * n + 1, 10 * n + 2),)) for n in range(4)
    ]
    deltas = TextDeltas()

    assert [deltas.push(chunks[n]) for n in (1, 0, 3, 2)] == ["", "word0", "", " word1 word2"]
    assert deltas.finish("word0 word1 word2 word3") == " word3"


def test_a_word_on_a_border_counts_as_it_was_sent() -> None:
    """Rounded for JSON its times may be across the border; then they are in the transcript too."""
    word = Word("border", 9.49996, 10.49999)
    chunks = [
        TimedChunk(Interval(0.0, 10.0), (word,), tuple(group([word]))),
        TimedChunk(Interval(10.0, 20.0), ()),
    ]
    deltas = TextDeltas()
    for number, chunk in enumerate(chunks):
        sent = ChunkWords(number, chunk.own.start, chunk.own.end, chunk.words).to_json()
        assert deltas.push(ChunkWords.from_json(sent)) == ""

    assert stitch(chunks)[0] == []
