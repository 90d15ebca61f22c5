"""Properties of scripts: which separate words by spaces, how letters compare, where sentences end."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from itertools import pairwise

REPLACEMENT = "\ufffd"
"""The replacement character, which a server sends if it cuts a token inside a character."""

CLOSING_QUOTES = "\"'”’»›)]}」』）】》〉"
SENTENCE_MARKS = tuple(".!?…。！？｡؟।۔።։။៕᙮")
TITLES = frozenset(
    {"dr.", "fr.", "hr.", "mme.", "mr.", "mrs.", "ms.", "mt.", "prof.", "sr.", "sra.", "st.", "vs."}
)

# Thai, Lao, Burmese, Khmer, Chinese and Japanese put no space between words. Korean does, so Hangul is
# missing here although it is as wide as they are.
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u312f\u3190-\u9fff"
    "\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]"
)
_CJK = re.compile("[\u2e80-\u312f\u3190-\u9fff\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef\U00020000-\U0003ffff]")
"""Chinese and Japanese; the other scripts of UNSPACED have spaces between phrases."""
_INITIALS = re.compile(r"(?:[^\W\d_]\.)+")
_NO_LETTERS = re.compile(rf"[^\w{REPLACEMENT}]|_")


def fold(text: str) -> str:
    """Return the text without case and punctuation, for comparing words."""
    return re.sub(r"[\W_]", "", unicodedata.normalize("NFKC", text).casefold())


def fold_letters(text: str) -> str:
    """Like `fold`, with a letter for each character that a server could not decode."""
    return _NO_LETTERS.sub("", unicodedata.normalize("NFKC", text).casefold())


def space_between(left: str, right: str) -> str:
    """
    What separates neighbours on a line: nothing if neither script uses spaces, else one space.

    A mark of another script (`“`, `…`, `,`) between Chinese or Japanese characters counts as theirs, and
    their own wide marks need no space on either side.
    """
    end, begin = left[-1], right[0]
    if UNSPACED.match(end) and UNSPACED.match(begin):
        return ""
    if _is_wide_mark(end) or _is_wide_mark(begin):
        return ""
    if not (_is_mark(end) or _is_mark(begin)):
        return " "
    letters = (next(filter(str.isalnum, text), "") for text in (reversed(left), right))
    return "" if all(map(_CJK.match, letters)) else " "


def _is_wide_mark(character: str) -> bool:
    return bool(_CJK.match(character)) and _is_mark(character)


def _is_mark(character: str) -> bool:
    return unicodedata.category(character).startswith("P")


def join_words(words: Sequence[str]) -> str:
    """The words as running text; none is empty or begins or ends with white space."""
    spaced = (space_between(left, right) + right for left, right in pairwise(words))
    return "".join((*words[:1], *spaced))


def join_phrases(phrases: Sequence[str]) -> str:
    """The phrases as running text; Thai, Lao, Burmese and Khmer have a space between phrases."""
    spaced = (_space_between_phrases(left, right) + right for left, right in pairwise(phrases))
    return "".join((*phrases[:1], *spaced))


def _space_between_phrases(left: str, right: str) -> str:
    return space_between(left, right) if _CJK.match(left[-1]) or _CJK.match(right[0]) else " "


def ends_sentence(left: str, right: str) -> bool:
    """Whether a sentence ends between two words; after a title ("Dr.") or initials ("J. F.") none does."""
    core = left.rstrip(CLOSING_QUOTES)
    return core.endswith(SENTENCE_MARKS) and not _is_abbreviation(core) and not _continues(right)


def _is_abbreviation(core: str) -> bool:
    return core != "I." and (bool(_INITIALS.fullmatch(core)) or core.casefold() in TITLES)


def _continues(right: str) -> bool:
    # "etc. and", "I... don't": the sentence continues with a small letter.
    return next((character.islower() for character in right if character.isalnum()), False)
