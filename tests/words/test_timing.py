"""Words made fit for a timeline."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.transcript import Interval, Word
from audio_tools.words.segments import group
from audio_tools.words.timing import SHORTEST_WORD_S, clamp_to_speech, part, punctuate, spread, uncovered


def at(*spans: tuple[float, float]) -> list[Word]:
    return [Word(f"w{number}", start, end) for number, (start, end) in enumerate(spans)]


def spans(words: list[Word]) -> list[tuple[float, float]]:
    return [(round(word.start, 3), round(word.end, 3)) for word in words]


def test_a_word_that_reaches_into_a_pause_ends_where_it_starts() -> None:
    """Engines stretch words over the pause behind or before them; the samples know better."""
    words, dropped = clamp_to_speech(at((0.5, 3.0), (3.0, 5.5)), [Interval(0.0, 1.0), Interval(4.8, 9.0)])

    assert spans(words) == [(0.5, 1.0), (4.8, 5.5)]
    assert dropped == 0


def test_a_word_just_inside_a_pause_moves_to_its_edge() -> None:
    """Half a second is how far engines are off; so near a word was spoken."""
    words, dropped = clamp_to_speech(at((4.3, 4.6), (9.1, 9.2)), [Interval(0.0, 1.0), Interval(4.8, 9.0)])

    assert spans(words) == [(4.8, 5.1), (8.9, 9.0)]
    assert dropped == 0


def test_a_word_deep_inside_a_pause_is_dropped_and_counted() -> None:
    """Nobody can have said it."""
    words, dropped = clamp_to_speech(at((0.0, 0.5), (5.0, 5.5)), [Interval(0.0, 1.0), Interval(10.0, 12.0)])

    assert (spans(words), dropped) == ([(0.0, 0.5)], 1)


def test_a_word_in_the_silence_at_an_end_moves_to_the_speech_alone() -> None:
    """Before the beginning and behind the end of a file there is nothing to move it to."""
    words, dropped = clamp_to_speech(at((0.0, 0.3), (9.8, 10.0)), [Interval(0.7, 9.5)])

    assert (spans(words), dropped) == ([(0.7, 1.0), (9.3, 9.5)], 0)
    assert clamp_to_speech(at((0.0, 0.3), (9.8, 10.0)), [Interval(1.0, 9.0)]) == ([], 2)
    assert clamp_to_speech(at((0.0, 0.3)), []) == ([], 1)


def test_words_on_one_spot_share_the_room_there_is() -> None:
    """They part towards the side that has room; more words than a millisecond each were not said."""
    words, _ = clamp_to_speech(at((9.98, 10.0), (9.98, 10.0), (10.0, 10.0)), [Interval(0.0, 10.0)])
    assert spans(words) == [(9.94, 9.96), (9.96, 9.98), (9.98, 10.0)]

    crowd, dropped = clamp_to_speech(at(*[(1.0, 1.0)] * 3000), [Interval(0.0, 2.0)])
    assert (len(crowd), dropped) == (2000, 1000)
    assert spans(crowd)[0] == (0.0, 0.001)
    assert spans(crowd)[-1] == (1.999, 2.0)


floats = st.floats(0, 60, allow_nan=False).map(lambda value: round(value, 3))
moments = floats | st.sampled_from([0.0, 30.0, 59.98, 60.0])


@given(
    edges=st.lists(floats, unique=True, max_size=10).map(sorted),
    given_spans=st.lists(st.tuples(moments, st.floats(0, 3) | st.just(0.0)), max_size=20),
    times=st.sampled_from([1, 2, 100]),
)
def test_clamped_words_are_in_order_apart_not_empty_and_inside(
    edges: list[float], given_spans: list[tuple[float, float]], times: int
) -> None:
    """Whatever the engine says: sorted, no overlap, no zero length, none lost but those counted."""
    speech = [Interval(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    words = at(*((start, start + length) for start, length in given_spans)) * times
    clamped, dropped = clamp_to_speech(words, speech)

    assert len(clamped) + dropped == len(words)
    assert all(round(word.start, 4) < round(word.end, 4) for word in clamped)
    assert all(a.end <= b.start for a, b in itertools.pairwise(clamped))
    assert all(speech[0].start <= word.start and word.end <= speech[-1].end for word in clamped)


def test_words_take_their_spelling_from_the_text() -> None:
    """Punctuation and case come from the text, word by word; what it lacks stays."""
    words = punctuate(at((0, 1), (1, 2), (2, 3)), "")
    assert [word.word for word in words] == ["w0", "w1", "w2"]

    heard = [Word(text, i, i + 1) for i, text in enumerate(["hello", "world", "again", "its", "me"])]
    spelled = punctuate(heard, "Hello, world! It's me.")
    assert [word.word for word in spelled] == ["Hello,", "world!", "again", "It's", "me."]
    assert [word.start for word in spelled] == [0, 1, 2, 3, 4]


edges_of_speech = st.lists(
    st.floats(0.1, 90).map(lambda value: round(value, 2)), unique=True, min_size=2, max_size=12
)


@given(
    edges=edges_of_speech.filter(lambda edges: len(edges) % 2 == 0).map(sorted),
    tokens=st.lists(st.text("abcdefgh.,", min_size=1, max_size=12), max_size=40),
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


def test_segments_end_at_sentences_and_pauses() -> None:
    """Where an engine gives no segments they are made from its words."""
    words = [Word("One.", 0, 1), Word("Two", 1, 2), Word("three", 3, 4), Word("four", 4, 5)]

    assert [(s.text, s.start, s.end) for s in group(words)] == [
        ("One.", 0, 1),
        ("Two", 1, 2),
        ("three four", 3, 5),
    ]
    assert group([]) == []


def test_a_segment_has_one_speaker() -> None:
    """Another one begins another segment."""
    words = [Word("Yes", 0, 1, speaker="A"), Word("no", 1, 2, speaker="B"), Word("maybe", 2, 3, speaker="B")]

    assert [(segment.text, segment.speaker) for segment in group(words)] == [("Yes", "A"), ("no maybe", "B")]


@pytest.mark.parametrize("text", ["", "   "])
def test_no_text_gives_no_words(text: str) -> None:
    """An engine that heard nothing says nothing."""
    assert spread(text, [Interval(0, 1)]) == []


@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 10)), max_size=50), st.floats(1.5, 10))
def test_parted_words_never_overlap_nor_vanish(times: list[tuple[float, float]], seconds: float) -> None:
    """Whatever times an engine gives, each word gets its own stretch inside the chunk."""
    words = at(*times)
    parted = part(words, Interval(0.0, seconds))

    assert [word.word for word in parted] == [word.word for word in words]
    assert all(word.end - word.start >= SHORTEST_WORD_S * 0.999 for word in parted)
    assert all(first.end <= second.start + 1e-9 for first, second in itertools.pairwise(parted))
    assert all(word.start >= -1e-9 and word.end <= seconds for word in parted)


@given(
    st.lists(st.sampled_from(["no", "ten", "the"]), max_size=250),
    st.dictionaries(st.integers(0, 249), st.sampled_from(["10", "um", ""]), max_size=9),
)
def test_words_are_spelled_as_in_their_text(said: list[str], changed: dict[int, str]) -> None:
    """A few that the text has otherwise, or not at all, keep their own spelling and lead no other astray."""
    listed = [changed.get(number, word) or word for number, word in enumerate(said)]
    text = " ".join(f"{word.title()}," for number, word in enumerate(said) if changed.get(number) != "um")
    spelled = punctuate([Word(word, n, n + 0.5) for n, word in enumerate(listed)], text)

    assert [word.word.lower().strip(",") for word in spelled] == listed
    if not changed:
        assert " ".join(word.word for word in spelled) == text


def test_words_with_good_times_are_left_alone() -> None:
    """Only what is wrong is changed."""
    words = at((0.5, 1.0), (1.0, 1.4), (2.0, 2.02))

    assert part(words, Interval(0.0, 8.0)) == words
