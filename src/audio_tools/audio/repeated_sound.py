"""
Find sound that is said again at once, while the words have it only once.

An engine often writes a false start and what repeats it as one. What decides is the sound: up to a pause it
must equal, allowing for another tempo, what follows the pause. Where the words already hold both attempts
there is no sound to spare, and nothing is returned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import median

import numpy as np

from audio_tools.audio.matrix_products import ignore_false_alarms
from audio_tools.audio.pcm import FRAME_S, FRAME_SAMPLES, Pcm
from audio_tools.audio.voice_frames import BANDS, Flags, Floats, band_energies, runs_of
from audio_tools.transcript import Interval, Word

RULES = 1
"""Incremented when the same samples give other repetitions; part of the digest of a stored reply."""

LONGEST_FRAMES = 400
"""Maximum length of an attempt, in frames of 10 ms; a longer one without words is sent again."""
SHORTEST_FRAMES = 12
LONGEST_PAUSE_FRAMES, SHORTEST_PAUSE_FRAMES = 200, 4
MOST_DISTANCES = ((40, 0.33), (20, 0.22), (SHORTEST_FRAMES, 0.15))
"""
Minimum length of an attempt in frames, and the maximum mean distance from its repetition, longest first.

Long stretches of other words measured 0.4 or more, short ones may be near by chance; a person's own
repetitions of a phrase measured 0.2 to 0.36.
"""
PRICE = 0.42
"""A pair of frames nearer than this speaks for a match, one farther away against it."""
LEAST_SOUND = 0.7
"""Minimum part of an attempt that is no pause."""
LEAST_SPARE = 0.4
"""Minimum sound without words around both attempts, as a part of one of them."""
SPARE_BEHIND_FRAMES = 50
"""Words near a repetition may be placed wrong: sound up to this far behind it counts too."""
USUAL_LENGTH = 1.4
"""What a word lasts beyond this multiple of the usual is sound to spare."""
LETTERS = 2
"""Short words are longer per letter, as if they had two more."""
BELOW_WORDS_DB, ABOVE_FLOOR_DB, FLOOR_PERCENT = 25.0, 6.0, 5.0
COEFFICIENTS, CHANGE_WEIGHT = 12, 3.0
ONSET_FRAMES, BROKEN_FRAMES = 5, 8
"""The second attempt may begin this much behind the pause; the first may break off this much early."""
BOUND_ROUNDS = 4
STRETCH = 1.4
"""How much slower than the first attempt the second may be."""


@dataclass(frozen=True, slots=True)
class RepeatedSound:
    """An attempt, and the sound that repeats it, in seconds; `distance` between them from 0 (the same)."""

    attempt: Interval
    again: Interval
    distance: float


def find_repeated(pcm: Pcm, words: Sequence[Word]) -> list[RepeatedSound]:
    """
    The attempts that are said again behind them, in order, if the words hold them only once.

    Args:
        pcm: the chunk.
        words: in order, with times that can be relied on (aligned), in seconds from the start of the chunk.
    """
    if not words or len(pcm) < 4 * SHORTEST_FRAMES * FRAME_SAMPLES:
        return []
    return _Search(pcm, words).run()


@dataclass(frozen=True, slots=True)
class _Match:
    """Frames `start` to `end` are said again from `again` to `behind`; the higher `score` the surer."""

    start: int
    end: int
    again: int
    behind: int
    score: float

    @property
    def length(self) -> int:
        return self.end - self.start

    @property
    def distance(self) -> float:
        return PRICE - self.score / self.length


class _Search:
    def __init__(self, pcm: Pcm, words: Sequence[Word]) -> None:
        count = len(pcm) // FRAME_SAMPLES
        frames = pcm[: count * FRAME_SAMPLES].astype(np.float64).reshape(count, -1) / 32768
        level = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-10)
        usual = _level_of(level, words)
        floor = float(np.percentile(level, FLOOR_PERCENT)) + ABOVE_FLOOR_DB
        self.sounds = _without_blips(level > min(max(usual - BELOW_WORDS_DB, floor), usual - ABOVE_FLOOR_DB))
        self.spare = _total(_spare(self.sounds, words))
        self.sound = _total(self.sounds.astype(np.float64))
        self.shapes = _shapes(pcm, count, self.sounds)

    def run(self) -> list[RepeatedSound]:
        chosen: list[_Match] = []
        for match in sorted(self._matches(), key=lambda each: -each.score):
            if all(match.behind <= other.start or other.behind <= match.start for other in chosen):
                chosen.append(match)
        return [
            RepeatedSound(
                Interval(each.start * FRAME_S, each.end * FRAME_S),
                Interval(each.again * FRAME_S, each.behind * FRAME_S),
                each.distance,
            )
            for each in sorted(chosen, key=lambda each: each.start)
        ]

    def _matches(self) -> Iterator[_Match]:
        for begin, behind in runs_of(~self.sounds):
            if not SHORTEST_PAUSE_FRAMES <= behind - begin <= LONGEST_PAUSE_FRAMES:
                continue
            longest = self._longest(begin, behind)
            match = _match(self.shapes, begin, behind, longest) if longest >= SHORTEST_FRAMES else None
            if match is not None and self._is_plausible(match):
                yield match

    def _longest(self, begin: int, behind: int) -> int:
        """The longest attempt that there is enough sound for, around this pause: a bound that saves time."""
        longest = LONGEST_FRAMES
        for _ in range(BOUND_ROUNDS):
            after = behind + round(longest * STRETCH) + SPARE_BEHIND_FRAMES
            longest = min(longest, int(self._spare_between(begin - longest, after) / LEAST_SPARE))
        return longest

    def _is_plausible(self, match: _Match) -> bool:
        length = match.length
        most = next((most for least, most in MOST_DISTANCES if length >= least), 0.0)
        sound = self.sound[match.end] - self.sound[match.start]
        spare = self._spare_between(match.start, match.behind + SPARE_BEHIND_FRAMES)
        return match.distance <= most and sound >= LEAST_SOUND * length and spare >= LEAST_SPARE * length

    def _spare_between(self, first: int, behind: int) -> float:
        return float(self.spare[min(behind, len(self.spare) - 1)] - self.spare[max(first, 0)])


@ignore_false_alarms()
def _match(shapes: Floats, end: int, again: int, longest: int) -> _Match | None:
    """
    The best attempt that ends with frame `end` and is said again from the frame `again` on.

    Dynamic time warping with a free start of the attempt and a free end of its repetition: each frame of the
    attempt is worth `PRICE` less its distance, so that the best path is the longest one that is good.
    """
    first = max(end - longest, 0)
    distances = 1.0 - shapes[first:end] @ shapes[again : again + round(longest * STRETCH)].T
    rows, columns = distances.shape
    if rows < SHORTEST_FRAMES or columns < SHORTEST_FRAMES:
        return None
    # Row and column 0 and 1 are borders that no path may cross.
    scores = np.full((rows + 2, columns + 2), -np.inf)
    starts = np.zeros((rows + 2, columns + 2), np.int64)
    places = np.arange(columns)
    for row, distance in enumerate(distances):
        worth, left = PRICE - distance, np.append(distance[:1], distance[:-1])
        skipped = PRICE - (distances[row - 1] if row else distance)
        ways = np.stack(
            [
                scores[row + 1, 1:-1] + worth,  # both one frame on
                scores[row, 1:-1] + worth + skipped,  # the repetition is faster
                scores[row + 1, :-2] + PRICE - (distance + left) / 2,  # the repetition is slower
            ]
        )
        way = ways.argmax(axis=0)
        best = ways[way, places]
        origin = np.stack([starts[row + 1, 1:-1], starts[row, 1:-1], starts[row + 1, :-2]])[way, places]
        fresh = (places < ONSET_FRAMES) & (worth > best)
        scores[row + 2, 2:] = np.where(fresh, worth, best)
        starts[row + 2, 2:] = np.where(fresh, row, origin)
    last = scores[-BROKEN_FRAMES:, 2:]
    place, column = divmod(int(last.argmax()), columns)
    row = place + rows - len(last)
    start, score = int(starts[row + 2, column + 2]), float(scores[row + 2, column + 2])
    if score <= 0:
        return None
    return _Match(first + start, first + row + 1, again, again + column + 1, score)


def _level_of(level: Floats, words: Sequence[Word]) -> float:
    """The mean level of the words, dB, by that of the frames."""
    spoken = [level[round(word.start / FRAME_S) : round(word.end / FRAME_S)] for word in words]
    power = 10 ** (np.concatenate(spoken) / 10)
    return float(10 * np.log10(power.mean())) if len(power) else 0.0


def _without_blips(sounds: Flags) -> Flags:
    """Return the flags without breaks and sounds that are too short to be one."""
    steady = sounds.copy()
    for wanted, shortest in ((False, SHORTEST_PAUSE_FRAMES), (True, SHORTEST_PAUSE_FRAMES - 1)):
        for begin, behind in runs_of(steady == wanted):
            if behind - begin < shortest:
                steady[begin:behind] = not wanted
    return steady


def _spare(sounds: Flags, words: Sequence[Word]) -> Floats:
    """How much of each frame is sound that no word needs."""
    spare = sounds.astype(np.float64)
    usual_s = median((word.end - word.start) / (len(word.word.strip()) + LETTERS) for word in words)
    for word in words:
        begin, behind = round(word.start / FRAME_S), round(word.end / FRAME_S)
        wanted_s = USUAL_LENGTH * usual_s * (len(word.word.strip()) + LETTERS)
        left = max(word.end - word.start - wanted_s, 0.0) / (word.end - word.start)
        spare[begin:behind] = left * sounds[begin:behind]
    return spare


def _total(values: Floats) -> Floats:
    return np.concatenate([[0.0], np.cumsum(values)])


@ignore_false_alarms()
def _shapes(pcm: Pcm, count: int, sounds: Flags) -> Floats:
    """The shape of each frame's spectrum and its change, less the mean of the sound; unit vectors."""
    cepstra = band_energies(pcm)[:count] @ _cosines()
    cepstra -= cepstra[sounds].mean(axis=0) if sounds.any() else 0.0
    change = np.zeros_like(cepstra)
    change[2:-2] = (2 * cepstra[4:] + cepstra[3:-1] - cepstra[1:-3] - 2 * cepstra[:-4]) / 10
    shapes = np.concatenate([cepstra, CHANGE_WEIGHT * change], axis=1)
    return np.asarray(shapes / (np.linalg.norm(shapes, axis=1, keepdims=True) + 1e-9), np.float64)


@lru_cache(maxsize=1)
def _cosines() -> Floats:
    """The cosine transform from bands to cepstral coefficients, without the level."""
    angles = np.pi * (np.arange(BANDS)[:, None] + 0.5) * np.arange(1, COEFFICIENTS + 1) / BANDS
    return np.asarray(np.cos(angles) * np.sqrt(2 / BANDS), np.float64)
