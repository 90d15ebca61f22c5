"""
Fillers of a transcript: unambiguous sounds of hesitation.

Those that the engine wrote down are found in the words. Those that it left out are found in the samples
(`audio.hesitations`) while the transcript is made.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace

from audio_tools.exports.phrases import WordSpan, find_phrases, normalize, span_of, tokenize
from audio_tools.exports.spans import Span
from audio_tools.transcript import Filler, Interval, Word

FILLERS: dict[str, tuple[str, ...]] = {
    "en": ("um", "uh", "uhm", "er", "erm", "hm", "mm", "ah", "eh"),
    "de": ("äh", "ähm", "öh", "öhm", "ehm", "hm", "mh", "em"),
    "fr": ("euh", "heu", "hum", "hm", "bah"),
    "es": ("eh", "em", "ehm", "mm", "hm", "este"),
    "it": ("eh", "ehm", "mm", "uhm", "beh"),
    "pt": ("hã", "ahn", "hum", "hm", "éh", "ãh"),
    "nl": ("eh", "uh", "uhm", "ehm", "hm", "euh"),
    "sv": ("öh", "öhm", "eh", "ehm", "hm"),
    "no": ("eh", "øh", "ehm", "hm"),
    "da": ("øh", "øhm", "eh", "hm"),
    "fi": ("öö", "ööm", "ää", "hm"),
    "pl": ("yyy", "eee", "yy", "ee", "hm", "em"),
    "cs": ("ehm", "eee", "hm", "ee"),
    "ru": ("э", "эм", "эээ", "мм", "ээ", "гм", "хм"),
    "uk": ("е", "ем", "еее", "мм", "гм", "хм"),
    "tr": ("ıı", "eee", "ııı", "hm", "şey"),
    "ja": ("えー", "えっと", "ええと", "えーと", "あのー", "うーん", "えーっと", "そのー"),
    "zh": ("呃", "嗯", "额", "唔"),
    "ko": ("음", "어", "으음", "에"),
    "hi": ("उम", "अं", "हम्म"),
}
"""By ISO-639-1 language. Words that usually mean something (`like`, `you know`, `also`) are not listed."""

BETWEEN_WORDS = "uh"
"""The text of a hesitation that is not among the words."""
VOICE_MS = 50
"""How far a voice leads from a hesitation into a word that it touches: where one ends is found no better."""

_STRETCHED = re.compile(r"(\w)\1{2,}")
_STRETCHABLE = frozenset({"en", "de", "fr", "es", "it", "pt", "nl", "sv", "no", "da"})


def list_fillers(
    words: Sequence[Word],
    language: str | None,
    hesitations: Sequence[Interval] | None,
    channel: int | None = None,
) -> list[Filler]:
    """
    The fillers of the result, in order.

    Args:
        words: the words of the transcript.
        language: ISO-639-1; None: the words for English.
        hesitations: those between the words, in order; None: not searched for.
        channel: the channel that is searched; None: there are no channels.
    """
    numbers = [number for number, word in enumerate(words) if word.channel == channel]
    own = [words[number] for number in numbers]
    spoken = [
        filler_of(words, replace(span, first=numbers[span.first], last=numbers[span.last]))
        for span in find_fillers(own, tokenize(own), language)
    ]
    between = [
        Filler(None, None, each.start, each.end, BETWEEN_WORDS, channel=channel) for each in hesitations or ()
    ]
    return with_hesitations(spoken, between)


def filler_of(words: Sequence[Word], span: WordSpan) -> Filler:
    """The filler that these words are."""
    inside = words[span.first : span.last + 1]
    start, end = min(word.start for word in inside), max(word.end for word in inside)
    return Filler(span.first, span.last, start, end, span.text, span.score, inside[0].channel)


def with_hesitations(spoken: Sequence[Filler], hesitations: Sequence[Filler]) -> list[Filler]:
    """The fillers among the words and those between them, by their start."""
    return sorted([*spoken, *hesitations], key=lambda filler: (filler.start, filler.end))


def hesitations_of(fillers: Sequence[Filler], own: Sequence[str] | None) -> list[Filler]:
    """The fillers that are not among the words; with a list of `own` words only those that it has."""
    listed = None if own is None else {normalize(phrase) for phrase in own}
    return [
        filler
        for filler in fillers
        if filler.first_word is None and (listed is None or normalize(filler.text) in listed)
    ]


def clear_of_words(sound: Span, words: Sequence[Span]) -> Span:
    """
    The part of a sound that can be cut: a voice leads from it into the words that it touches.

    Args:
        sound: a hesitation, in milliseconds.
        words: in order of their start, in milliseconds.
    """
    start, end = sound
    margin = min(VOICE_MS, (end - start) // 4)
    following = bisect_left(words, start, key=lambda word: word[0])
    if following > 0 and words[following - 1][1] > start - margin:
        start += margin
    if following < len(words) and words[following][0] < end + margin:
        end -= margin
    return start, end


def find_fillers(
    words: Sequence[Word], tokens: Sequence[str], language: str | None, own: Sequence[str] | None = None
) -> list[WordSpan]:
    """
    The filler words and phrases of a transcript, in order.

    Args:
        words: the words of the transcript, and `tokens` made of them by `tokenize`.
        language: ISO-639-1; None: the words for English.
        own: a list of words and phrases to find instead.
    """
    code = language or "en"
    phrases = FILLERS.get(code, ()) if own is None else own
    if not phrases:
        return []
    if own is None and code in _STRETCHABLE:
        known = frozenset(phrases)
        short = {token: _shorten(token, known) for token in set(tokens) - known if len(token) > 2}
        tokens = [short.get(token, token) for token in tokens]
    return [span_of(words, first, last) for first, last in find_phrases(tokens, phrases)]


def _shorten(token: str, known: frozenset[str]) -> str:
    """A stretched filler as it is listed: `ummm` is `um`; any other token stays as it is."""
    if not _STRETCHED.search(token):
        return token
    for length in (2, 1):
        short = _STRETCHED.sub(r"\1" * length, token)
        if short in known:
            return short
    return token
