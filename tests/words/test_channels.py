"""Words of several channels become one row in the order spoken, whatever their times are."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from audio_tools.transcript import Word
from audio_tools.words.channels import by_channel, in_spoken_order, in_turns, turns

times = st.floats(0, 20) | st.sampled_from([0.0, 1.0, 1.0, 1e6, -3.0])
texts = st.sampled_from(["one", "two.", "three", "four?"])


@st.composite
def channels(draw: st.DrawFn) -> list[list[Word]]:
    """Up to four channels of words, in any order of times, each word known by its confidence."""
    number = iter(range(1000))
    rows = draw(st.lists(st.lists(st.tuples(texts, times, st.floats(0.01, 3)), max_size=12), max_size=4))
    return [
        [Word(text, start, start + length, next(number), channel=n) for text, start, length in row]
        for n, row in enumerate(rows)
    ]


@given(channels())
def test_every_channel_keeps_its_words_and_their_order(rows: list[list[Word]]) -> None:
    """All words come out once, and those of a channel as they went in."""
    merged = in_spoken_order(rows)

    assert len(merged) == sum(map(len, rows))
    for number, row in enumerate(rows):
        assert [word for word in merged if word.channel == number] == row


@given(channels())
def test_the_order_is_that_of_time_where_channels_are_in_order(rows: list[list[Word]]) -> None:
    """Of channels whose own times increase, the words are merged by their starts."""
    merged = in_spoken_order([sorted(row, key=lambda word: word.start) for row in rows])

    assert [word.start for word in merged] == sorted(word.start for word in merged)


@given(channels())
def test_turns_hold_every_word_and_one_channel_each(rows: list[list[Word]]) -> None:
    """Turns begin in order of time; none is empty; a channel's turns hold its words in order."""
    merged = in_spoken_order([sorted(row, key=lambda word: word.start) for row in rows])
    found = turns(merged)

    assert all(len({word.channel for word in turn.words}) == 1 for turn in found)
    assert [turn.start for turn in found] == sorted(turn.start for turn in found)
    assert by_channel(in_turns(merged)) == by_channel(merged)


def test_a_sentence_is_not_broken_by_another_channel() -> None:
    """Two people at once: first the sentence that began first, then the other."""
    said = [("I", 0.0, 0), ("think", 0.3, 0), ("Yes.", 0.4, 1), ("so.", 0.6, 0), ("Good.", 0.9, 0)]
    words = [Word(text, start, start + 0.2, channel=channel) for text, start, channel in said]

    assert [word.word for word in in_turns(words)] == ["I", "think", "so.", "Yes.", "Good."]


def test_words_without_a_channel_stay_as_they_are() -> None:
    """The mix of all channels is not sorted again."""
    words = [Word("b", 2.0, 3.0), Word("a", 1.0, math.inf)]

    assert in_turns(words) is words
