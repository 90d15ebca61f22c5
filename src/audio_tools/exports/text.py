"""
Format words as text: white space, width on the screen, paragraphs. Works with or without punctuation, in any
script, and independent of the language.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from audio_tools.transcript import Word
from audio_tools.words.script import ends_sentence, join_words

PARAGRAPH_PAUSE_S = 2.0
# About ten lines on a page: speech without pauses must not become one long paragraph.
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


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Words of one speaker, from `start` in seconds; `speaker` is None where it is the one before."""

    start: float
    speaker: str | None
    words: list[str]

    @property
    def text(self) -> str:
        """The words as running text, behind the speaker's name if there is one: `Ann: Yes.`"""
        named = [f"{self.speaker}:"] if self.speaker else []
        return join_words([*named, *self.words])


def paragraphs(words: Sequence[Word]) -> list[Paragraph]:
    """
    The words as paragraphs.

    A new paragraph begins after a pause of `PARAGRAPH_PAUSE_S`, after a sentence once the paragraph is longer
    than `LONG_PARAGRAPH_CHARACTERS`, and with another speaker, whose name then stands before it.
    """
    found: list[Paragraph] = []
    characters, last_end = 0, 0.0
    speaker: str | None = None
    for word in words:
        if not (text := clean(word.word)):
            continue
        paused = word.start - last_end >= PARAGRAPH_PAUSE_S
        too_long = characters > LONG_PARAGRAPH_CHARACTERS and ends_sentence(found[-1].words[-1], text)
        other = word.speaker != speaker
        if paused or too_long or other or not found:
            named = clean(word.speaker) if word.speaker and other else None
            found.append(Paragraph(word.start, named, []))
            characters, speaker = 0, word.speaker
        found[-1].words.append(text)
        characters, last_end = characters + len(text) + 1, word.end
    return found


def to_txt(words: Sequence[Word], label: Callable[[float], str] | None = None) -> str:
    """
    The words as paragraphs, one to a line, a blank line between them; empty without words.

    Args:
        words: what to write.
        label: makes a timecode of a time in seconds; it stands in brackets before each paragraph.
    """
    lines = [
        f"[{label(paragraph.start)}] {paragraph.text}" if label else paragraph.text
        for paragraph in paragraphs(words)
    ]
    return "\n\n".join(lines) + "\n" * bool(lines)
