"""Which words of a transcript stand in a cue, so that each can be shown at its own time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from audio_tools.exports.cues import Cue
from audio_tools.exports.text import clean
from audio_tools.transcript import Word
from audio_tools.words.channels import by_channel, in_spoken_order
from audio_tools.words.script import space_between

HOLD_S = 0.3
"""How long a single word stays after its end if the next one is not spoken, in seconds."""


@dataclass(frozen=True, slots=True)
class TimedText:
    """A word in a cue with the space or line break before it; `start` and `end` in seconds."""

    before: str
    text: str
    start: float
    end: float


def timed_words(cues: Sequence[Cue], words: Sequence[Word]) -> Iterator[tuple[Cue, list[TimedText]]]:
    """
    Each cue with its words.

    Args:
        cues: cut from `words`: they hold all of them, in order, channel by channel.
        words: the words; those without text are in no cue.
    """
    channels = {row[0].channel: iter([word for word in row if clean(word.word)]) for row in by_channel(words)}
    for cue in cues:
        waiting = channels[cue.channel]
        texts: list[TimedText] = []
        for number, line in enumerate(cue.lines):
            left = _letters(line)
            first = True
            while left > 0:
                word = next(waiting)
                text = clean(word.word)
                left -= _letters(text)
                before = "\n" if first and number else ""
                if not first:
                    before = space_between(texts[-1].text, text)
                texts.append(TimedText(before, text, word.start, word.end))
                first = False
        yield cue, texts


def one_word_cues(words: Sequence[Word], media_end: float) -> list[Cue]:
    """
    A cue for each word, until the next one of its channel begins, but no longer than `HOLD_S` after its end.
    """
    return in_spoken_order([_one_word_cues(row, media_end) for row in by_channel(words)])


def _one_word_cues(words: Sequence[Word], media_end: float) -> list[Cue]:
    shown = [word for word in words if clean(word.word)]
    following = [*(word.start for word in shown[1:]), media_end] if shown else []
    return [
        Cue(word.start, _word_end(word, later), (clean(word.word),), word.speaker, word.channel)
        for word, later in zip(shown, following, strict=True)
    ]


def _word_end(word: Word, later: float) -> float:
    end = min(word.end + HOLD_S, later)
    # Of two voices at once the first may end after the second begins.
    return end if end > word.start else word.end


def _letters(text: str) -> int:
    return sum(not character.isspace() for character in text)
