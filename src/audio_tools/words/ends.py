"""Ends of words before a pause: where their sound has died away, neither later nor earlier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from audio_tools.audio.pauses import overlap
from audio_tools.transcript import Interval, Timing, Word
from audio_tools.words.order import SHORTEST_WORD_S, longest_word_s

RULES = 1
"""Incremented when the same samples give other ends; part of the digest of a stored reply."""

PAUSE_BEHIND_S = 0.15
"""Minimum pause after a word whose end follows its sound, in seconds."""
CUT_OFF_DB: dict[Timing, float] = {"engine": 24.0, "aligned": 12.0}
"""
How far below its loud part the level behind a word may be, dB, if the word was cut off.

Engines end words early before a pause, by 0.2 s where they end with `s` or `sh`; an aligner seldom does.
"""

EndBehind = Callable[[Interval, float, float], float]
"""
When the sound that a word ends in has died away: the word, the latest time, and how far below the loud part
of the word the level behind it may be, dB. The end of the word if it does not end in a sound.
"""


def end_with_sound(words: Sequence[Word], end_of_sound: Callable[[Interval], float]) -> list[Word]:
    """
    End aligned words that a pause follows where their sound dies away.

    Args:
        words: in order.
        end_of_sound: when the word in a stretch has died away, in seconds; no later than its end.
    """
    following = [*(word.start for word in words[1:]), float("inf")]
    return [
        replace(word, end=max(end_of_sound(Interval(word.start, word.end)), word.start + SHORTEST_WORD_S))
        if word.timing == "aligned" and next_start - word.end >= PAUSE_BEHIND_S
        else word
        for word, next_start in zip(words, following, strict=True)
    ]


def lengthen_cut_off(
    words: Sequence[Word],
    speech: Sequence[Interval],
    hesitations: Sequence[Interval],
    seconds: float,
    end_behind: EndBehind,
) -> list[Word]:
    """
    Lengthen words that end within a sound, if a pause follows that sound, to where it ends.

    No word reaches beyond its stretch of speech, into a hesitation or near the next word, and none becomes
    longer than its letters allow: then something else sounds behind it, and its end is unknown.

    Args:
        words: in order, none overlapping the next.
        speech: sorted.
        hesitations: between the words, sorted.
        seconds: length of the chunk.
        end_behind: see `EndBehind`.
    """
    following = [*(word.start for word in words[1:]), seconds]
    ends = (
        _end(word, _free_until(word, next_start, hesitations), speech, end_behind)
        for word, next_start in zip(words, following, strict=True)
    )
    return [replace(word, end=end) if end > word.end else word for word, end in zip(words, ends, strict=True)]


def _free_until(word: Word, next_start: float, hesitations: Sequence[Interval]) -> float:
    """Return when the next word or hesitation begins, in seconds."""
    behind = (each.start for each in hesitations if word.end < each.end)
    return min(next(behind, next_start), next_start)


def _end(word: Word, free_until: float, speech: Sequence[Interval], end_behind: EndBehind) -> float:
    """Return when a word ends, in seconds."""
    most_below_db = CUT_OFF_DB.get(word.timing)
    if most_below_db is None or free_until - word.end < PAUSE_BEHIND_S:
        return word.end
    end = end_behind(Interval(word.start, word.end), free_until, most_below_db)
    if free_until - end < PAUSE_BEHIND_S or end - word.start > longest_word_s(word.word):
        return word.end
    # The detector decides where a silence begins.
    spoken = overlap(speech, Interval(word.start, end))
    return max((piece.end for piece in spoken if piece.start < word.end), default=word.end)
