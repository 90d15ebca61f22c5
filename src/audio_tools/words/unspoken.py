"""Detect text that was not spoken: descriptions of sounds, endless repetitions, words on music and tones."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate

from audio_tools.transcript import Dropped, Interval, Reply, Word
from audio_tools.words.script import SENTENCE_MARKS, fold, fold_letters, join_words
from audio_tools.words.segments import home_segments, rebuild
from audio_tools.words.timing import STRAY_S
from audio_tools.words.units import NOTES

_PAIRS = {"[": "]", "【": "】", "(": ")", "（": "）", "*": "*"}
_ALWAYS_SOUNDS = "[【*"
_SOUND = re.compile(
    r"music|musik|musique|músic|muziek|applau|aplaus|laugh|laughter|chuckl|giggl|lachen|gelächter|rires?\b|risas?"
    r"|clap|cheer|sigh|cough|sneez|sniff|inaudible|unintelligible|indistinct|silence|silencio|stille|static|noise"
    r"|beep|buzz|click|knock|footstep|engine|door|bell\b|rings?\b|ringing|speaking|foreign|crowd|audience|gasp"
    r"|groan|scream|breath|blank|pause\b|音楽|拍手|笑|音乐|掌声|музыка|аплодисменты|смех",
    re.IGNORECASE,
)
LONGEST_TAG_WORDS = 8
"""Maximum number of words in brackets; a longer distance means that the brackets do not belong together."""

LONGEST_ASIDE_WORDS = 3

LEAST_REPEATS = 6
"""How often people repeat a phrase (`no, no, no`); more may be a loop of the engine, given other evidence."""
CERTAIN_REPEATS = 20
"""Maximum plausible number of consecutive repetitions of a phrase of several words."""
LONGEST_PHRASE_WORDS = 12
RUSHED_LETTERS_PER_S = 60.0
LEAST_RUSHED_WORDS = 3
"""A phrase of at least this many words that an engine writes twice, once faster than this, was said once."""
FASTEST_LETTERS_PER_S = 30.0
"""Maximum letters per second; fast speakers reach 20 to 25."""
NO_SPEECH_PROB = 0.6
COMPRESSION_RATIO = 2.4
"""Whisper's own thresholds for no speech and for a repetition."""
LEAST_LOGPROB = -1.0
"""Whisper's own threshold for the mean log probability of the tokens of a text."""

Voiced = Callable[[Interval], bool]
"""Whether a stretch of a chunk contains a voice, in seconds from its start."""


def without_unspoken(reply: Reply) -> Reply:
    """
    Return the reply without descriptions of sounds and endless repetitions, which are `dropped` instead.
    """
    rows = [*_tags(reply), *_loops(reply)]
    if not rows:
        return reply
    taken = {number for row in rows for number in row.numbers}
    return drop(reply, taken, [row.dropped(reply.words) for row in rows])


def without_invented(reply: Reply, voiced: Voiced) -> Reply:
    """
    The reply without the segments on music, tones and noise, which are `dropped` instead.

    A segment is dropped only if both agree: the engine, for which silence is more likely than speech, and the
    samples, without a voice at its words or half a second around them.
    """
    homes = home_segments(reply.segments, reply.words)
    rows = [
        _Row(range(row[0], row[-1] + 1))
        for number, segment in enumerate(reply.segments)
        if (segment.no_speech_prob or 0.0) >= NO_SPEECH_PROB
        and (row := [n for n, home in enumerate(homes) if home == number])
        and not voiced(Interval(reply.words[row[0]].start - STRAY_S, reply.words[row[-1]].end + STRAY_S))
    ]
    if not rows:
        return reply
    dropped = [replace(row.dropped(reply.words), reason="no voice") for row in rows]
    return drop(reply, {number for row in rows for number in row.numbers}, dropped)


def without_improbable(reply: Reply) -> Reply:
    """Return the reply without the segments that the engine itself considers improbable."""
    homes = home_segments(reply.segments, reply.words)
    doubted = {n for n, each in enumerate(reply.segments) if (each.avg_logprob or 0.0) < LEAST_LOGPROB}
    return drop(reply, {n for n, home in enumerate(homes) if home in doubted}, ()) if doubted else reply


