from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.exports.text import LONG_PARAGRAPH_CHARACTERS, clean, to_txt, width
from audio_tools.transcript import Word
from audio_tools.words.script import ends_sentence, join_words


def spoken(text: str, start: float = 0.0) -> list[Word]:
    """The words of `text`, 0.2 s each, with 0.1 s between them."""
    return [
        Word(word, start + 0.3 * index, start + 0.3 * index + 0.2) for index, word in enumerate(text.split())
    ]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["Hello", "world."], "Hello world."),
        (["今天", "天气", "很好。"], "今天天气很好。"),
        (["使用", "Python", "编程"], "使用 Python 编程"),
        (["안녕", "하세요"], "안녕 하세요"),
        (["สวัสดี", "ครับ"], "สวัสดีครับ"),
        (["one"], "one"),
        ([], ""),
    ],
)
def test_words_are_joined_as_their_script_is_written(words: list[str], text: str) -> None:
    """Scripts without spaces get none between two of their words; all others get one."""
    assert join_words(words) == text


@pytest.mark.parametrize(
    ("text", "cells"), [("abc", 3), ("日本", 4), ("한국", 4), ("é", 1), ("e\u0301", 1), ("ﾊﾝ", 2), ("", 0)]
)
def test_width_counts_cells_on_the_screen(text: str, cells: int) -> None:
    """Full-width characters take two cells, combining marks none."""
    assert width(text) == cells


@given(st.text())
def test_a_clean_word_is_one_line_without_outer_space(word: str) -> None:
    """No white space is left but single spaces inside, so that a word cannot break a cue apart."""
    cleaned = clean(word)

    assert len(cleaned.splitlines()) <= 1
    assert cleaned == cleaned.strip()
    assert "".join(cleaned.split()) == "".join(word.split())


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        ("end.", "New", True),
        ('end."', "New", True),
        ("end!", "“New", True),
        ("は。", "次", True),
        ("end", "New", False),
        ("end,", "New", False),
        ("etc.", "and", False),
        ("Yahoo!", "is", False),
        ("Mr.", "Jones", False),
        ("J.", "Jones", False),
        ("U.S.", "Army", False),
        ("So", "I.", False),
        ("I.", "Then", True),
    ],
)
def test_a_sentence_ends_at_a_mark_that_means_it(left: str, right: str, expected: bool) -> None:
    """Titles, initials and words that go on with a small letter are no end."""
    assert ends_sentence(left, right) is expected


def test_a_paragraph_ends_at_a_pause_of_two_seconds() -> None:
    """Paragraphs are lines with a blank line between them; a shorter pause stays inside."""
    words = [*spoken("First one. Still the"), *spoken("same.", start=2.5), *spoken("Then more.", start=4.75)]

    assert to_txt(words) == "First one. Still the same.\n\nThen more.\n"


def test_a_long_paragraph_ends_with_its_sentence() -> None:
    """A speaker who never pauses still gets paragraphs, each a whole number of sentences."""
    paragraphs = to_txt(spoken("This is a sentence of some length. " * 100)).rstrip("\n").split("\n\n")

    assert len(paragraphs) > 1
    assert all(paragraph.endswith("length.") for paragraph in paragraphs)
    assert all(len(paragraph) + 1 > LONG_PARAGRAPH_CHARACTERS for paragraph in paragraphs[:-1])
    assert all(len(paragraph) < LONG_PARAGRAPH_CHARACTERS + 40 for paragraph in paragraphs)


def test_a_paragraph_has_one_speaker_and_his_name() -> None:
    """The name stands at the speaker's first words, not at those after a pause."""
    ann = [*spoken("Hello. How"), *spoken("are you?", start=3.0)]
    words = [replace(word, speaker="Ann") for word in ann]
    words += [replace(word, speaker="Bob") for word in spoken("Fine.", start=3.7)]

    assert to_txt(words) == "Ann: Hello. How\n\nare you?\n\nBob: Fine.\n"


def test_no_words_make_an_empty_text() -> None:
    """Neither an empty transcript nor one of blank words leaves a line."""
    assert to_txt([]) == ""
    assert to_txt([Word(" ", 0.0, 0.5)]) == ""
