"""
A transcript as Adobe's static transcript JSON 1.0.0, which Premiere attaches to a clip for its text editing.

Times are seconds from the start of the media, without its start timecode. The format has no pauses: Premiere
derives them from the gaps between words, so word ends are kept clear of the silences that were measured.
"""

from __future__ import annotations

import json
import unicodedata
import uuid
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from hashlib import sha256
from itertools import pairwise

from audio_tools.errors import NoWords
from audio_tools.exports.fillers import find_fillers, hesitations_of
from audio_tools.exports.phrases import tokenize
from audio_tools.exports.profanity import find_profanity
from audio_tools.exports.source import measured_pauses, spoken_words
from audio_tools.exports.spans import merge
from audio_tools.exports.text import clean
from audio_tools.transcript import Interval, Json, Transcript, Word
from audio_tools.words.channels import by_channel, in_turns
from audio_tools.words.script import ends_sentence

LANGUAGES = frozenset(
    [
        "en-us",
        "en-gb",
        "zh-hk",
        "cmn-hans",
        "cmn-hant",
        "es-es",
        "de-de",
        "fr-fr",
        "ja-jp",
        "pt-pt",
        "pt-br",
        "ko-kr",
        "it-it",
        "ru-ru",
        "hi-in",
        "nb-no",
        "sv-se",
        "nl-nl",
        "da-dk",
        "id-id",
        "th-th",
        "vi-vn",
        "ms-my",
        "tr-tr",
        "pl-pl",
        "fil-ph",
        "te-in",
        "ml-in",
        "pa-in",
    ]
)
"""The languages of Premiere, in its spelling; any other language is `UNKNOWN`."""
UNKNOWN = "??-??"
USUAL = {
    "en": "en-us",
    "zh": "cmn-hans",
    "yue": "zh-hk",
    "pt": "pt-br",
    "no": "nb-no",
    "nn": "nb-no",
    "nb": "nb-no",
    "tl": "fil-ph",
}
"""The default variant of languages with several, or with another name; other languages have one each."""

UNSCORED = 1.0
"""The confidence of a word whose engine gives none: Premiere marks doubtful words."""
LONGEST_PAUSE_S = 2.0
"""A pause longer than this starts a new segment, in seconds."""
SHORTEST_WORD_S = 0.01


def adobe_language(language: str | None, wanted: str | None = None) -> str:
    """Premiere's name of an ISO-639-1 `language`, or the variant that is `wanted`."""
    if wanted:
        return wanted.lower() if wanted.lower() in LANGUAGES else UNKNOWN
    if language in USUAL:
        return USUAL[language]
    return next((name for name in sorted(LANGUAGES) if language and name.startswith(f"{language}-")), UNKNOWN)


def write_adobe(transcript: Transcript, language: str | None = None) -> str:
    """
    The transcript as a document for Premiere.

    Args:
        transcript: what to write.
        language: the variant, such as `en-gb`; default: by the transcript's language.

    Raises:
        NoWords: the transcript has no words, and Premiere takes no document without one.
    """
    words = [word for word in in_turns(_with_hesitations(transcript)) if clean(word.word)]
    if not words:
        raise NoWords(
            "The transcript has no words; Premiere requires at least one.",
            hint="Check that the right audio stream was transcribed.",
        )
    return json.dumps(_document(words, transcript, adobe_language(transcript.language, language)),
                      ensure_ascii=False, separators=(",", ":"))  # fmt: skip


def _with_hesitations(transcript: Transcript) -> Sequence[Word]:
    """The words, and the hesitations between them as words, so that Premiere finds both."""
    words, hesitations = spoken_words(transcript), hesitations_of(transcript.fillers, None)
    rows: dict[int | None, list[Word]] = {}
    for word in words:
        rows.setdefault(word.channel, []).append(word)
    added: list[Word] = []
    for filler in hesitations:
        row = rows.get(filler.channel, words)  # of an older transcript, whose fillers have no channel: all
        before = row[max(bisect_right(row, filler.start, key=lambda word: word.start) - 1, 0)]
        added.append(
            Word(
                filler.text,
                filler.start,
                filler.end,
                filler.score,
                speaker=before.speaker,
                channel=before.channel,
            )
        )
    return sorted([*words, *added], key=lambda word: word.start)


