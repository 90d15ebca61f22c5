"""Found words and those in between, on a timeline."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from audio_tools.alignment.placement import EDGE_S, place_words
from audio_tools.alignment.pocketsphinx.model import Found
from audio_tools.transcript import Interval, Word
from audio_tools.words.order import SHORTEST_WORD_S

SPEECH = [Interval(1.0, 4.0), Interval(6.0, 9.0)]


def found(position: int, start: float, end: float) -> Found:
    return Found(position, start, end, -1.0)


def spans(words: list[Word]) -> list[tuple[float, float]]:
    return [(round(word.start, 3), round(word.end, 3)) for word in words]


def test_found_words_are_aligned_where_they_were_found() -> None:
    """The engine's rough times give way."""
    words = [Word("one", 0.5, 1.2, 0.9), Word("two", 1.2, 2.5)]

    placed = place_words(words, [found(0, 1.0, 1.5), found(1, 1.5, 2.1)], SPEECH, 10.0)

    assert spans(placed) == [(1.0, 1.5), (1.5, 2.1)]
    assert {word.timing for word in placed} == {"aligned"}
    assert placed[0].confidence == 0.9


def test_a_word_never_crosses_a_pause() -> None:
    """A word that was found on both sides stays where most of it is."""
    placed = place_words([Word("long", 3.0, 4.0)], [found(0, 3.2, 6.4)], SPEECH, 10.0)

    assert spans(placed) == [(3.2, 4.0 + EDGE_S)]


def test_a_word_that_was_not_found_keeps_the_engines_times_between_its_neighbours() -> None:
    """As far as they leave room."""
    words = [Word("one", 1.0, 1.5), Word("—", 1.4, 1.8), Word("two", 1.8, 2.2)]

    placed = place_words(words, [found(0, 1.0, 1.5), None, found(2, 1.7, 2.2)], SPEECH, 10.0)

    assert spans(placed) == [(1.0, 1.5), (1.5, 1.7), (1.7, 2.2)]
    assert [word.timing for word in placed] == ["aligned", "engine", "aligned"]


def test_words_without_times_share_the_speech_between_their_neighbours() -> None:
    """None lies in the pause, none is longer than a word."""
    words = [Word(text, 0.0, 0.1, timing="estimated") for text in ("one", "abcd", "efgh", "two")]

    placed = place_words(words, [found(0, 3.0, 3.6), None, None, found(3, 6.4, 7.0)], SPEECH, 10.0)

    assert spans(placed[1:3]) == [(3.6, 4.0), (6.0, 6.4)]
    assert [word.timing for word in placed] == ["aligned", "estimated", "estimated", "aligned"]


def test_where_nothing_was_found_words_stay_as_they_came() -> None:
    """A text that does not fit is none of the aligner's business."""
    words = [Word("uno", 0.0, 3.0), Word("dos", 2.0, 5.0)]

    assert place_words(words, [None, None], SPEECH, 10.0) == words


seconds = st.floats(0, 30).map(lambda value: round(value, 2))
spans_of_words = st.lists(
    st.tuples(seconds, st.floats(0, 3), st.sampled_from(["engine", "estimated"]), st.booleans()), max_size=12
)


@given(edges=st.lists(seconds, unique=True, min_size=2, max_size=8).map(sorted), given_words=spans_of_words)
def test_placed_words_are_the_same_in_order_apart_and_not_empty(
    edges: list[float], given_words: list[tuple[float, float, str, bool]]
) -> None:
    """Whatever was found: same words, same order, some length each, no overlap, inside the chunk."""
    speech = [Interval(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    words = [Word(f"w{n}", a, a + d, timing=t) for n, (a, d, t, _) in enumerate(given_words)]  # type: ignore[arg-type]
    times = sorted(word.start for word in words)
    where = [found(n, times[n], times[n] + 0.2) if was else None for n, (*_, was) in enumerate(given_words)]
    placed = place_words(words, where, speech, 30.0)

    assert [word.word for word in placed] == [word.word for word in words]
    if not any(where):
        return
    for word in placed:
        assert word.end - word.start >= SHORTEST_WORD_S - 1e-9
        assert word.start >= 0
        assert word.end <= 30.0
    for left, right in pairwise(placed):
        assert left.end <= right.start + 1e-9
    assert all(
        replace(a, start=b.start, end=b.end, timing=b.timing) == b for a, b in zip(words, placed, strict=True)
    )


def test_a_word_found_too_far_from_where_the_engine_heard_it_is_not_believed() -> None:
    """Later by more than engines begin early, or earlier than they are ever late: another word was found."""
    words = [Word("one", 1.0, 1.5), Word("two", 1.6, 2.0), Word("three", 3.0, 3.5)]
    late = place_words(words, [found(0, 1.1, 1.6), found(1, 6.5, 7.0), found(2, 7.0, 7.5)], SPEECH, 10.0)
    early = place_words(words, [found(0, 1.1, 1.4), found(1, 1.5, 1.9), found(2, 2.0, 2.3)], SPEECH, 10.0)

    assert [word.timing for word in late] == ["aligned", "engine", "engine"]
    assert spans(late)[1:] == [(1.6, 2.0), (3.0, 3.5)]
    assert [word.timing for word in early] == ["aligned", "aligned", "engine"]


def test_a_word_behind_a_hesitation_is_believed_to_be_late() -> None:
    """Engines begin it in the pause before it, by up to a second."""
    words = [Word("we", 1.0, 1.4), Word("considered", 1.5, 3.2), Word("it", 3.2, 3.4)]
    placed = place_words(words, [found(0, 1.0, 1.4), found(1, 2.8, 3.2), found(2, 3.2, 3.4)], SPEECH, 10.0)

    assert spans(placed) == [(1.0, 1.4), (2.8, 3.2), (3.2, 3.4)]


def test_a_word_that_squeezes_those_behind_it_is_not_believed() -> None:
    """One word placed late costs its neighbours neither their times nor their room."""
    words = [Word(text, 1.0 + n / 2, 1.5 + n / 2) for n, text in enumerate("abcd")]
    where = [found(0, 1.0, 1.5), replace(found(1, 2.4, 2.9), score=-4.5), None, found(3, 2.95, 3.3)]
    placed = place_words(words, where, SPEECH, 10.0)

    assert [word.timing for word in placed] == ["aligned", "engine", "engine", "aligned"]
    assert all(word.end - word.start >= 0.3 for word in placed)
