"""
Grapheme to phoneme: a pronunciation for a word that is not in the dictionary.

It may be approximate: between two known words the aligner only needs about the right number of sounds, and
vowels in the right places. The phones are those of CMUdict (ARPABET without stress).
"""

from __future__ import annotations

import re

_VOWEL_LETTERS = "aeiouy"

_RULES: tuple[tuple[str, str], ...] = (
    # (letters, perhaps in their surroundings, and the phones); the first that fits wins.
    (r"^kn", "N"),
    (r"^wr", "R"),
    (r"^ps", "S"),
    (r"^x", "Z"),
    (r"^mc", "M AH K"),
    (r"tion", "SH AH N"),
    (r"sion", "ZH AH N"),
    (r"cious", "SH AH S"),
    (r"tious", "SH AH S"),
    (r"tch", "CH"),
    (r"sch", "SH"),
    (r"igh", "AY"),
    (r"eigh", "EY"),
    (r"ough", "AO"),
    (r"augh", "AO"),
    (r"dge", "JH"),
    (r"ture$", "CH ER"),
    (r"qu", "K W"),
    (r"ck", "K"),
    (r"ch", "CH"),
    (r"sh", "SH"),
    (r"th", "TH"),
    (r"ph", "F"),
    (r"wh", "W"),
    (r"gh", "G"),
    (r"ng(?![aeiouy])", "NG"),
    (r"nk", "NG K"),
    (r"ee|ea|ie(?!t)", "IY"),
    (r"oo", "UW"),
    (r"ou|ow(?!$)", "AW"),
    (r"oa|ow$|oe", "OW"),
    (r"oi|oy", "OY"),
    (r"ai|ay|ei|ey(?!$)", "EY"),
    (r"au|aw", "AO"),
    (r"eu|ew|ue$", "Y UW"),
    (r"ar(?![aeiouy])", "AA R"),
    (r"or(?![aeiouy])", "AO R"),
    (r"(?:er|ir|ur|yr)(?![aeiouy])", "ER"),
    (r"le$", "AH L"),
    (r"(?<=[aeiouy][^aeiouy])es$", "Z"),
    (r"(?<=[td])ed$", "AH D"),
    (r"(?<=[^aeiouy])ed$", "D"),
    (r"(?<=[^aeiouy])e$", ""),
    (r"a(?=[^aeiouywxr]e$)", "EY"),
    (r"i(?=[^aeiouywxr]e$)", "AY"),
    (r"o(?=[^aeiouywxr]e$)", "OW"),
    (r"u(?=[^aeiouywxr]e$)", "UW"),
    (r"c(?=[eiy])", "S"),
    (r"g(?=[eiy])", "JH"),
    (r"^y", "Y"),
    (r"y$|ey$", "IY"),
    (r"(?<=[aeiou])s(?=[aeiou])", "Z"),
    (r"a$", "AH"),
    (r"o$", "OW"),
    (r"i$", "IY"),
)
_SINGLE = {
    **{
        "a": "AE",
        "b": "B",
        "c": "K",
        "d": "D",
        "e": "EH",
        "f": "F",
        "g": "G",
        "h": "HH",
        "i": "IH",
        "j": "JH",
    },
    **{"k": "K", "l": "L", "m": "M", "n": "N", "o": "AA", "p": "P", "q": "K", "r": "R", "s": "S", "t": "T"},
    **{"u": "AH", "v": "V", "w": "W", "x": "K S", "y": "IH", "z": "Z"},
}
_NAMES = {
    **{"a": "EY", "b": "B IY", "c": "S IY", "d": "D IY", "e": "IY", "f": "EH F", "g": "JH IY", "h": "EY CH"},
    **{"i": "AY", "j": "JH EY", "k": "K EY", "l": "EH L", "m": "EH M", "n": "EH N", "o": "OW", "p": "P IY"},
    **{"q": "K Y UW", "r": "AA R", "s": "EH S", "t": "T IY", "u": "Y UW", "v": "V IY", "x": "EH K S"},
    **{"w": "D AH B AH L Y UW", "y": "W AY", "z": "Z IY"},
}
_COMPILED = tuple((re.compile(pattern), phones) for pattern, phones in _RULES)


def pronounce(word: str) -> str:
    """
    Return the phones of a word of lower-case letters and apostrophes, separated by spaces; never empty.

    A word without a vowel (`pdf`) is spelt out.
    """
    letters = word.replace("'", "")
    if not any(letter in _VOWEL_LETTERS for letter in letters):
        return " ".join(_NAMES[letter] for letter in letters) or "AH"
    phones: list[str] = []
    position = 0
    while position < len(letters):
        sounds, position = _next_sound(letters, position)
        if sounds and sounds != (phones[-1] if phones else ""):  # a doubled letter is one sound
            phones.append(sounds)
    return " ".join(phones) or "AH"


def _next_sound(letters: str, position: int) -> tuple[str, int]:
    for pattern, phones in _COMPILED:
        if match := pattern.match(letters, position):
            return phones, match.end()
    return _SINGLE[letters[position]], position + 1
