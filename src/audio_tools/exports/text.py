"""
How words become text: white space, width on the screen, paragraphs.

Words come with or without punctuation and in any script; nothing here asks for the language.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from audio_tools.transcript import Word
from audio_tools.words.script import ends_sentence, join_words

PARAGRAPH_PAUSE_S = 2.0
# About ten lines on a page: a speaker who never pauses must not become one wall of text.
LONG_PARAGRAPH_CHARACTERS = 800


def clean(word: str) -> str:
    """The word without outer white space; inner white space and line breaks become single spaces."""
    return " ".join(word.split())


def width(text: str) -> int:
    """The width of `text` on the screen in cells: wide characters take two, combining marks none."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def to_txt(words: Sequence[Word]) -> str:
    """
    The words as paragraphs, one to a line, a blank line between them; empty without words.

    A new paragraph begins after a pause of `PARAGRAPH_PAUSE_S`, after a sentence once the paragraph is longer
    than `LONG_PARAGRAPH_CHARACTERS`, and with another speaker, whose name then stands before it: `Ann: Yes.`
    """
    paragraphs: list[list[str]] = []
    characters, last_end = 0, 0.0
    speaker: str | None = None
    for word in words:
        if not (text := clean(word.word)):
            continue
        paused = word.start - last_end >= PARAGRAPH_PAUSE_S
        too_long = characters > LONG_PARAGRAPH_CHARACTERS and ends_sentence(paragraphs[-1][-1], text)
        other = word.speaker != speaker
        if paused or too_long or other or not paragraphs:
            paragraphs.append([f"{clean(word.speaker)}:"] if word.speaker and other else [])
            characters, speaker = 0, word.speaker
        paragraphs[-1].append(text)
        characters, last_end = characters + len(text) + 1, word.end
    return "\n\n".join(map(join_words, paragraphs)) + "\n" * bool(paragraphs)
