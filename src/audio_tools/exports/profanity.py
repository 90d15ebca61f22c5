"""Profanity in the text of a transcript, from short lists; and words masked for captions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from audio_tools.exports.phrases import WordSpan, find_phrases, span_of
from audio_tools.transcript import Word

PROFANITY: dict[str, tuple[str, ...]] = {
    "en": (
        *("fuck", "fucks", "fucked", "fucker", "fuckers", "fucking", "fuckin", "motherfucker"),
        *("motherfuckers", "motherfucking", "shit", "shits", "shitty", "bullshit", "shitting", "cunt"),
        *("cunts", "bitch", "bitches", "asshole", "assholes", "arsehole", "arseholes", "bastard"),
        *("bastards", "goddamn", "goddamned", "dickhead", "dickheads", "wanker", "wankers", "twat"),
        *("twats", "bollocks", "prick", "pricks", "cocksucker", "cocksuckers"),
    ),
    "de": (
        *("scheiße", "scheisse", "scheiß", "scheiss", "arschloch", "arschlöcher", "fotze", "wichser"),
        *("hurensohn", "hurensöhne", "verdammte", "verdammt", "miststück", "ficken", "gefickt", "arsch"),
    ),
    "fr": (
        *("merde", "putain", "connard", "connards", "connasse", "salope", "salopes", "enculé"),
        *("enculés", "bordel", "foutre", "conne", "fils de pute", "nique", "pute"),
    ),
    "es": (
        *("mierda", "puta", "putas", "puto", "putos", "joder", "coño", "cabrón", "cabrones"),
        *("gilipollas", "hijo de puta", "hostia", "pendejo", "pendejos", "chingar", "verga"),
    ),
    "it": ("cazzo", "merda", "stronzo", "stronza", "stronzi", "vaffanculo", "puttana", "troia", "coglione"),
    "pt": ("merda", "caralho", "porra", "puta", "foda", "foder", "cabrão", "filho da puta", "buceta"),
    "nl": ("kut", "klootzak", "klootzakken", "godverdomme", "kanker", "hoer", "lul", "tering", "shit"),
    "pl": ("kurwa", "kurwy", "chuj", "chuja", "jebać", "jebany", "pierdolić", "pierdolony", "skurwysyn"),
    "ru": ("блядь", "блять", "сука", "хуй", "хуйня", "пизда", "ебать", "ебаный", "мудак", "пиздец"),
    "tr": ("siktir", "orospu", "amk", "piç", "göt", "yarak", "orospu çocuğu"),
    "sv": ("fan", "jävla", "jävlar", "fitta", "kuk", "helvete", "skit"),
}
"""By ISO-639-1 language, inflected forms included: short lists of strong words, which users can replace."""

_LETTER = re.compile(r"\w")


def find_profanity(
    words: Sequence[Word], tokens: Sequence[str], language: str | None, own: Iterable[str] | None = None
) -> list[WordSpan]:
    """
    The profane words and phrases of a transcript, in order.

    Args:
        words: the words of the transcript, and `tokens` made of them by `tokenize`.
        language: ISO-639-1; None: the words for English.
        own: a list of words and phrases to find instead.
    """
    phrases = PROFANITY.get(language or "en", ()) if own is None else own
    return [span_of(words, first, last) for first, last in find_phrases(tokens, phrases)]


def mask(words: Sequence[Word], found: Sequence[WordSpan]) -> list[Word]:
    """The words with the letters of profanity after its first as asterisks: `f***,`."""
    masked = list(words)
    for span in found:
        for index in range(span.first, span.last + 1):
            word = masked[index]
            masked[index] = replace(word, word=_mask_word(word.word))
    return masked


def _mask_word(text: str) -> str:
    first = _LETTER.search(text)
    return text if first is None else text[: first.end()] + _LETTER.sub("*", text[first.end() :])
