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

from audio_tools.audio.hesitations import MOST_BELOW_DB, MOST_PITCH_SPREAD, level_near
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
"""What is left of a word at least; otherwise the word is the sound, or somewhere else."""
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
DRAWN_OUT_WORDS = frozenset(
    [
        *("ah", "eh", "er", "erm", "hm", "hmm", "mhm", "mm", "mmm", "oh", "uh", "uhm", "um", "umm"),
        *("all", "and", "but", "huh", "no", "now", "okay", "or", "so", "well", "wow", "yeah", "yes"),
    ]
)
"""English words that people draw out, and hesitations that are in the text."""
LONG_STRETCH, LONG_HELD_S = 2.5, 0.25
"""How much longer than usual a word of any other kind is, and the sound in it."""
MOST_BEYOND_S, LEAST_REST = 0.06, 0.8
"""
How much of such a word may lie on the other side of the sound, and how much of its usual length is left: in a
word that is drawn out with emphasis the vowel has sounds on both sides.
"""
ONSET_S = 0.08
"""What stays of a short word that is nothing but a held sound."""
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
    usual_s = median(map(_seconds_per_letter, words))
    shortened = {
        number: rest
        for number, word in enumerate(words)
        if (rest := _without_hesitation(pcm, word, words, usual_s))
    }
    if len(shortened) > max(len(words) // WORDS_PER_HESITATION, 1):
        return list(words)
    return [shortened.get(number, word) for number, word in enumerate(words)]


def _seconds_per_letter(word: Word) -> float:
    return (word.end - word.start) / (sum(map(str.isalnum, word.word)) + LETTERS)


def _without_hesitation(pcm: Pcm, word: Word, words: Sequence[Word], usual_s: float) -> Word | None:
    """The longer part of the word beside a held sound; None if there is none. `usual_s`: per letter."""
    stretch = _seconds_per_letter(word) / usual_s
    is_short = word.word.strip().lower() in SHORT_WORDS
    if stretch < LEAST_STRETCH or not (is_short or _may_be_too_long(word, stretch)):
        return None
    whole = Interval(word.start, word.end)
    held = _held(analyse(pcm, whole), whole, level_near(pcm, words, whole))
    if held is None:
        return None
    is_long = stretch >= LONG_STRETCH and held.duration >= LONG_HELD_S
    before_s, behind_s = held.start - word.start, word.end - held.end
    if max(before_s, behind_s) < SHORTEST_WORD_S:
        return replace(word, end=word.start + ONSET_S) if is_short and is_long else None
    rest_s, beyond_s = max(before_s, behind_s), min(before_s, behind_s)
    is_whole = rest_s >= LEAST_REST * whole.duration / stretch and beyond_s <= MOST_BEYOND_S
    if not (is_short or (is_long and is_whole)):
        return None
    return replace(word, end=held.start) if before_s >= behind_s else replace(word, start=held.end)


def _may_be_too_long(word: Word, stretch: float) -> bool:
    text = word.word.strip().lower()
    return stretch >= LONG_STRETCH and text not in DRAWN_OUT_WORDS and text[-1:].isalnum()


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