def drop(reply: Reply, taken: set[int], dropped: Sequence[Dropped]) -> Reply:
    """The reply without the words of these numbers; its segments are made of the words that are left."""
    homes = home_segments(reply.segments, reply.words)
    left = [number for number in range(len(reply.words)) if number not in taken]
    words = [reply.words[number] for number in left]
    segments = rebuild(reply.segments, [homes[number] for number in left], words) if homes else []
    return replace(
        reply,
        text=join_words([word.word for word in words]),
        words=tuple(words),
        segments=tuple(segments),
        dropped=(*reply.dropped, *dropped),
    )


@dataclass(frozen=True, slots=True)
class _Row:
    """Words in a row that are one description, or one phrase of `length` words again and again."""

    numbers: range
    length: int = 0

    def dropped(self, words: Sequence[Word]) -> Dropped:
        row = words[self.numbers.start : self.numbers.stop]
        text = join_words([word.word for word in row[: self.length or len(row)]])
        count = len(row) // self.length if self.length else 1
        return Dropped(text, row[0].start, row[-1].end, "repetition" if self.length else "sound", count)


def _tags(reply: Reply) -> Iterator[_Row]:
    """Descriptions of sounds: `[BLANK_AUDIO]`, `(applause)`, `♪`."""
    words = [word.word for word in reply.words]
    homes = home_segments(reply.segments, reply.words)
    number = 0
    while number < len(words):
        end = _tag_end(words, number)
        if end > number and (
            _is_sound(join_words(words[number:end])) or _is_aside(words, homes, number, end)
        ):
            yield _Row(range(number, end))
            number = end
        else:
            number += 1


def _is_sound(text: str) -> bool:
    return text[0] in _ALWAYS_SOUNDS + NOTES or bool(_SOUND.search(text))


def _is_aside(words: Sequence[str], homes: Sequence[int], first: int, end: int) -> bool:
    """Whether a few words in brackets are a whole segment of the engine, and no sentence."""
    if not homes or end - first > LONGEST_ASIDE_WORDS or words[end - 1][-2:-1] in SENTENCE_MARKS:
        return False
    before = homes[first - 1] if first else None
    after = homes[end] if end < len(homes) else None
    return homes[first] == homes[end - 1] and homes[first] not in (before, after)


def _tag_end(words: Sequence[str], first: int) -> int:
    """The number behind the last word of a bracket that opens with this word; the same number: none does."""
    if not words[first].strip(NOTES + " "):
        return first + 1
    closing = _PAIRS.get(words[first][0])
    for end in range(first, min(first + LONGEST_TAG_WORDS, len(words))) if closing else ():
        text = words[end] if end > first else words[end][1:]
        if text.rstrip(".,!?。 ").endswith(closing or "") and text:
            return end + 1
    return first


def _loops(reply: Reply) -> Iterator[_Row]:
    """Phrases that the engine repeats although they cannot have been said so often."""
    evidence = _Evidence(reply)
    return _repeated(reply, lambda row, count: count > LEAST_REPEATS and evidence.shows_invented(row, count))


