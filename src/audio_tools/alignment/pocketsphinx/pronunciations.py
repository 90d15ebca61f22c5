"""Spoken forms of written words: `$5`, `10:30`, `well-known`, `U.S.` as words of a dictionary."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice, product

from audio_tools.alignment.pocketsphinx.number_words import say_digits, say_number, to_ordinal, to_plural

Spoken = tuple[str, ...]
"""Lower-case words of letters and inner apostrophes, in the order in which they are said."""

MOST_WAYS = 12
"""Maximum number of spoken forms: a word with several numbers has hundreds."""

_SYMBOLS = {"&": "and", "+": "plus", "@": "at", "=": "equals", "%": "percent", "°": "degrees", "#": "number"}
_CURRENCIES = {
    "$": ("dollar", "dollars"),
    "£": ("pound", "pounds"),
    "€": ("euro", "euros"),
    "¥": ("yen", "yen"),
}
_SCALE_WORDS = {"k": "thousand", "m": "million", "b": "billion", "bn": "billion"}
_UNFOLDED = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "ł": "l"})

_MONEY = re.compile(r"([$£€¥])(\d+)(?:\.(\d\d?))?(k|m|bn?)?(?!\w)")
_PART = re.compile(
    r"(?P<ordinal>\d+)(?:st|nd|rd|th)(?![a-z])"
    r"|(?P<decade>\d+0)'?s(?![a-z])"
    r"|(?P<decimal>\d+\.\d+)"
    r"|(?P<digits>\d+)"
    r"|(?P<initials>(?:[a-z]\.){2,}[a-z]?(?!\w))"
    r"|(?P<letters>[a-z]+(?:'[a-z]+)*'?)"
    r"|(?P<symbol>[&+@=%°#])"
)


def spoken_forms(word: str) -> list[Spoken]:
    """
    Return the spoken forms of a written English word, the most likely first.

    Returns:
        Empty for what is not spoken, such as a dash; at most `MOST_WAYS`.
    """
    text = _fold(word)
    parts = [ways for ways in _parts(text) if ways]
    if not parts:
        return []
    choices = (sum(choice, ()) for choice in product(*parts))
    return list(dict.fromkeys(islice(choices, MOST_WAYS)))


def _fold(word: str) -> str:
    """Lower case without accents, thousands without commas: `Café 1,000` becomes `cafe 1000`."""
    plain = unicodedata.normalize("NFKD", word.lower().translate(_UNFOLDED))
    plain = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(r"(?<=\d),(?=\d{3})", "", plain)


def _parts(text: str) -> Iterator[list[Spoken]]:
    position = 0
    while position < len(text):
        if money := _MONEY.match(text, position):
            yield _money(*money.groups())
            position = money.end()
        elif part := _PART.match(text, position):
            assert part.lastgroup is not None
            yield _say(part.lastgroup, part[part.lastgroup])
            position = part.end()
        else:
            position += 1


def _say(kind: str, text: str) -> list[Spoken]:
    match kind:
        case "ordinal":
            return [tuple(to_ordinal(way)) for way in say_number(text)]
        case "decade":
            return [tuple(to_plural(way)) for way in say_number(text)]
        case "decimal":
            whole, fraction = text.split(".")
            return [(*way, "point", *say_digits(fraction)) for way in say_number(whole)]
        case "digits":
            return [tuple(way) for way in say_number(text)]
        case "initials":
            return [tuple(text.replace(".", ""))]
        case "symbol":
            return [(_SYMBOLS[text],)]
        case _:
            return [(text.strip("'"),)]


def _money(sign: str, amount: str, cents: str | None, scale: str | None) -> list[Spoken]:
    """`$5.20`: five dollars twenty, five dollars and twenty cents; `$5m`: five million dollars."""
    one, many = _CURRENCIES[sign]
    if scale or (cents and len(cents) == 1):
        point = ("point", *say_digits(cents)) if cents else ()
        named = (_SCALE_WORDS[scale],) if scale else ()
        return [(*way, *point, *named, many) for way in say_number(amount)]
    unit = one if amount == "1" else many
    whole = [(*way, unit) for way in say_number(amount)]
    if not cents or not int(cents):
        return whole
    rest = tuple(say_number(str(int(cents)))[0])
    endings = [rest, ("and", *rest, "cents"), (*rest, "cents")]
    return [(*way, *ending) for ending in endings for way in whole]
