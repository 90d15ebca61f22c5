"""Descriptions of sounds and endless repetitions are kept out of the words and reported."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.transcript import Reply, Segment, Word
from audio_tools.words.pieces import Piece, join_pieces
from audio_tools.words.segments import group
from audio_tools.words.unspoken import (
    describe_dropped,
    without_improbable,
    without_invented,
    without_rushed,
    without_unspoken,
)


def reply(text: str, seconds: float = 60.0, *segments: Segment) -> Reply:
    words = join_pieces([Piece(text, 0.0, seconds, timing="estimated")], text, seconds)
    return Reply(text, tuple(words), segments or tuple(group(words)))


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("[MUSIC PLAYING] And so, [BLANK_AUDIO] friends. (applause) ♪♪", "And so, friends."),
        ("♪ la la ♪ Yes.", "la la Yes."),
        ("*laughs* No. (Audience laughing.) Well.", "No. Well."),
        ("（拍手）ありがとう。【音楽】", "ありがとう。"),
        ("He came (as he said) at three. (I think so.)", "He came (as he said) at three. (I think so.)"),
        ("An [unclosed bracket stays", "An [unclosed bracket stays"),
    ],
)
def test_descriptions_of_sounds_are_no_words(text: str, left: str) -> None:
    """Brackets that somebody said the contents of stay."""
    cleaned = without_unspoken(reply(text))

    assert cleaned.text == left
    assert " ".join(segment.text for segment in cleaned.segments).replace("  ", " ") == left
    assert bool(cleaned.dropped) == (text != left)
    assert {phrase.reason for phrase in cleaned.dropped} <= {"sound"}


def test_a_segment_that_is_nothing_but_brackets_describes_a_sound() -> None:
    """Whatever the language: an engine writes no speech that way."""
    segments = Segment(0, 0.0, 30.0, "Hallo."), Segment(1, 30.0, 60.0, "(Vogelzwitschern)")

    assert without_unspoken(reply("Hallo. (Vogelzwitschern)", 60.0, *segments)).text == "Hallo."


def test_a_phrase_without_end_is_dropped_and_named_once() -> None:
    """With its time and how often the engine says it."""
    cleaned = without_unspoken(reply("Well. " + "Thank you. " * 60 + "Bye.", 200.0))

    assert cleaned.text == "Well. Bye."
    (phrase,) = cleaned.dropped
    assert (phrase.text, phrase.count, phrase.reason) == ("Thank you.", 60, "repetition")
    (warning,) = describe_dropped(cleaned.dropped)
    assert "“Thank you.” at" in warning
    assert "60 times" in warning


def test_people_do_repeat_themselves() -> None:
    """A few times slowly is no loop; as often but faster than anyone speaks it is."""
    said = "no, " * 10 + "stop"

    assert without_unspoken(reply(said, 6.0)).text == said
    assert without_unspoken(reply(said, 0.6)).text == "stop"


@pytest.mark.parametrize("rushed", [0, 1])
def test_a_copy_of_a_phrase_too_fast_to_be_said_is_dropped(rushed: int) -> None:
    """Whichever copy it is; the other one stays."""
    phrase = "so tempting to scratch"
    pieces = [
        Piece(f" {word}", 5.0 * copy + length * number, 5.0 * copy + length * (number + 1))
        for copy, length in enumerate((0.04, 0.4) if rushed == 0 else (0.4, 0.04))
        for number, word in enumerate(phrase.split())
    ]
    words = tuple(join_pieces(pieces, f"{phrase} {phrase}", 10.0))
    cleaned = without_rushed(Reply(f"{phrase} {phrase}", words, tuple(group(words))))

    assert cleaned.text == phrase
    assert [word.start >= 5.0 for word in cleaned.words] == [rushed == 0] * 4
    (warning,) = describe_dropped(cleaned.dropped)
    assert f"repeated once in an implausibly short time (a likely hallucination): “{phrase}” at" in warning


def test_a_phrase_said_twice_is_kept_twice() -> None:
    """In the time that a fast speaker needs."""
    said = "so tempting to scratch so tempting to scratch"
    pieces = [Piece(f" {word}", 0.15 * n, 0.15 * (n + 1)) for n, word in enumerate(said.split())]
    words = tuple(join_pieces(pieces, said, 10.0))

    assert without_rushed(Reply(said, words, tuple(group(words)))).text == said


def without_loops(words: list[str], seconds: float, *, doubted: bool) -> list[str]:
    """What is left by the definition, counted anew from each word: the loops of `without_unspoken`."""
    left, first = list[str](), 0
    while first < len(words):
        ways = [(length, times(words[first:], length)) for length in range(1, 13)]
        length, count = max(ways, key=lambda way: (way[1] > 1) * way[0] * way[1])
        row = words[first : first + length * count]
        fast = len("".join(row)) > 30.0 * seconds * len(row)
        if count > 6 and (doubted or fast or (length > 1 and count >= 20)):
            first += len(row)
        else:
            left.append(words[first])
            first += 1
    return left


def times(words: list[str], length: int) -> int:
    """How often the first `length` words follow one another."""
    count = 1
    while words[count * length : (count + 1) * length] == words[:length]:
        count += 1
    return count


@given(
    phrases=st.lists(
        st.tuples(st.lists(st.sampled_from("abc"), min_size=1, max_size=14), st.integers(1, 25)), max_size=4
    ),
    seconds=st.sampled_from([0.01, 1.0]),
    doubted=st.booleans(),
)
def test_loops_are_found_in_any_mixture_of_repetitions(
    phrases: list[tuple[list[str], int]], seconds: float, doubted: bool
) -> None:
    """The same as by counting the repetitions from each word anew."""
    said = [word for phrase, count in phrases for word in phrase * count]
    words = tuple(Word(word, seconds * n, seconds * (n + 1)) for n, word in enumerate(said))
    segment = Segment(0, 0.0, seconds * len(said), " ".join(said), no_speech_prob=0.9 if doubted else 0.1)
    cleaned = without_unspoken(Reply(segment.text, words, (segment,)))

    assert [word.word for word in cleaned.words] == without_loops(said, seconds, doubted=doubted)


@pytest.mark.parametrize("clean", [without_unspoken, without_rushed])
def test_the_work_for_one_phrase_again_and_again_grows_with_its_length(
    clean: Callable[[Reply], Reply],
) -> None:
    """Twice the words take twice the calls, not four times."""
    short, long = (calls_for(clean, reply("so it goes, " * count, float(count))) for count in (100, 200))

    assert long < 2.5 * short


@given(lengths=st.lists(st.sampled_from([0.01, 0.3]), min_size=1, max_size=12))
def test_exactly_the_copies_too_fast_to_be_said_are_dropped(lengths: list[float]) -> None:
    """All but the fast ones are left, unless every copy is fast."""
    words = list[Word]()
    for length in lengths:
        start = words[-1].end if words else 0.0
        words += [
            Word(w, start + n * length, start + (n + 1) * length) for n, w in enumerate(["so", "it", "goes"])
        ]
    text = " ".join(word.word for word in words)
    cleaned = without_rushed(Reply(text, tuple(words), tuple(group(words))))

    slow = [word for word in words if word.end - word.start > 0.1]
    assert list(cleaned.words) == (slow or words)


def calls_for(clean: Callable[[Reply], Reply], repeated: Reply) -> int:
    """How many calls of functions it takes to clean a reply."""
    calls = 0

    def count(_frame: FrameType, event: str, _argument: object) -> None:
        nonlocal calls
        calls += event == "call"

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        clean(repeated)
    finally:
        sys.setprofile(before)
    return calls


def test_whispers_own_doubts_tell_a_loop_from_a_repetition() -> None:
    """`no_speech_prob` and `compression_ratio` of the segment count."""
    said = ("no, " * 10).strip()
    doubtful = Segment(0, 0.0, 6.0, said, no_speech_prob=0.9)

    assert without_unspoken(reply(said, 6.0, doubtful)).text == ""
    assert without_unspoken(reply(said, 6.0, Segment(0, 0.0, 6.0, said, no_speech_prob=0.1))).text == said


@given(st.text(st.sampled_from("ab [](){}*♪.「」【】（）"), max_size=40))
def test_no_brackets_do_harm(text: str) -> None:
    """What is left is a part of the text in its order."""
    cleaned = without_unspoken(reply(text))
    remaining = iter("".join(text.split()))

    assert all(character in remaining for character in "".join(cleaned.text.split()))


def figures(
    number: int, text: str, no_speech_prob: float | None, avg_logprob: float | None = None
) -> Segment:
    return Segment(
        number, 30.0 * number, 30.0 * number + 30, text, avg_logprob, no_speech_prob=no_speech_prob
    )


@pytest.mark.parametrize(
    ("no_speech_prob", "voiced", "left"),
    [(0.9, False, "Hello."), (0.9, True, "Hello. Bye now."), (0.4, False, "Hello. Bye now.")],
)
def test_words_without_a_voice_are_dropped_if_the_engine_doubts_them(
    no_speech_prob: float, voiced: bool, left: str
) -> None:
    """Neither the engine's doubt nor the missing voice drops a word alone: a quiet voice stays."""
    segments = figures(0, "Hello.", 0.01), figures(1, "Bye now.", no_speech_prob)

    cleaned = without_invented(reply("Hello. Bye now.", 60.0, *segments), lambda _: voiced)

    assert cleaned.text == left
    if left == "Hello.":
        (warning,) = describe_dropped(cleaned.dropped)
        assert "no voice is heard" in warning
        assert "“Bye now.” at" in warning


def test_an_improbable_segment_is_left_out_of_a_second_answer() -> None:
    """By the limit of Whisper itself; without figures everything stays."""
    segments = figures(0, "Hello.", None), figures(1, "Bye now.", None, -1.3)

    assert without_improbable(reply("Hello. Bye now.", 60.0, *segments)).text == "Hello."
