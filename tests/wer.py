"""Word error rates: of what was heard, however it is written, and of what is written, marks included."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self

import jiwer

_ONES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven"]
_ONES += ["twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]
_TENS = ["", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SHAPES = str.maketrans("’‘“”–—", "''\"\"--")
_ALIKE = {"mr": "mister", "mrs": "missus", "dr": "doctor", "y'know": "you know", "ok": "okay"}


@dataclass(frozen=True, slots=True)
class Errors:
    """How many of the reference's words were wrong: substituted, left out or added."""

    wrong: int = 0
    words: int = 0

    @property
    def rate(self) -> float:
        """Word error rate; 0 is perfect, and more than 1 is possible."""
        return self.wrong / max(self.words, 1)

    def __add__(self, other: Self) -> Errors:
        return Errors(self.wrong + other.wrong, self.words + other.words)

    def __str__(self) -> str:
        return f"{self.wrong:3} of {self.words:4} words, {self.rate:6.1%}"


def count_errors(reference: str, heard: str, *, marks: bool = False) -> Errors:
    """
    Compare two English texts word by word: after `fold_spelling`, or with `marks` as they are written.

    With marks, `Dont` for `Don't,` is an error, and so is `cold -hearted` for `cold-hearted`.
    """
    fold = _as_written if marks else fold_spelling
    found = jiwer.process_words(fold(reference), fold(heard))
    wrong = found.substitutions + found.deletions + found.insertions
    return Errors(wrong, found.hits + found.substitutions + found.deletions)


def _as_written(text: str) -> str:
    """Only what no reader sees is alike: the shape of quotes and dashes, and white space."""
    return " ".join(text.translate(_SHAPES).split())


def fold_spelling(text: str) -> str:
    """Lower case, no punctuation, numbers as words: `In 1813, Mr. B` is `in eighteen thirteen mister b`."""
    plain = re.sub(r"\d+", lambda digits: f" {_say(int(digits[0]))} ", text.lower().replace("’", "'"))
    words = (word.strip("'") for word in re.sub(r"[^\w']+", " ", plain).split())
    return " ".join(_ALIKE.get(word, word) for word in words if word)


def _say(number: int) -> str:
    """A number below a million as an English speaker says it; 1100 to 1999 as a year."""
    if number < 20:
        return _ONES[number]
    if number < 100:
        return f"{_TENS[number // 10]} {_ONES[number % 10] if number % 10 else ''}".strip()
    unit, name = (1000, "thousand") if number >= 2000 or number in range(1000, 1100) else (100, "hundred")
    head, rest = divmod(number, unit)
    if number in range(1101, 2000) and rest:
        return f"{_say(head)} {_say(rest)}"
    return f"{_say(head)} {name} {_say(rest) if rest else ''}".strip()
