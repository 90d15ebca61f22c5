"""Find where the language of a chunk changes, so that each stretch is transcribed in its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from audio_tools.engines.languages import are_confusable
from audio_tools.transcript import Interval

LEAST_SPEECH_S = 1.5
"""Speech, in seconds, that a language is detected in; in less of it Whisper guesses."""
LEAST_PROBABILITY = 0.6
"""Of a detected language; of 76 chunks in one language none was cut with it (docs/decisions)."""

Detect = Callable[[Interval], tuple[str, float]]
"""Return the likeliest language of a stretch, in seconds of the chunk, and its probability in 0..1."""


@dataclass(frozen=True, slots=True)
class _Part:
    """Speech between two pauses, in seconds of the chunk; `language`: the likeliest, if it was detected."""

    start: float
    end: float
    speech_s: float
    language: str | None = None
    is_certain: bool = False

    def joined(self, following: _Part) -> _Part:
        """Return this part with the next one, in the language that is certain."""
        of_both = self if self.is_certain else following
        return replace(
            of_both, start=self.start, end=following.end, speech_s=self.speech_s + following.speech_s
        )

    def is_like(self, other: _Part) -> bool:
        """Return whether both are in the same language, or in languages that Whisper confuses."""
        if self.language is None or other.language is None:
            return False
        return are_confusable(self.language, other.language)


def split_by_language(
    speech: Sequence[Interval], seconds: float, detect: Detect, confirm: Detect
) -> list[Interval]:
    """
    Return the stretches of a chunk that are in one language each, cut in pauses; together they are the chunk.

    The chunk stays whole unless both languages at a cut are certain, in the stretches as well as in their
    parts, and are not such that Whisper confuses them.

    Args:
        speech: sorted.
        seconds: length of the chunk.
        detect: used for each part of at least `LEAST_SPEECH_S`.
        confirm: used for what `detect` finds, so that it may take longer.
    """
    parts = [_Part(stretch.start, stretch.end, stretch.duration) for stretch in speech]
    parts = _absorbed(parts, lambda part: part.speech_s < LEAST_SPEECH_S)
    if len(parts) > 1:
        stretches = _stretches(parts, seconds)
        parts = [_detected(part, *detect(at)) for part, at in zip(parts, stretches, strict=True)]
        parts = _of_one_language(_absorbed(parts, lambda part: not part.is_certain))
    if len(parts) > 1:
        stretches = _stretches(parts, seconds)
        if all(_detected(part, *confirm(at)) == part for part, at in zip(parts, stretches, strict=True)):
            return stretches
    return [Interval(0.0, seconds)]


def _detected(part: _Part, language: str, probability: float) -> _Part:
    return replace(part, language=language, is_certain=probability >= LEAST_PROBABILITY)


def _absorbed(parts: Sequence[_Part], is_weak: Callable[[_Part], bool]) -> list[_Part]:
    """Return the parts, each weak one joined to the neighbour in its language, or else the nearer one."""
    row = list(parts)
    while len(row) > 1 and (weak := [number for number, part in enumerate(row) if is_weak(part)]):
        shortest = min(weak, key=lambda number: row[number].speech_s)
        sides = [number for number in (shortest - 1, shortest) if 0 <= number < len(row) - 1]
        first = min(sides, key=lambda n: (not row[n].is_like(row[n + 1]), row[n + 1].start - row[n].end))
        row[first : first + 2] = [row[first].joined(row[first + 1])]
    return row


def _of_one_language(parts: Sequence[_Part]) -> list[_Part]:
    """Return the parts after joining neighbours in the same language, or in languages that are confused."""
    row: list[_Part] = []
    for part in parts:
        if row and row[-1].is_like(part):
            row[-1] = row[-1].joined(part)
        else:
            row.append(part)
    return row


def _stretches(parts: Sequence[_Part], seconds: float) -> list[Interval]:
    """Return the chunk cut in the middle of the pauses between the parts."""
    cuts = [(one.end + other.start) / 2 for one, other in pairwise(parts)]
    return [Interval(start, end) for start, end in pairwise([0.0, *cuts, seconds])]
