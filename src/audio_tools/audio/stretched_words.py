"""
Shorten words that an aligner stretched over a hesitation.

The text has no word for `um`, so an aligner that finds no pause beside it gives its sound to a neighbour. In
such a word a voice holds one sound for longer than vowels last, and the word is what is left beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

import numpy as np

from audio_tools.audio.hesitations import MOST_BELOW_DB, MOST_PITCH_SPREAD, level_of
from audio_tools.audio.pcm import FRAME_S, Pcm
from audio_tools.audio.voice_frames import VoiceFrames, analyse, closed, runs_of
from audio_tools.transcript import Interval, Word

SHORT_WORDS = frozenset(
    [
        *("a", "an", "are", "as", "at", "be", "been", "by", "can", "could", "did", "do", "does"),
        *("for", "from", "had", "has", "have", "he", "her", "his", "i", "if", "in", "is", "it"),
        *("its", "me", "my", "of", "on", "our", "she", "that", "the", "their", "them", "then"),
        *("there", "they", "this", "to", "was", "we", "were", "what", "when", "which", "who"),
        *("will", "with", "would", "you", "your"),
    ]
)
"""
English words that are hardly ever drawn out; others are (`and`, `so`), and all of them before punctuation.
"""
SHORTEST_S = 0.2
"""Minimum length of the held sound; in the words above no vowel was as long."""
SHORTEST_WORD_S = 0.05
"""What is left of a word at least; otherwise the word is somewhere else, and stays as it is."""
LEAST_STRETCH = 1.2
"""How much longer than usual words are per letter, as a ratio."""
LETTERS = 2
"""Short words are longer per letter, as if they had two more."""
MOST_CHANGE = 0.9
"""The change of the log spectrum, as in `hesitations`, averaged over 50 ms."""
SMOOTHED_FRAMES, MOST_COUNTED = 5, 9.0
CLOSED_FRAMES = 2
EDGE_FRAMES = 10
"""The held sound begins and ends where the spectrum changes most, this close to it."""
WORDS_PER_HESITATION = 8
"""Who holds more words than one in this many sings, or speaks that way."""


def shorten_stretched(pcm: Pcm, words: Sequence[Word]) -> list[Word]:
    """
    The words; those that hold a hesitation are shortened to the rest, unless they are many.

    Args:
        pcm: the chunk.
        words: in order, aligned, in seconds from the start of the chunk.
    """
    if not words:
        return []
    level, usual_s = level_of(pcm, words), median(map(_seconds_per_letter, words))
    shortened = {
        number: rest
        for number, word in enumerate(words)
        if word.word.strip().lower() in SHORT_WORDS
        and _seconds_per_letter(word) >= LEAST_STRETCH * usual_s
        and (rest := _without_hesitation(pcm, word, level))
    }
    if len(shortened) > max(len(words) // WORDS_PER_HESITATION, 1):
        return list(words)
    return [shortened.get(number, word) for number, word in enumerate(words)]


def _seconds_per_letter(word: Word) -> float:
    return (word.end - word.start) / (sum(map(str.isalnum, word.word)) + LETTERS)


def _without_hesitation(pcm: Pcm, word: Word, level: float) -> Word | None:
    """The longer part of the word beside a held sound; None if there is none."""
    held = _held(analyse(pcm, whole := Interval(word.start, word.end)), whole, level)
    if held is None:
        return None
    before_s, behind_s = held.start - word.start, word.end - held.end
    if max(before_s, behind_s) < SHORTEST_WORD_S:
        return None
    return replace(word, end=held.start) if before_s >= behind_s else replace(word, start=held.end)


def _held(frames: VoiceFrames, word: Interval, level: float) -> Interval | None:
    """The longest held sound of a word."""
    voice = frames.is_voice(level - MOST_BELOW_DB, word)
    change = np.minimum(frames.change, MOST_COUNTED)
    smooth = np.convolve(change, np.full(SMOOTHED_FRAMES, 1 / SMOOTHED_FRAMES), "same")
    steady = closed(voice & (smooth[: len(voice)] < MOST_CHANGE), CLOSED_FRAMES)
    begin, behind = max(runs_of(steady), key=lambda run: run[1] - run[0], default=(0, 0))
    # A hundredth of a frame of tolerance: lengths are sums of decimals.
    if (behind - begin) * FRAME_S < SHORTEST_S - FRAME_S / 100:
        return None
    if frames.pitch_spread(begin, behind) > MOST_PITCH_SPREAD:
        return None
    changed = np.where(voice, change, 0.0)
    first = max(begin - EDGE_FRAMES, 0)
    start = first + int(changed[first : begin + 1].argmax())
    return frames.interval(start, behind - 1 + int(changed[behind - 1 : behind + EDGE_FRAMES].argmax()) + 1)
