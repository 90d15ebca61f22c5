"""Cut a stream of samples into chunks at pauses."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from audio_tools.audio.level_vad import Frames, Levels
from audio_tools.audio.pauses import SHORTEST_SPEECH_FRAMES, PauseFinder, between, to_intervals
from audio_tools.audio.pcm import FRAME_SAMPLES, SAMPLE_RATE_HZ, Pcm, frame_start, frames_in
from audio_tools.audio.vad import SilenceDetection, make_detector
from audio_tools.transcript import Interval

SHORTEST_TARGET_S, LONGEST_TARGET_S = 20.0, 150.0
UNKNOWN_DURATION_TARGET_S = 120.0
WINDOW = 0.6, 1.4
"""A chunk may be this much shorter or longer than the target, to end in a pause."""
WINDOW_FILL = 0.85
"""The share of an engine's window that chunks fill on average (benchmarks/bench_whisper.py)."""
GOOD_PAUSE_S = 0.5
"""Where chunks fill windows, pauses of this length or more are equally good: the last one is cut."""

OVERLAP_S = 3.0
"""Overlap of two chunks without a pause between them, so that each word is whole in one of them."""
QUIETEST_S = 0.3

SOUND_RISE_DB = 4.0
SOUND_FRAMES = 5
"""A chunk has sound if 50 ms of it, the width of the smoothing, rise 4 dB above the noise floor."""


def target_seconds(duration: float | None) -> float:
    """
    The chunk length to aim at, in seconds, for a file of `duration` seconds (None: unknown).

    It follows from the duration alone, so that the same file is always cut in the same places; why the
    square root: docs/decisions/0005-chunk-length.md.
    """
    if not duration:
        return UNKNOWN_DURATION_TARGET_S
    return min(max(2.5 * math.sqrt(round(duration)), SHORTEST_TARGET_S), LONGEST_TARGET_S)


def capped_target(target_s: float, longest_s: float | None) -> float:
    """The target for an engine that takes at most `longest_s` seconds at once."""
    if longest_s is None:
        return target_s
    return min(target_s, (longest_s - OVERLAP_S) / WINDOW[1])


@dataclass(frozen=True, slots=True, eq=False)
class Chunk:
    """
    A cut of the audio on its way to an engine.

    `start`..`end` is what the engine gets, in seconds; `own` is what of it belongs to this chunk: the
    owned stretches of all chunks join without gap or overlap. `speech` is where the level rises, within
    `start`..`end`. `has_sound`: whether anything in it rises above the noise floor. `channel`: the channel
    that it is a cut of; None: the mix of all.
    """

    index: int
    start: float
    end: float
    own: Interval
    pcm: Pcm
    speech: tuple[Interval, ...]
    has_sound: bool
    channel: int | None = None


