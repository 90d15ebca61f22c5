"""Lists of words, tokens and characters joined to the words of a text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.transcript import Word
from audio_tools.words.pieces import Piece, join_pieces
from audio_tools.words.units import split_units

SECONDS = 30.0


def listed(*texts: str) -> list[Piece]:
    """Each a second long, one after the other."""
    return [Piece(text, float(number), number + 1.0) for number, text in enumerate(texts)]


def spoken(words: list[Word]) -> list[tuple[str, float, float]]:
    return [(word.word, round(word.start, 3), round(word.end, 3)) for word in words]


@pytest.mark.parametrize(
    ("pieces", "text", "words"),
    [
        (("The", "plan", "real", "time"), "The plan: real-time.", [("real-time.", 2, 4)]),
        ((" J", "'ai", " faim"), "J'ai faim.", [("J'ai", 0, 2), ("faim.", 2, 3)]),
        (("Aujourd", "hui", "qu", "il"), "Aujourd'hui qu'il", [("Aujourd'hui", 0, 2), ("qu'il", 2, 4)]),
        ((" cold", "-hearted"), "cold-hearted", [("cold-hearted", 0, 2)]),
        ((" $", "3", ".", "5", " o", "'clock"), "$3.5 o'clock", [("$3.5", 0, 4), ("o'clock", 4, 6)]),
        ((" Like", "-minded."), "Like-minded.", [("Like-minded.", 0, 2)]),
        (("ten", "men"), "10 men", [("10", 0, 1), ("men", 1, 2)]),
        (("twenty", "five", "men"), "25 men", [("25", 0, 2), ("men", 2, 3)]),
        (("Bonjour", "monsieur"), "Bonjour ! Monsieur ?", [("Bonjour !", 0, 1), ("Monsieur ?", 1, 2)]),
        (("今", "天", "很", "好"), "今天很好。", [("今天", 0, 2), ("很好。", 2, 4)]),
        (("hello", "uh", "world"), "Hello, world!", [("Hello,", 0, 1), ("world!", 2, 3)]),
        (("今天", "很", "好。"), "", [("今天", 0, 1), ("很好。", 1, 3)]),
        ((" I", " am"), "", [("I", 0, 1), ("am", 1, 2)]),
        ((" Hel", "lo", ",", " you"), "", [("Hello,", 0, 3), ("you", 3, 4)]),
    ],
)
def test_pieces_become_the_words_of_the_text(
    pieces: tuple[str, ...], text: str, words: list[tuple[str, float, float]]
) -> None:
    """The text spells and splits, the list times: whole pieces keep the engine's times."""
    joined = join_pieces(listed(*pieces), text, SECONDS)

    assert spoken(joined)[-len(words) :] == words
    assert {word.timing for word in joined} == {"engine"}
    assert [word.word for word in joined] == split_units(text or "".join(pieces))


def test_halves_of_characters_become_the_clean_text() -> None:
    """A server that cuts a token inside a character sends U+FFFD; the text has the character."""
    pieces = listed("\ufffd", "\ufffd日", "は\ufffd", "\ufffd")
    joined = join_pieces(pieces, "今日は雨", SECONDS)

    assert "".join(word.word for word in joined) == "今日は雨"
    assert joined[0].start == 0.0
    assert joined[-1].end == 4.0


def test_words_within_one_long_piece_share_its_times_and_say_so() -> None:
    """A whole sentence listed as one word is not one word."""
    joined = join_pieces([Piece("今天很好", 1.0, 5.0)], "今天很好", SECONDS)

    assert spoken(joined) == [("今天", 1.0, 3.0), ("很好", 3.0, 5.0)]
    assert {word.timing for word in joined} == {"estimated"}


def test_a_list_in_another_order_gives_its_times_to_the_order_of_the_text() -> None:
    """Sorted by time it is the text; the text is never sorted."""
    backwards = [Piece("world", 5.0, 6.0), Piece("hello", 1.0, 2.0)]

    assert spoken(join_pieces(backwards, "hello world", SECONDS)) == [
        ("hello", 1.0, 2.0),
        ("world", 5.0, 6.0),
    ]


def test_a_time_that_contradicts_the_order_counts_as_missing() -> None:
    """The word shares what is free between its neighbours."""
    pieces = [Piece("one", 1.0, 2.0), Piece("two", 25.0, 26.0), Piece("three", 4.0, 5.0)]
    joined = join_pieces(pieces, "One, two, three.", SECONDS)

    assert spoken(joined) == [("One,", 1.0, 2.0), ("two,", 2.0, 4.0), ("three.", 4.0, 5.0)]
    assert [word.timing for word in joined] == ["engine", "estimated", "engine"]


def test_words_of_no_length_at_one_moment_share_the_room_behind_it() -> None:
    """None is dropped, none is a flash."""
    pieces = [Piece("one", 1.0, 2.0), *(Piece(text, 2.0, 2.0) for text in "abcd"), Piece("six", 4.0, 5.0)]
    joined = join_pieces(pieces, "one a b c d six", SECONDS)

    assert spoken(joined)[1:3] == [("a", 2.0, 2.5), ("b", 2.5, 3.0)]
    assert joined[-1].start == 4.0


def test_a_start_alone_is_a_time() -> None:
    """The word ends with the next one, or after as long as its letters take."""
    pieces = [Piece("one", 1.0, None), Piece("two", 1.4, None), Piece("three", 9.0, None)]

    assert spoken(join_pieces(pieces, "", SECONDS)) == [
        ("one", 1.0, 1.4),
        ("two", 1.4, 1.97),
        ("three", 9.0, 9.75),
    ]


times = st.one_of(
    st.none(),
    st.floats(0, SECONDS),
    st.sampled_from([0.0, 5.0, 5.0, SECONDS, -3.0, SECONDS + 0.5, 1e5]),
)
tokens = st.sampled_from(["one", "two", " three", "four,", "-", "今天", "很", "\ufffd", "$", "5", " ", "♪"])
lists = st.lists(st.builds(Piece, tokens, times, times), max_size=30)


@given(lists, st.text(st.sampled_from("onetwh 四今天很好。,.5$-♪"), max_size=60) | st.just(""))
def test_the_words_are_those_of_the_text_in_its_order_whatever_the_times(
    pieces: list[Piece], text: str
) -> None:
    """Random, contradictory, early, late, equal, missing and extreme times change no word and no order."""
    joined = join_pieces(pieces, text, SECONDS)

    assert joined == [] or text.strip() == "" or [word.word for word in joined] == split_units(text)
    assert all(0.0 <= word.start < word.end <= SECONDS + 1e-9 for word in joined)
    assert all(a.end <= b.start + 1e-9 for a, b in pairwise(joined))


@given(
    st.lists(st.sampled_from(["no", "ten", "the", "jusqu'ici", "well-known"]), min_size=1, max_size=80),
    st.integers(1, 4),
)
def test_a_text_cut_into_tokens_comes_back_with_the_times_of_its_words(words: list[str], size: int) -> None:
    """However tokens cut words, each word begins with its first token and ends with its last."""
    pieces, edges, at = [], [], 0.0
    for word in words:
        spelled, start = f" {word},", at
        for first in range(0, len(spelled), size):
            pieces.append(Piece(spelled[first : first + size], at, at + 0.1))
            at += 0.1
        edges.append((f"{word},", start, at))
    joined = join_pieces(pieces, " ".join(f"{word}," for word in words), at)

    assert [word.word for word in joined] == [word for word, _, _ in edges]
    assert all(abs(w.start - start) < 0.3 for w, (_, start, _) in zip(joined, edges, strict=True))
