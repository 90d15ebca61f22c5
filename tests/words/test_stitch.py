"""Joining chunks: each word once, in order, whatever the two neighbours make of their border."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_tools.transcript import Interval, Segment, Word
from audio_tools.words.order import in_order
from audio_tools.words.segments import group
from audio_tools.words.stitch import TimedChunk, stitch


def chunk(start: float, end: float, words: list[Word]) -> TimedChunk:
    return TimedChunk(Interval(start, end), tuple(words), tuple(group(words)))


def test_a_word_that_both_hear_is_one_word() -> None:
    """Neither the doubt about its time doubles it, nor does it lose it."""
    doubled = [
        chunk(0, 10, [Word("one", 8.0, 8.4), Word("Two,", 9.6, 9.9)]),
        chunk(10, 20, [Word("two", 10.1, 10.5), Word("three", 11.0, 11.5)]),
    ]
    lost = [
        chunk(0, 10, [Word("one", 8.0, 8.4), Word("two", 10.1, 10.5)]),
        chunk(10, 20, [Word("two", 9.6, 9.9), Word("three", 11.0, 11.5)]),
    ]

    assert [word.word.lower().strip(",") for word in stitch(doubled)[0]] == ["one", "two", "three"]
    assert [word.word for word in stitch(lost)[0]] == ["one", "two", "three"]


def test_a_word_said_before_and_after_a_cut_is_kept_twice() -> None:
    """A cut in a pause leaves each chunk its own sound: "No. No." is no doubt about one word."""
    before = chunk(0, 10, [Word("really?", 8.0, 8.6), Word("No.", 9.5, 9.8)])
    after = replace(chunk(10, 20, [Word("No.", 10.1, 10.4), Word("Yes.", 11.0, 11.5)]), overlaps=False)

    assert [word.word for word in stitch([before, after])[0]] == ["really?", "No.", "No.", "Yes."]


def test_speakers_of_two_chunks_are_not_taken_for_one() -> None:
    """Their names get the number of the chunk; those of one chunk alone stay as they are."""
    one = chunk(0, 10, [Word("yes", 8.0, 8.4, speaker="A")])
    silent = chunk(10, 20, [Word("no", 11.0, 11.4)])
    other = chunk(20, 30, [Word("maybe", 21.0, 21.4, speaker="A"), Word("hm", 22.0, 22.2)])

    words, segments = stitch([one, silent, other])
    assert [word.speaker for word in words] == ["A (1)", None, "A (3)", None]
    assert [segment.speaker for segment in segments] == ["A (1)", None, "A (3)", None]
    assert [word.speaker for word in stitch([one, silent])[0]] == ["A", None]


def test_words_that_overlap_at_a_border_are_parted() -> None:
    """Two engines may stretch two words over one moment; they meet half-way, and so do their segments."""
    words, segments = stitch(
        [
            chunk(0, 10, [Word("hello", 8.0, 10.9)]),
            chunk(10, 20, [Word("world", 9.6, 11.0), Word("again", 11.0, 11.5)]),
        ]
    )

    assert [(word.word, word.start, word.end) for word in words] == [
        ("hello", 8.0, 10.25),
        ("world", 10.25, 11.0),
        ("again", 11.0, 11.5),
    ]
    assert [(each.text, each.start, each.end) for each in segments] == [
        ("hello", 8.0, 10.25),
        ("world again", 10.25, 11.5),
    ]
    assert stitch([chunk(0, 10, []), chunk(10, 20, [])]) == ([], [])


spans = st.lists(st.tuples(st.floats(-1, 14), st.floats(0, 6)), max_size=40)


@given(heard=st.lists(spans, min_size=1, max_size=4), texts=st.sampled_from(["w", "a b c"]))
def test_stitched_words_and_segments_are_in_order_apart_and_inside(
    heard: list[list[tuple[float, float]]], texts: str
) -> None:
    """Whatever was heard in chunks that overlap by 3 s: none outside the media, no two at one time."""
    chunks, duration = [], 10.0 * len(heard)
    for number, given_spans in enumerate(heard):
        own = Interval(10.0 * number, 10.0 * number + 10.0)
        whole = Interval(max(own.start - 1.5, 0.0), min(own.end + 1.5, duration))
        words = [
            Word(texts.split()[n % len(texts.split())], whole.start + start, whole.start + start + length)
            for n, (start, length) in enumerate(given_spans)
        ]
        relative = in_order([word.shifted(-whole.start) for word in words], whole.duration)
        chunks.append(chunk(own.start, own.end, [word.shifted(whole.start) for word in relative]))
    words, segments = stitch(chunks)

    rows: list[Sequence[Word | Segment]] = [words, segments]
    for row in rows:
        assert all(-1e-9 <= each.start < each.end <= duration + 1e-9 for each in row)
        assert all(a.end <= b.start + 1e-9 for a, b in pairwise(row))


def test_a_word_said_twice_stays_twice() -> None:
    """Rather a double word than a lost one: only words at one time are one word."""
    chunks = [
        chunk(0, 10, [Word("no", 8.0, 8.3), Word("no", 9.0, 9.3), Word("no", 10.2, 10.5)]),
        chunk(10, 20, [Word("no", 9.0, 9.3), Word("no", 10.2, 10.5), Word("way", 11.0, 11.3)]),
    ]

    assert [(word.word, word.start) for word in stitch(chunks)[0]] == [
        ("no", 8.0),
        ("no", 9.0),
        ("no", 10.2),
        ("way", 11.0),
    ]


@pytest.mark.parametrize("said", [("no",), ("no", "yes"), ("7", "8", "9")])
@pytest.mark.parametrize("pace_s", [0.2, 0.3, 0.45])
def test_what_is_said_over_and_over_is_said_as_often(said: tuple[str, ...], pace_s: float) -> None:
    """A word is not taken for the next one like it, although that is near enough."""
    truth = [Word(said[n % len(said)], n * pace_s, (n + 0.8) * pace_s) for n in range(int(40 / pace_s))]
    for border in (20.0 + n * pace_s / 7 for n in range(7)):
        words, _ = stitch(
            [
                chunk(0, border, [word for word in truth if word.end < border + 1.5]),
                chunk(border, 40, [word.shifted(0.02) for word in truth if word.start > border - 1.5]),
            ]
        )

        assert [word.word for word in words] == [word.word for word in truth]


@settings(max_examples=60)
@given(
    gaps=st.lists(st.floats(0.05, 1.0), min_size=4, max_size=60),
    borders=st.lists(st.floats(5, 40), max_size=4, unique=True).map(sorted),
    jitter=st.lists(st.floats(-0.04, 0.04), min_size=8, max_size=8),
    vocabulary=st.sampled_from([1, 2, 3, 100]),
)
def test_every_word_comes_once_and_in_order(
    gaps: list[float], borders: list[float], jitter: list[float], vocabulary: int
) -> None:
    """Chunks overlap by 3 s, garble what they cut through, and disagree a little about times."""
    truth, start = [], 0.0
    for number, gap in enumerate(gaps):
        truth.append(Word(f"word{number % vocabulary}", start, start + 0.3))
        start += 0.3 + gap
    borders = [b for i, b in enumerate(borders) if b < start and (i == 0 or b - borders[i - 1] > 4)]
    edges = [0.0, *borders, max(start, 50.0)]
    chunks = []
    for index, (first, end) in enumerate(pairwise(edges)):
        heard_first, heard_end = first - 1.5, end + 1.5
        heard = []
        for word in truth:
            shift = jitter[index % len(jitter)]
            if word.end > heard_first and word.start < heard_end:
                whole = word.start >= heard_first and word.end <= heard_end
                heard.append(Word(word.word if whole else "garbled", word.start + shift, word.end + shift))
        chunks.append(chunk(first, end, heard))
    words, segments = stitch(chunks)

    assert [word.word for word in words] == [word.word for word in truth]
    assert " ".join(segment.text for segment in segments) == " ".join(word.word for word in truth)
    assert [segment.id for segment in segments] == list(range(len(segments)))


def test_untouched_segments_keep_the_engines_text() -> None:
    """Its spacing and punctuation are better than ours."""
    words = [Word("日本", 0.0, 0.5), Word("語", 0.5, 1.0)]
    heard = TimedChunk(Interval(0, 2), tuple(words), tuple(group(words))[:1])
    segment = heard.segments[0]
    exact = TimedChunk(heard.own, heard.words, (type(segment)(0, 0.0, 1.0, "日本語"),))

    assert stitch([exact])[1][0].text == "日本語"