class Cutter:
    """
    Cuts samples into chunks as they come; memory is bounded by the longest chunk.

    The cuts depend on the samples and the lengths alone, never on how the samples were cut into blocks.

    Args:
        target_s: the length to aim at.
        detection: how speech is found.
        window_s: no chunk is longer, with its overlaps; pauses late in the window are preferred. None: the
            longest pause around the target is cut.
    """

    def __init__(
        self, target_s: float, detection: SilenceDetection = "level", *, window_s: float | None = None
    ) -> None:
        self._shortest, self._longest = (frames_in(target_s * share) for share in WINDOW)
        self._window = frames_in(window_s) if window_s is not None else None
        self._detector = make_detector(detection)
        self._finder = PauseFinder()
        self._pcm = _PcmBuffer()
        self._levels = np.zeros(0, np.float32)  # of the frames from _kept_from on
        self._rises = np.zeros(0, np.float32)  # the same above the noise floor, dB
        self._kept_from = 0
        self._index = 0
        self._own_first = 0
        self._sent_first = 0

    @property
    def seconds(self) -> float:
        """Seconds of audio received."""
        return self._pcm.end / SAMPLE_RATE_HZ

    def pauses(self) -> list[Interval]:
        """All pauses found so far; after `finish`, all there are, the last one to the end of the samples."""
        pauses = to_intervals(self._finder.pauses(0, self._finder.frames))
        if pauses and pauses[-1].end == frame_start(self._finder.frames):
            pauses[-1] = Interval(pauses[-1].start, max(self.seconds, pauses[-1].end))
        return pauses

    def push(self, pcm: Pcm) -> list[Chunk]:
        """Take the next samples; return the chunks that they complete, usually none."""
        return self.add(pcm, self._detector.push(pcm))

    def add(self, pcm: Pcm, frames: Frames) -> list[Chunk]:
        """As `push`, where the caller decides what is speech, frame after frame."""
        self._pcm.append(pcm)
        self._take(frames)
        chunks = []
        # As far as a chunk may reach beyond its cut, or its pauses there would depend on the blocks.
        behind = frames_in(OVERLAP_S / 2) + SHORTEST_SPEECH_FRAMES
        while self._finder.frames >= self._latest_cut() + behind:
            chunks.append(self._cut())
        return chunks

    def finish(self) -> list[Chunk]:
        """End the stream: return the rest in one or two chunks."""
        return self.end(self._detector.finish())

    def end(self, frames: Frames) -> list[Chunk]:
        """As `finish`, with the last decisions of the caller."""
        self._take(frames)
        chunks = []
        while self._finder.frames > self._latest_cut():
            chunks.append(self._cut())
        if self._pcm.end > self._own_first * FRAME_SAMPLES:
            last = self._pcm.end
            chunks.append(self._chunk(last / SAMPLE_RATE_HZ, last, next_first=self._finder.frames + 1))
        return chunks

    def _take(self, frames: Frames) -> None:
        self._finder.push(frames.speech)
        self._levels = np.concatenate([self._levels, frames.level_db])
        self._rises = np.concatenate([self._rises, frames.level_db - frames.floor_db])

    def _cut(self) -> Chunk:
        first, end = self._own_first + self._shortest, self._latest_cut()
        pauses = self._finder.pauses(first, end)
        overlap = 0
        if pauses:
            pause = self._choose(pauses)
            cut = (pause[0] + pause[1]) // 2
        else:
            overlap = frames_in(OVERLAP_S / 2)
            if self._window is not None:
                end -= overlap
                first = min(first, end - 2 * frames_in(QUIETEST_S))
            cut = first + _quietest(self._levels[first - self._kept_from : end - self._kept_from])
        next_first = max(cut - overlap, self._sent_first)  # a short chunk is sent again from its start
        chunk = self._chunk(frame_start(cut), (cut + overlap) * FRAME_SAMPLES, next_first)
        self._own_first = cut
        self._sent_first = next_first
        self._forget_levels_before(self._sent_first)
        return chunk

    def _latest_cut(self) -> int:
        """The last frame before which the next chunk is cut."""
        latest = self._own_first + self._longest
        return latest if self._window is None else min(latest, self._sent_first + self._window)

    def _choose(self, pauses: Sequence[tuple[int, int]]) -> tuple[int, int]:
        """The pause to cut: the longest, or the last that is good enough where chunks fill a window."""
        lengths = [end - first for first, end in pauses]
        enough = max(lengths)
        if self._window is not None:
            enough = min(enough, frames_in(GOOD_PAUSE_S))
        good = [pause for pause, length in zip(pauses, lengths, strict=True) if length >= enough]
        return good[-1] if self._window is not None else good[0]

    def _chunk(self, own_end: float, sent_end: int, next_first: int) -> Chunk:
        """Up to sample `sent_end`, owned up to `own_end` s; the next one starts at frame `next_first`."""
        sent_first = self._sent_first * FRAME_SAMPLES
        sent_end = min(sent_end, self._pcm.end)
        start, end = sent_first / SAMPLE_RATE_HZ, sent_end / SAMPLE_RATE_HZ
        last = min(-(-sent_end // FRAME_SAMPLES), self._finder.frames)
        pauses = to_intervals(self._finder.pauses(self._sent_first, last))
        rises = self._rises[self._sent_first - self._kept_from : last - self._kept_from]
        chunk = Chunk(
            index=self._index,
            start=start,
            end=end,
            own=Interval(frame_start(self._own_first), own_end),
            pcm=self._pcm.take(sent_first, sent_end, keep_from=next_first * FRAME_SAMPLES),
            speech=tuple(between(pauses, start, end)),
            has_sound=int(np.count_nonzero(rises >= SOUND_RISE_DB)) >= SOUND_FRAMES,
        )
        self._index += 1
        return chunk

    def _forget_levels_before(self, frame: int) -> None:
        stale = frame - self._kept_from
        self._levels, self._rises = self._levels[stale:], self._rises[stale:]
        self._kept_from = frame


class _PcmBuffer:
    """Samples by their absolute number, from the oldest still needed to the newest."""

    def __init__(self) -> None:
        self._blocks: list[Pcm] = []
        self._start = 0  # number of the first sample of the first block
        self.end = 0

    def append(self, pcm: Pcm) -> None:
        self._blocks.append(pcm)
        self.end += len(pcm)

    def take(self, first: int, end: int, keep_from: int) -> Pcm:
        """Copy the samples `first`..`end`-1, and forget those before `keep_from` in doing so."""
        taken = np.empty(end - first, np.int16)
        start, position = self._start, 0
        while position < len(self._blocks):
            block = self._blocks[position]
            part = block[max(first - start, 0) : max(end - start, 0)]
            offset = max(start - first, 0)
            taken[offset : offset + len(part)] = part
            start += len(block)
            if start <= keep_from:
                # At once, not afterwards: a chunk and all its blocks are twice ten minutes of sound.
                self._start = start
                self._blocks.pop(position)
            else:
                position += 1
        return taken


def _quietest(levels: Levels) -> int:
    """The frame in the middle of the 0.3 s with the least energy."""
    width = frames_in(QUIETEST_S)
    energy = np.concatenate([[0.0], np.cumsum(10 ** (levels.astype(np.float64) / 10))])
    return int(np.argmin(energy[width:] - energy[:-width])) + width // 2


class CutsChunks(Protocol):
    """The part of a cutter that `cut` uses."""

    def push(self, pcm: Pcm) -> list[Chunk]: ...

    def finish(self) -> list[Chunk]: ...


def cut(blocks: Iterable[Pcm], cutter: CutsChunks) -> Iterator[Chunk]:
    """Cut a whole stream of blocks; a block must not change after it was given."""
    for block in blocks:
        yield from cutter.push(block)
    yield from cutter.finish()