def _document(words: Sequence[Word], transcript: Transcript, language: str) -> Json:
    tokens = tokenize(words)
    tags: dict[int, list[str]] = {}
    found = (
        ("filler", find_fillers(words, tokens, transcript.language)),
        ("profanity", find_profanity(words, tokens, transcript.language)),
    )
    for tag, spans in found:
        for span in spans:
            for index in range(span.first, span.last + 1):
                tags.setdefault(index, []).append(tag)
    times = _times_by_channel(words, measured_pauses(transcript))
    speakers = {speaker: _speaker_id(speaker) for speaker in (_speaker(word) for word in words)}
    segments = [
        {
            "start": times[first][0],
            "duration": round(times[last][1] - times[first][0], 4),
            "language": language,
            "speaker": speakers[_speaker(words[first])],
            "words": [
                _word(words, index, times[index], tags.get(index, []), last=index == last)
                for index in range(first, last + 1)
            ],
        }
        for first, last in _segments(words)
    ]
    return {
        "language": language,
        "segments": segments,
        "speakers": [{"id": speaker_id, "name": name} for name, speaker_id in speakers.items()],
    }


def _word(
    words: Sequence[Word], index: int, time: tuple[float, float], tags: Sequence[str], *, last: bool
) -> Json:
    text = clean(words[index].word)
    confidence = words[index].confidence
    ends = last or ends_sentence(text, clean(words[index + 1].word))
    return {
        "confidence": UNSCORED if confidence is None else min(max(confidence, 0.0), 1.0),
        "duration": round(time[1] - time[0], 4),
        "eos": ends,
        "start": time[0],
        "tags": list(tags),
        "text": text,
        "type": "punctuation" if _is_punctuation(text) else "word",
    }


def _is_punctuation(text: str) -> bool:
    return all(unicodedata.category(character).startswith("P") for character in text)


def _speaker(word: Word) -> str:
    return clean(word.speaker or "") or "Speaker 1"


def _speaker_id(name: str) -> str:
    """Return the same version 4 UUID for the same name, so that repeated exports are identical."""
    return str(uuid.UUID(bytes=sha256(f"audio-tools speaker {name}".encode(errors="replace")).digest()[:16],
                         version=4))  # fmt: skip


def _segments(words: Sequence[Word]) -> Iterator[tuple[int, int]]:
    """Runs of one speaker without a long pause, as first and last index."""
    first = 0
    for index, (left, right) in enumerate(pairwise(words)):
        if _speaker(left) != _speaker(right) or right.start - left.end > LONGEST_PAUSE_S:
            yield first, index
            first = index + 1
    yield first, len(words) - 1


def _times_by_channel(words: Sequence[Word], silences: Sequence[Interval]) -> list[tuple[float, float]]:
    """As `_times`; words of two channels may sound at once."""
    rows = {row[0].channel: iter(_times(row, silences)) for row in by_channel(words)}
    return [next(rows[word.channel]) for word in words]


def _times(words: Sequence[Word], silences: Sequence[Interval]) -> list[tuple[float, float]]:
    """Start and end of each word, in order, clear of the next word and of every silence."""
    quiet = merge((round(silence.start * 10_000), round(silence.end * 10_000)) for silence in silences)
    times: list[tuple[float, float]] = []
    position = 0
    following = [*(word.start for word in words[1:]), float("inf")]
    earliest = 0.0
    for word, next_start in zip(words, following, strict=True):
        start = max(word.start, earliest)
        end = min(word.end, max(next_start, start + SHORTEST_WORD_S))
        while position < len(quiet) and quiet[position][1] / 10_000 <= start:
            position += 1
        if position < len(quiet) and start < quiet[position][0] / 10_000 < end:
            end = quiet[position][0] / 10_000
        end = max(end, start + SHORTEST_WORD_S)
        times.append((round(start, 4), round(end, 4)))
        earliest = times[-1][1]
    return times
