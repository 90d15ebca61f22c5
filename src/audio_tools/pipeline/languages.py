"""Warnings about speech in another language than the one of its transcription."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

SURE = 0.8
"""A detected language less probable than this is not evidence: short or noisy speech."""
DOUBTFUL = 0.5
"""A language that was used because it was detected, and is less probable than this, is reported."""
LEAST_WORDS = 3
"""Fewer words in a chunk are not evidence of its language."""
MOST_NAMED = 5
"""Maximum number of stretches that a warning lists."""
ALIKE = (
    frozenset({"no", "nn", "da", "sv"}),
    frozenset({"hr", "sr", "bs", "sl"}),
    frozenset({"pt", "gl", "es"}),
    frozenset({"id", "ms", "jw", "su"}),
    frozenset({"ru", "uk", "be"}),
    frozenset({"hi", "ur", "pa"}),
    frozenset({"zh", "yue"}),
    frozenset({"cs", "sk"}),
    frozenset({"nl", "af"}),
)
"""Languages that Whisper confuses; a wrong one of the same group is not reported."""


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
        alike = any({self.used, self.detected} <= group for group in ALIKE)
        return self.detected != self.used and not alike and (self.probability or 0.0) >= SURE

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
