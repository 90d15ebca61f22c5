"""Split a text into the units of a transcript: words, by ICU's dictionaries where no spaces separate them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate

from icu4py.breakers import LineBreaker, WordBreaker

from audio_tools.words.script import UNSPACED, fold_letters, space_between

NOTES = "♩♪♫♬🎵🎶"
"""A music sign is a unit of its own, never punctuation of the word before it."""
ANY_LOCALE = ""
"""ICU's dictionaries follow the script, not the language."""
_NOTES = re.compile(f"([{NOTES}]+)")


def split_units(text: str) -> list[str]:
    """
    The words of a text in order; joined again (`script.join_words`) they are the text.

    White space separates words. Where a script has none, a unit ends where ICU finds both the end of a word
    and a place at which a line may break, except at a number or a word of another script that no space
    separates (`2026年`). Punctuation belongs to the word or character before it, also where
    a space separates them (`Bonjour !`), and at the beginning of the text to the first word.
    """
    units: list[str] = []
    for token in _NOTES.sub(r" \1 ", text).split():
        space = " " if units else ""
        for unit in _split_unspaced(token) if UNSPACED.search(token) else (token,):
            follows_mark = units and _is_mark(units[-1])
            is_attached = units and not space and space_between(units[-1], unit)
            if is_attached or follows_mark or (units and _is_mark(unit) and not _NOTES.match(units[-1])):
                units[-1] += space + unit
            else:
                units.append(unit)
            space = ""
    return units


def _is_mark(unit: str) -> bool:
    return not fold_letters(unit) and not _NOTES.match(unit)


def _split_unspaced(token: str) -> Iterator[str]:
    """A token cut where a word ends and a line may break."""
    lines = set(accumulate(map(len, LineBreaker(token, ANY_LOCALE))))
    unit, end = "", 0
    for word in WordBreaker(token, ANY_LOCALE):
        unit, end = unit + word, end + len(word)
        if end in lines:
            yield unit
            unit = ""
    if unit:
        yield unit
