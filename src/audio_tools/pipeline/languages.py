"""The languages of a chunk, and warnings about speech in another one than that of its transcription."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from audio_tools.engines.languages import SURE, are_confusable
from audio_tools.transcript import Interval, Reply
from audio_tools.words.segments import home_segments

DOUBTFUL = 0.5
"""A language that was used because it was detected, and is less probable than this, is reported."""
LEAST_WORDS = 3
"""Fewer words in a chunk are not evidence of its language."""
MOST_NAMED = 5
"""Maximum number of stretches that a warning lists."""


@dataclass(frozen=True, slots=True)
class DetectedLanguage:
    """
    What the model detected in a stretch of the media, `start` to `end` in seconds.

    `used`: the language in which its `words` words were transcribed. Both languages are ISO 639-1; `detected`
    is None where the engine does not say.
    """

    start: float
    end: float
    words: int
    used: str | None
    detected: str | None
    probability: float | None

    @property
    def is_foreign(self) -> bool:
        """Whether the speech is in another language than the one used."""
        if self.used is None or self.detected is None or self.words < LEAST_WORDS:
            return False
        sure = (self.probability or 0.0) >= SURE
        return sure and not are_confusable(self.used, self.detected)

    @property
    def is_doubtful(self) -> bool:
        """Whether the language was used because it was detected, although it is improbable."""
        if self.detected is None or self.detected != self.used or self.words < LEAST_WORDS:
            return False
        return self.probability is not None and self.probability < DOUBTFUL


def language_warnings(chunks: Sequence[DetectedLanguage], requested: str | None) -> Iterator[str]:
    """
    Warn about speech in other languages than the one used, and about languages that were only guessed.

    Args:
        chunks: in the order of the media.
        requested: the option `language`, None if it was not given.
    """
    if requested is None:
        yield from _doubts(chunks)
    foreign = [chunk for chunk in chunks if chunk.is_foreign]
    if not foreign:
        return
    spoken = sum(chunk.words for chunk in chunks)
    share = sum(chunk.words for chunk in foreign) / spoken
    used = foreign[0].used
    if requested is not None and share > 1 / 2:
        yield (
            f"The speech seems to be in {foreign[0].detected}, not in {used} as requested "
            f"({_where(foreign)}): the text is unreliable. Correct the language, or omit it."
        )
        return
    yield (
        f"Some of the speech seems to be in another language than {used}, in which it was transcribed: "
        f"{_where(foreign)}. Set language to multi to transcribe each stretch in its own language."
    )


def _doubts(chunks: Sequence[DetectedLanguage]) -> Iterator[str]:
    """Warn where a language was guessed that is not certain anywhere else."""
    certain = {chunk.detected for chunk in chunks if (chunk.probability or 0.0) >= SURE}
    guessed = [chunk for chunk in chunks if chunk.is_doubtful and chunk.used not in certain]
    if guessed:
        yield (
            f"The language of some of the speech is a guess: {_where(guessed)}; the text there may be "
            "nonsense. If it is another language, set language to it."
        )


def split_by_language(reply: Reply, seconds: float) -> Iterator[tuple[str | None, range, Interval]]:
    """
    Return the rows of consecutive words in one language: language, numbers of the words, and where they are.

    Args:
        reply: its segments have a language each, or none has.
        seconds: length of the chunk; the stretches of all rows together are the chunk.
    """
    languages = [each.language or reply.language for each in reply.segments]
    homes = home_segments(reply.segments, reply.words) or [0] * len(reply.words)
    spoken = [languages[home] if languages else reply.language for home in homes]
    start = 0.0
    for language, group in groupby(range(len(spoken)), spoken.__getitem__):
        row = list(group)
        behind, end = row[-1] + 1, seconds
        if behind < len(spoken):
            end = (reply.words[behind - 1].end + reply.words[behind].start) / 2
        yield language, range(row[0], behind), Interval(start, end)
        start = end


def _where(chunks: Sequence[DetectedLanguage]) -> str:
    """Where each language was detected: `es at 30.0-58.2 s, en at 88.0-90.5 s`."""
    stretches: list[tuple[str | None, float, float]] = []
    for chunk in chunks:
        if stretches and stretches[-1][0] == chunk.detected and stretches[-1][2] == chunk.start:
            stretches[-1] = (chunk.detected, stretches[-1][1], chunk.end)
        else:
            stretches.append((chunk.detected, chunk.start, chunk.end))
    named = [f"{language} at {start:.1f}-{end:.1f} s" for language, start, end in stretches[:MOST_NAMED]]
    more = len(stretches) - len(named)
    return ", ".join(named) + (f" and {more} more" if more else "")
