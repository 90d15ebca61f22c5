"""A second answer put into a gap of the first."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from audio_tools.transcript import Interval, Reply, Segment, Word
from audio_tools.words.merge import merge
from audio_tools.words.segments import group

FIRST = [Word("one", 0.0, 1.0), Word("two.", 1.0, 2.0), Word("nine", 8.0, 9.0)]


def reply(words: list[Word]) -> Reply:
    return Reply(" ".join(word.word for word in words), tuple(words), tuple(group(words)))


def test_the_words_of_a_gap_come_between_those_around_it() -> None:
    """And into segments of their own, in the order of the text."""
    merged = merge(reply(FIRST), [Word("three", 3.0, 4.0), Word("four.", 4.0, 5.0)], Interval(2.0, 8.0))

    assert merged.text == "one two. three four. nine"
    assert [segment.text for segment in merged.segments] == ["one two.", "three four.", "nine"]


def test_a_word_that_both_answers_have_at_an_edge_of_the_gap_is_one() -> None:
    """The second request begins half a second before the gap."""
    more = [Word("Two.", 2.0, 2.2), Word("three", 3.0, 4.0), Word("nine", 7.6, 8.0)]

    assert merge(reply(FIRST), more, Interval(2.0, 8.0)).text == "one two. three nine"


def test_a_sentence_said_again_is_kept() -> None:
    """An editor's material has takes."""
    take = [Word("one", 4.0, 5.0), Word("two.", 5.0, 6.0)]

    assert merge(reply(FIRST), take, Interval(2.0, 8.0)).text == "one two. one two. nine"


def test_the_text_of_the_whole_again_is_not_doubled() -> None:
    """An engine that answers the part with the text of the whole has not heard more in it."""
    again = [word.shifted(2.0) for word in FIRST]

    assert merge(reply(FIRST), again, Interval(2.0, 8.0)).text == "one two. nine"


def test_a_text_whose_times_nobody_knows_is_not_doubled() -> None:
    """Then the second answer is the same text, and the gap was none."""
    first = [Word(text, n, n + 1.0, timing="estimated") for n, text in enumerate(["a", "b", "c", "d"])]
    more = [Word("b", 5.0, 6.0), Word("c", 6.0, 7.0), Word("d", 7.0, 8.0)]

    assert merge(reply(first), more, Interval(4.0, 9.0)).text == "a b c d"


@given(
    st.lists(st.floats(0.1, 1.0), max_size=8), st.lists(st.floats(0.1, 1.0), max_size=8), st.integers(0, 8)
)
def test_both_texts_keep_their_order(first: list[float], second: list[float], position: int) -> None:
    """Wherever the gap is, and however many words the second answer has for it."""
    before = [Word(f"a{n}", float(n), n + length) for n, length in enumerate(first)]
    words = [word if n < position else word.shifted(20.0) for n, word in enumerate(before)]
    gap = Interval(words[min(position, len(words)) - 1].end if position and words else 0.0, 19.0)
    more = [Word(f"b{n}", 9.0 + n, 9.0 + n + length) for n, length in enumerate(second)]
    texts = [word.word for word in merge(reply(words), more, gap).words]

    assert [text for text in texts if text[0] == "a"] == [word.word for word in words]
    assert [text for text in texts if text[0] == "b"] == [word.word for word in more]


def test_added_words_are_in_the_language_of_the_segment_beside_them() -> None:
    """Where the segments of a reply name their languages."""
    words = (Word("hola", 0.0, 0.5), Word("there", 4.0, 4.5))
    segments = (Segment(0, 0.0, 0.5, "hola", language="es"), Segment(1, 4.0, 4.5, "there", language="en"))
    first = Reply("hola there", words, segments)

    merged = merge(first, [Word("hello", 2.5, 3.5)], Interval(1.0, 3.9))

    assert [(each.text, each.language) for each in merged.segments] == [
        ("hola", "es"),
        ("hello", "en"),
        ("there", "en"),
    ]
