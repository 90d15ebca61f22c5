"""
How words become text: spacing, width on the screen, ends of sentences, paragraphs.

Words come with or without punctuation and in any script; nothing here asks for the language.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

from audio_tools.transcript import Word

CLOSING_QUOTES = "\"'”’»›)]}」』）】》〉"
SENTENCE_MARKS = tuple(".!?…。！？｡؟।")

PARAGRAPH_PAUSE_S = 2.0
# About ten lines on a page: a speaker who never pauses must not become one wall of text.
LONG_PARAGRAPH_CHARACTERS = 800

# Thai, Lao, Burmese, Khmer, Chinese and Japanese put no space between words. Korean does, so Hangul is
# missing here although it is as wide as they are.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u312f\u3190-\u9fff"
    "\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]"
)
# Not before marks and vowel signs, which belong to what they follow.
_BETWEEN_UNSPACED = re.compile(rf"(?<={_UNSPACED.pattern})(?={_UNSPACED.pattern})(?=[\w「『（【《〈])")
_INITIALS = re.compile(r"(?:[^\W\d_]\.)+")
TITLES = frozenset(
    {"dr.", "fr.", "hr.", "mme.", "mr.", "mrs.", "ms.", "mt.", "prof.", "sr.", "sra.", "st.", "vs."}
)


def clean(word: str) -> str:
    """The word without outer white space; inner white space and line breaks become single spaces."""
    return " ".join(word.split())


def space_between(left: str, right: str) -> str:
    """What stands between neighbours on a line: nothing if neither script uses spaces, else one space."""
    return "" if _UNSPACED.match(left[-1]) and _UNSPACED.match(right[0]) else " "


def part_unspaced(text: str) -> str:
    """The text with spaces where its script has none, so that lines may end there; `join_words` undoes it."""
    return _BETWEEN_UNSPACED.sub(" ", text)


def join_words(words: Sequence[str]) -> str:
    """The words as running text; each is `clean` and not empty."""
    spaced = (space_between(left, right) + right for left, right in pairwise(words))
    return "".join((*words[:1], *spaced))


def width(text: str) -> int:
    """The width of `text` on the screen in cells: wide characters take two, combining marks none."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def _cells(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def ends_sentence(left: str, right: str) -> bool:
    """Whether a sentence ends between two words; after a title ("Dr.") or initials ("J. F.") none does."""
    core = left.rstrip(CLOSING_QUOTES)
    return core.endswith(SENTENCE_MARKS) and not _is_abbreviation(core) and not _goes_on(right)


def _is_abbreviation(core: str) -> bool:
    return core != "I." and (bool(_INITIALS.fullmatch(core)) or core.casefold() in TITLES)


def _goes_on(right: str) -> bool:
    # "etc. and", "I... don't": the sentence goes on with a small letter.
    return next((character.islower() for character in right if character.isalnum()), False)


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
