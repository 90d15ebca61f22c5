"""Words made fit for a timeline."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.transcript import Interval, Word
from audio_tools.words.order import in_order
from audio_tools.words.timing import Sounds, fit_to_speech, spread, uncovered


def at(*spans: tuple[float, float]) -> list[Word]:
    return [Word(f"w{number}", start, end) for number, (start, end) in enumerate(spans)]


def spans(words: list[Word]) -> list[tuple[float, float]]:
    return [(round(word.start, 3), round(word.end, 3)) for word in words]


def nothing(_: Interval) -> bool:
    return False


def everything(_: Interval) -> bool:
    return True


def fit(
    words: list[Word], speech: list[Interval], sounds: Sounds = nothing
) -> tuple[list[tuple[float, float]], list[str]]:
    fitted, dropped = fit_to_speech(words, speech, sounds)
    return spans(fitted), [phrase.text for _, phrase in dropped]


TWO_STRETCHES = [Interval(0.0, 1.0), Interval(4.8, 9.0)]


def test_a_word_that_reaches_into_a_pause_ends_where_it_starts() -> None:
    """Engines stretch words over the pause behind or before them; the samples know better."""
    assert fit(at((0.5, 3.0), (3.0, 5.5)), TWO_STRETCHES) == ([(0.5, 1.0), (4.8, 5.5)], [])


def test_a_word_just_inside_a_silent_pause_moves_to_the_speech() -> None:
    """Half a second is how far engines are off; so near a word was spoken."""
    assert fit(at((4.3, 4.6), (6.0, 6.4)), TWO_STRETCHES) == ([(5.2, 6.0), (6.0, 6.4)], [])
    assert fit(at((5.0, 5.4), (9.1, 9.2)), TWO_STRETCHES) == ([(5.0, 5.4), (5.4, 6.2)], [])


def test_a_word_in_a_pause_in_which_something_sounds_stays() -> None:
    """The detector alone does not decide: the engine heard something, and there is a sound."""
    assert fit(at((0.0, 0.5), (2.5, 3.0)), TWO_STRETCHES, everything) == ([(0.0, 0.5), (2.5, 3.0)], [])


def test_a_sentence_deep_inside_silence_is_dropped_and_named() -> None:
    """Engines thank for watching where nothing sounds."""
    words = [Word("Yes.", 0.0, 0.5), Word("Thank", 2.4, 2.6), Word("you.", 2.6, 3.0), Word("No.", 5.0, 5.5)]

    assert fit(words, TWO_STRETCHES) == ([(0.0, 0.5), (5.0, 5.5)], ["Thank you."])
    assert fit(words[1:3], []) == ([], ["Thank you."])


def test_a_word_of_a_sentence_that_was_spoken_is_kept_next_to_it() -> None:
    """Only its time is wrong: the engine begins the sentence in the silence before it."""
    words = [Word("unless", 2.0, 3.0), Word("a", 5.4, 5.5), Word("system.", 5.5, 6.0)]

    assert fit(words, TWO_STRETCHES) == ([(4.8, 5.4), (5.4, 5.5), (5.5, 6.0)], [])


floats = st.floats(0, 60, allow_nan=False).map(lambda value: round(value, 3))
moments = floats | st.sampled_from([0.0, 30.0, 59.98, 60.0])


@given(
    edges=st.lists(floats, unique=True, max_size=10).map(sorted),
    given_spans=st.lists(st.tuples(moments, st.floats(0, 3) | st.just(0.0)), max_size=20),
    times=st.sampled_from([1, 2, 100]),
    dots=st.booleans(),
    audible=st.booleans(),
)
def test_fitted_words_are_in_the_order_of_the_text_apart_and_not_empty(
    edges: list[float], given_spans: list[tuple[float, float]], times: int, dots: bool, audible: bool
) -> None:
    """Whatever times an engine gives: the words of the text in its order, none lost but those named."""
    speech = [Interval(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    spans = [(start, start + length) for start, length in given_spans] * times
    heard = [replace(word, word=word.word + "." * dots) for word in at(*spans)]
    words = in_order(heard, 60.0)
    fitted, dropped = fit_to_speech(words, speech, everything if audible else nothing)
    gone = {number for numbers, _ in dropped for number in numbers}

    assert [word.word for word in fitted] == [w.word for n, w in enumerate(words) if n not in gone]
    assert all(round(word.start, 4) < round(word.end, 4) for word in fitted)
    assert all(a.end <= b.start + 1e-9 for a, b in itertools.pairwise(fitted))
    assert all(word.start >= -1e-9 and word.end <= 60.0 + 1e-9 for word in fitted)


edges_of_speech = st.lists(
    st.floats(0.1, 90).map(lambda value: round(value, 2)), unique=True, min_size=2, max_size=12
)


@given(
    edges=edges_of_speech.filter(lambda edges: len(edges) % 2 == 0).map(sorted),
    tokens=st.lists(st.text("abcdefgh", min_size=1, max_size=12), max_size=40),
)
def test_spread_words_lie_in_the_speech_in_order(edges: list[float], tokens: list[str]) -> None:
    """Every word of the text, once, in order, none across a pause."""
    speech = [Interval(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]
    words = spread(" ".join(tokens), speech)

    assert [word.word for word in words] == tokens
    assert all(word.timing == "estimated" and word.end > word.start for word in words)
    assert all(a.end <= b.start + 1e-6 for a, b in itertools.pairwise(words))
    for word in words:
        assert any(s.start - 1e-6 <= word.start and word.end <= s.end + 1e-6 for s in speech)


def test_uncovered_speech_is_found_between_words() -> None:
    """A second of speech without a word is missing; what is shorter, or covered, is not."""
    speech = [Interval(0.0, 4.0), Interval(6.0, 6.6), Interval(8.0, 12.0)]

    assert uncovered(speech, at((0.1, 1.0), (1.2, 3.9), (8.1, 9.0))) == [Interval(9.0, 12.0)]
    assert uncovered(speech, at((0.1, 1.0), (9.5, 12.0))) == [Interval(1.0, 9.5)]
    assert uncovered(speech, []) == [Interval(0.0, 12.0)]
    assert uncovered([], []) == []


@pytest.mark.parametrize("text", ["", "   "])
def test_no_text_gives_no_words(text: str) -> None:
    """An engine that heard nothing says nothing."""
    assert spread(text, [Interval(0, 1)]) == []