def _repeated(reply: Reply, is_wanted: Callable[[_Row, int], bool]) -> Iterator[_Row]:
    """The repeated phrases that are wanted, by the row of all their copies and how many these are."""
    words = [fold_letters(word.word) for word in reply.words]
    recurring = {length: _recurring(words, length) for length in range(1, LONGEST_PHRASE_WORDS + 1)}
    first = 0
    while first < len(words):
        length, count = max(
            ((length, 1 + counts[first] // length) for length, counts in recurring.items()),
            key=lambda way: (way[1] > 1) * way[0] * way[1],
        )
        row = _Row(range(first, first + length * count), length)
        if is_wanted(row, count):
            yield row
            first = row.numbers.stop
        else:
            first += 1


def without_rushed(reply: Reply) -> Reply:
    """
    The reply without the copies of a phrase that are too fast to be said, if another copy is not.

    With the text before as context, a model may write its last sentence again, into the pause behind it.
    """

    copies = _RushedCopies(reply.words)
    rows = [
        _Row(copy, row.length)
        for row in _repeated(
            reply, lambda row, count: row.length >= LEAST_RUSHED_WORDS and 0 < copies.count(row) < count
        )
        for copy in copies.of(row)
    ]
    if not rows:
        return reply
    taken = {number for row in rows for number in row.numbers}
    return drop(reply, taken, [row.dropped(reply.words) for row in rows])


class _RushedCopies:
    """Copies of phrases with too little time to be said; totals, so that each phrase takes constant time."""

    def __init__(self, words: Sequence[Word]) -> None:
        self._words = words
        self._letters = list(accumulate((len(fold(word.word)) for word in words), initial=0))
        self._totals: dict[int, list[int]] = {}

    def count(self, row: _Row) -> int:
        """Return how many copies of a repeated phrase are too fast."""
        if row.length not in self._totals:
            self._totals[row.length] = self._from_each_word(row.length)
        totals = self._totals[row.length]
        return totals[row.numbers.start] - totals[row.numbers.stop]

    def of(self, row: _Row) -> list[range]:
        """Return the words of each copy that is too fast."""
        firsts = row.numbers[:: row.length]
        return [range(first, first + row.length) for first in firsts if self._is_rushed(first, row.length)]

    def _from_each_word(self, length: int) -> list[int]:
        """For each word the number of phrases too fast, of those that follow one another from it on."""
        totals = [0] * (len(self._words) + length)
        for first in range(len(self._words) - length, -1, -1):
            totals[first] = totals[first + length] + self._is_rushed(first, length)
        return totals

    def _is_rushed(self, first: int, length: int) -> bool:
        seconds = self._words[first + length - 1].end - self._words[first].start
        return self._letters[first + length] - self._letters[first] > RUSHED_LETTERS_PER_S * seconds


def _recurring(words: Sequence[str], length: int) -> list[int]:
    """For each word the number of words in a row, from it on, that recur `length` words later."""
    counts = [0] * len(words)
    for number in range(len(words) - length - 1, -1, -1):
        if words[number] == words[number + length]:
            counts[number] = counts[number + 1] + 1
    return counts


class _Evidence:
    """Evidence that repetitions were not spoken; totals, so that each phrase takes constant time."""

    def __init__(self, reply: Reply) -> None:
        self._words = reply.words
        self._letters = list(accumulate((len(fold(word.word)) for word in reply.words), initial=0))
        doubted = {
            number
            for number, segment in enumerate(reply.segments)
            if (segment.no_speech_prob or 0.0) >= NO_SPEECH_PROB
            or (segment.compression_ratio or 0.0) >= COMPRESSION_RATIO
        }
        homes = home_segments(reply.segments, reply.words) or [-1] * len(reply.words)
        self._doubted = list(accumulate((int(home in doubted) for home in homes), initial=0))

    def shows_invented(self, row: _Row, count: int) -> bool:
        """Whether a phrase cannot have been said `count` times, in this row of words."""
        if row.length > 1 and count >= CERTAIN_REPEATS:
            return True
        first, end = row.numbers.start, row.numbers.stop
        seconds = self._words[end - 1].end - self._words[first].start
        if (self._letters[end] - self._letters[first]) / max(seconds, 1e-3) > FASTEST_LETTERS_PER_S:
            return True
        return self._doubted[end] > self._doubted[first]


def describe_dropped(dropped: Sequence[Dropped]) -> Iterator[str]:
    """Warnings that name each dropped phrase and its time."""
    sounds = [phrase for phrase in dropped if phrase.reason == "sound"]
    if sounds:
        yield f"Dropped descriptions of sounds: {', '.join(map(_describe, sounds))}."
    for phrase in dropped:
        if phrase.reason == "repetition":
            yield (
                f"Dropped a phrase that the engine repeated {_times(phrase.count)} in an implausibly short "
                f"time (a likely hallucination): {_describe(phrase)}."
            )
    silent = [phrase for phrase in dropped if phrase.reason == "silence"]
    if silent:
        named = ", ".join(map(_describe, silent))
        yield f"Dropped words that the engine placed in silence (likely hallucinations): {named}."
    invented = [phrase for phrase in dropped if phrase.reason == "no voice"]
    if invented:
        named = ", ".join(map(_describe, invented))
        yield f"Dropped words where no voice is heard (likely hallucinations on music or noise): {named}."


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _describe(phrase: Dropped) -> str:
    return f"\u201c{phrase.text}\u201d at {phrase.start:.1f}\u2013{phrase.end:.1f} s"
