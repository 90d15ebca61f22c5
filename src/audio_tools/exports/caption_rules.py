"""The caption rules of well-known guides, for the script of the text and the frame rate of the media."""

from __future__ import annotations

import math
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, get_args

from audio_tools.exports.cues import CueRules
from audio_tools.transcript import Word

Preset = Literal["netflix", "bbc", "social"]
Audience = Literal["adults", "children"]
PRESETS: tuple[Preset, ...] = get_args(Preset)
DEFAULT_FRAME_RATE = Fraction(25)
"""Default frame rate for media without a picture."""
SAMPLE_WORDS = 2_000
"""Number of words that are examined to find the script."""


@dataclass(frozen=True, slots=True)
class _Script:
    """
    What a line holds and how fast it is read, by the Netflix guide of the language: characters on a line,
    characters per second for adults and for children. A character of a `wide` script takes two cells.
    """

    chars: int
    cps: float
    children_cps: float
    wide: bool = False


_LATIN = _Script(42, 20, 17)
_SCRIPTS = {
    "CJK": _Script(16, 9, 7, wide=True),
    "HIRAGANA": _Script(13, 4, 4, wide=True),
    "HANGUL": _Script(16, 12, 9, wide=True),
    "THAI": _Script(35, 17, 13),
    "LAO": _Script(35, 17, 13),
    "KHMER": _Script(35, 17, 13),
    "MYANMAR": _Script(35, 17, 13),
    "ARABIC": _Script(42, 20, 17),
    "HEBREW": _Script(42, 17, 13),
    "CYRILLIC": _Script(42, 17, 13),
    "GREEK": _Script(42, 17, 13),
    "DEVANAGARI": _Script(42, 22, 18),
    "BENGALI": _Script(42, 22, 18),
    "GUJARATI": _Script(42, 22, 18),
    "GURMUKHI": _Script(42, 22, 18),
    "KANNADA": _Script(42, 22, 18),
    "MALAYALAM": _Script(42, 22, 18),
    "TAMIL": _Script(42, 22, 18),
    "TELUGU": _Script(42, 22, 18),
    "LATIN": _LATIN,
}


def caption_rules(
    words: Iterable[Word],
    preset: Preset = "netflix",
    *,
    frame_rate: Fraction | None = None,
    audience: Audience = "adults",
    max_chars: int | None = None,
    max_lines: int | None = None,
    max_cps: float | None = None,
) -> CueRules:
    """
    The rules of a preset for the script that most of the words are written in.

    Args:
        words: the words of the captions.
        preset: `netflix` (default), `bbc` (37 characters, 180 words a minute, consecutive or a second apart)
            or `social` (one short line, for clips on phones).
        frame_rate: frames per second of the picture; None: 25.
        audience: children read slower; only for `netflix`.
        max_chars, max_lines, max_cps: instead of what the preset has, in characters of the script.
    """
    script = find_script(words)
    cells = 2 if script.wide else 1
    chars, lines = script.chars, 2
    cps = script.children_cps if audience == "children" else script.cps
    frame_s = 1 / float(frame_rate or DEFAULT_FRAME_RATE)
    if preset == "bbc":
        # A word is about six characters with its space: 180 words a minute are 18 characters a second.
        chars, cps = _scaled(script, 37), min(cps, 18.0)
    elif preset == "social":
        chars, lines, cps = _scaled(script, 24), 1, cps * 1.25
    rules = CueRules(
        line_cells=(max_chars or chars) * cells,
        max_lines=max_lines or lines,
        max_cps=max_cps or cps,
        char_cells=cells,
        gap_s=_up_to_ms(2 * frame_s),
        chain_s=12 * frame_s,
    )
    if preset == "bbc":
        return replace(rules, min_s=1.0, gap_s=0.0, chain_s=1.0)
    if preset == "social":
        return replace(rules, min_s=0.3, max_s=3.0, gap_s=0.0)
    return rules


def find_script(words: Iterable[Word]) -> _Script:
    """The script of most letters; kana make it Japanese, however many Chinese characters there are."""
    letters = (letter for word, _ in zip(words, range(SAMPLE_WORDS), strict=False) for letter in word.word)
    names = (unicodedata.name(letter, "") for letter in letters if letter.isalpha())
    counts = Counter(name.replace("-", " ").partition(" ")[0] for name in names)
    if counts["HIRAGANA"] + counts["KATAKANA"] > counts["CJK"] / 10:
        counts["HIRAGANA"] += counts["KATAKANA"] + counts["CJK"]
    known = [name for name, _ in counts.most_common() if name in _SCRIPTS and counts[name]]
    return _SCRIPTS[known[0]] if known else _LATIN


def _scaled(script: _Script, chars: int) -> int:
    """A line of `chars` Latin characters in characters of the script."""
    return max(round(chars * script.chars / _LATIN.chars), 1)


def _up_to_ms(seconds: float) -> float:
    return math.ceil(seconds * 1000 - 1e-6) / 1000
