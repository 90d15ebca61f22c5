"""Turn frame decisions into intervals of silence and speech."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from audio_tools.audio.pcm import FRAME_S, frame_start, frames_in
from audio_tools.transcript import Interval, Word

PAUSE_S = 0.3
"""A shorter dip in the level belongs to speech: the closure of a `t`, the gap between two words."""
PAUSE_FRAMES = frames_in(PAUSE_S)

RESOLUTION_S = FRAME_S + 1e-6
"""A silence of the requested length may be found one frame shorter if it begins within a frame."""

SHORTEST_SPEECH_FRAMES = 2
"""A single loud frame (10 ms) is a click, not speech."""


class PauseFinder:
    """Collects the pauses (at least 0.3 s of silence) in a stream of frame decisions."""

    def __init__(self) -> None:
        self.frames = 0  # decided so far
        self._ended: list[tuple[int, int]] = []  # pauses that speech has ended: first frame, frame behind
        self._silent_since: int | None = None
        self._loud_since: int | None = None

    def push(self, speech: NDArray[np.bool_]) -> None:
        """Take the next frame decisions, shape (n_frames,)."""
        if not len(speech):
            return
        starts = np.concatenate([[0], np.flatnonzero(np.diff(speech)) + 1])
        for start in starts.tolist():
            if speech[start]:
                self._speech_from(self.frames + start)
            else:
                self._silence_from(self.frames + start)
        self.frames += len(speech)

    def _speech_from(self, frame: int) -> None:
        if self._loud_since is None:
            self._loud_since = frame

    def _silence_from(self, frame: int) -> None:
        loud_since, self._loud_since = self._loud_since, None
        if loud_since is not None and frame - loud_since >= SHORTEST_SPEECH_FRAMES:
            self._end_pause(loud_since)
            loud_since = None
        if self._silent_since is None:
            # A click in the very first frame belongs to the pause that it begins.
            self._silent_since = frame if loud_since is None else loud_since

    def _end_pause(self, frame: int) -> None:
        if self._silent_since is not None and frame - self._silent_since >= PAUSE_FRAMES:
            self._ended.append((self._silent_since, frame))
        self._silent_since = None

    def pauses(self, first: int, end: int) -> list[tuple[int, int]]:
        """
        The pauses inside the frames `first`..`end`-1, clipped to them, as (first frame, frame behind).

        What lies behind `end` changes nothing once `SHORTEST_SPEECH_FRAMES` more frames are decided.
        """
        index = max(bisect_right(self._ended, (first, first)) - 1, 0)
        found: list[tuple[int, int]] = []
        for begin, stop in [*self._ended[index : bisect_right(self._ended, (end, end))], *self._open_pause()]:
            clipped = max(begin, first), min(stop, end)
            if clipped[1] - clipped[0] >= PAUSE_FRAMES:
                found.append(clipped)
        return found

    def _open_pause(self) -> list[tuple[int, int]]:
        if self._silent_since is None:
            return []
        loud_since = self._loud_since
        if loud_since is not None and self.frames - loud_since >= SHORTEST_SPEECH_FRAMES:
            return [(self._silent_since, loud_since)]
        return [(self._silent_since, self.frames)]


def to_intervals(frames: Sequence[tuple[int, int]]) -> list[Interval]:
    """Frame ranges as seconds from the first frame."""
    return [Interval(frame_start(first), frame_start(end)) for first, end in frames]


def between(pauses: Sequence[Interval], start: float, end: float) -> list[Interval]:
    """Return `start`..`end` (seconds) without the sorted `pauses`: the speech."""
    left: list[Interval] = []
    for pause in pauses:
        if pause.start > start:
            left.append(Interval(start, min(pause.start, end)))
        start = max(start, pause.end)
    if start < end:
        left.append(Interval(start, end))
    return [interval for interval in left if interval.end > interval.start]


def find_silences(pauses: Sequence[Interval], words: Sequence[Word], threshold_s: float) -> list[Interval]:
    """
    The silences of the result: at least `threshold_s` long, as far as is known, with no speech and no word in
    them.

    Args:
        pauses: sorted, from the samples; they give the edges.
        words: sorted by start; a word inside a pause splits it.
        threshold_s: the shortest silence to report, in seconds.
    """
    shortest_s = threshold_s - RESOLUTION_S
    silences: list[Interval] = []
    position = 0
    for pause in pauses:
        while position < len(words) and words[position].end <= pause.start:
            position += 1
        ahead = position
        inside: list[Interval] = []
        while ahead < len(words) and words[ahead].start < pause.end:
            inside.append(Interval(words[ahead].start, words[ahead].end))
            ahead += 1
        silences += [rest for rest in between(inside, pause.start, pause.end) if rest.duration >= shortest_s]
    return silences


def overlap(stretches: Sequence[Interval], within: Interval) -> list[Interval]:
    """The parts of sorted stretches that lie within an interval."""
    clipped = [Interval(max(s.start, within.start), min(s.end, within.end)) for s in stretches]
    return [part for part in clipped if part.end > part.start]


def intersect(some: Sequence[Interval], others: Sequence[Interval]) -> list[Interval]:
    """Return the intersection of two sorted rows of intervals."""
    common: list[Interval] = []
    first = 0
    for one in some:
        while first < len(others) and others[first].end <= one.start:
            first += 1
        ahead = first
        while ahead < len(others) and others[ahead].start < one.end:
            common.append(Interval(max(one.start, others[ahead].start), min(one.end, others[ahead].end)))
            ahead += 1
    return common
