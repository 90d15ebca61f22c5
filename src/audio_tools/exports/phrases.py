"""Find words and phrases of a list among the words of a transcript, whatever their case and punctuation."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from audio_tools.transcript import Word

_INNER = re.compile(r"[-‐‑–—'’ʼ.…,!?]+")


@dataclass(frozen=True, slots=True)
class WordSpan:
    """The words `first` to `last` (included) of a transcript, by index; `score` in 0..1 is how sure it is."""

    first: int
    last: int
    text: str
    score: float = 1.0


def normalize(word: str) -> str:
    """A word without case, punctuation and inner hyphens or apostrophes: `Uh-huh,` is `uhhuh`."""
    if word.isascii() and word.isalpha():
        return word.lower()
    folded = unicodedata.normalize("NFC", word).casefold()
    return _INNER.sub("", folded).strip().strip("\"'“”‘’«»()[]{}<>¡¿:;、。，！？「」『』（）【】《》؟،।*_~")


def tokenize(words: Sequence[Word]) -> list[str]:
    """Each word in its normalized form, which is empty for punctuation alone."""
    texts = [word.word for word in words]
    normalized = {text: normalize(text) for text in set(texts)}
    return [normalized[text] for text in texts]


def span_of(words: Sequence[Word], first: int, last: int, score: float = 1.0) -> WordSpan:
    """The words `first` to `last` with their text."""
    return WordSpan(first, last, " ".join(word.word.strip() for word in words[first : last + 1]), score)


def find_phrases(tokens: Sequence[str], phrases: Iterable[str]) -> list[tuple[int, int]]:
    """
    Where phrases stand among normalized tokens, as the first and last index; the longest wins, none overlap.
    """
    by_first: dict[str, list[tuple[str, ...]]] = {}
    for phrase in phrases:
        wanted = tuple(filter(None, map(normalize, phrase.split())))
        if wanted:
            by_first.setdefault(wanted[0], []).append(wanted)
    for options in by_first.values():
        options.sort(key=len, reverse=True)
    found: list[tuple[int, int]] = []
    next_free = 0
    for index in [index for index, token in enumerate(tokens) if token in by_first]:
        if index < next_free:
            continue
        for wanted in by_first[tokens[index]]:
            if tuple(tokens[index : index + len(wanted)]) == wanted:
                next_free = index + len(wanted)
                found.append((index, next_free - 1))
                break
    return found
