"""Spoken forms of numbers in English, in every common way."""

from __future__ import annotations

_SMALL = [
    *["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"],
    *[
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ],
]
_TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_IRREGULAR_ORDINALS = {
    "one": "first",
    "two": "second",
    "three": "third",
    "five": "fifth",
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}

LONGEST_NUMBER = 12
"""More digits than these are read one by one."""


def say_number(digits: str) -> list[list[str]]:
    """
    The ways to say a row of digits: `1813` as a year, as a number, digit by digit.

    Args:
        digits: 0-9 only, at least one.
    """
    ways = [] if len(digits) > LONGEST_NUMBER else _as_number(int(digits))
    if len(digits) == 4 and digits[0] != "0":
        ways += _as_year(digits)
    if len(digits) > 1 and (digits[0] == "0" or len(digits) >= 3):
        ways += [say_digits(digits), ["oh" if digit == "0" else _SMALL[int(digit)] for digit in digits]]
    return _distinct(ways)


def say_digits(digits: str) -> list[str]:
    """One digit after the other: `05` is `zero five`."""
    return [_SMALL[int(digit)] for digit in digits]


def to_ordinal(words: list[str]) -> list[str]:
    """`twenty one` becomes `twenty first`."""
    last = words[-1]
    ordinal = last[:-1] + "ieth" if last.endswith("y") else last + "th"
    return [*words[:-1], _IRREGULAR_ORDINALS.get(last, ordinal)]


def to_plural(words: list[str]) -> list[str]:
    """`nineteen nineties`: decades and the like."""
    last = words[-1]
    return [*words[:-1], last[:-1] + "ies" if last.endswith("y") else last + "s"]


def _as_number(number: int) -> list[list[str]]:
    """`120`: one hundred twenty, one hundred and twenty, a hundred …"""
    ways = [_cardinal(number, ()), _cardinal(number, ("and",))]
    return ways + [["a", *way[1:]] for way in ways if way[0] == "one" and len(way) > 1]


def _cardinal(number: int, link: tuple[str, ...]) -> list[str]:
    for size, name in _SCALES:
        if number >= size:
            rest = number % size
            joint = link if 0 < rest < 100 else ()
            head = [*_cardinal(number // size, link), name]
            return head + ([*joint, *_cardinal(rest, link)] if rest else [])
    if number < len(_SMALL):
        return [_SMALL[number]]
    tens, ones = divmod(number, 10)
    return [_TENS[tens], *([_SMALL[ones]] if ones else [])]


def _as_year(digits: str) -> list[list[str]]:
    """`1813` in pairs, `1905` with an `oh`, `1900` with `hundred`."""
    century, rest = _cardinal(int(digits[:2]), ()), int(digits[2:])
    if rest == 0:
        return [[*century, "hundred"]]
    return [[*century, *(["oh"] if rest < 10 else []), *_cardinal(rest, ())]]


def _distinct(ways: list[list[str]]) -> list[list[str]]:
    return [way for position, way in enumerate(ways) if way not in ways[:position]]
