"""Times that agree with the order of the words."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from audio_tools.transcript import Interval, Word
from audio_tools.words.order import SHORTEST_WORD_S, in_order, separate


def at(*spans: tuple[float, float]) -> list[Word]:
    return [Word(f"w{number}", start, end) for number, (start, end) in enumerate(spans)]


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), max_size=50), st.floats(2.5, 10))
def test_separated_words_never_overlap_nor_vanish(times: list[tuple[float, float]], seconds: float) -> None:
    """Whatever times an engine gives, each word gets its own stretch inside the chunk."""
    words = at(*times)
    separated = separate(words, Interval(0.0, seconds))

    assert [word.word for word in separated] == [word.word for word in words]
    assert all(word.end - word.start >= SHORTEST_WORD_S * 0.999 for word in separated)
    assert all(first.end <= second.start + 1e-9 for first, second in pairwise(separated))
    assert all(word.start >= -1e-9 and word.end <= seconds for word in separated)


def test_words_with_good_times_are_left_alone() -> None:
    """Only what is wrong is changed."""
    words = at((0.5, 1.0), (1.0, 1.4), (2.0, 2.04))

    assert separate(words, Interval(0.0, 8.0)) == words
    assert in_order(words, 8.0) == words


def test_most_of_the_times_decide_which_one_is_wrong() -> None:
    """One word that is far too late costs no other its time."""
    words = in_order(at((1, 2), (50, 51), (3, 4), (5, 6)), 60.0)

    assert [(word.start, word.timing) for word in words] == [
        (1, "engine"),
        (2, "estimated"),
        (3, "engine"),
        (5, "engine"),
    ]
