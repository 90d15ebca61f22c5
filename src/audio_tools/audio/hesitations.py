"""
Find hesitations (`um`, `uh`) between words, in the samples.

Engines leave them out of the text. A hesitation is a voice that holds one sound: voiced, at the pitch and
with the spectrum of a moment ago, about as loud as the words. Whatever else lies between words (breath,
coughs, noise, a word that the engine missed) is unvoiced, or changes faster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from audio_tools.audio.pauses import between, overlap
from audio_tools.audio.pcm import FRAME_S, SAMPLE_RATE_HZ, Pcm
from audio_tools.audio.voice_frames import Flags, VoiceFrames, analyse, closed, runs_of, sample_at
from audio_tools.transcript import Interval, Word

RULES = 5
"""Incremented when the same samples give other hesitations; part of the digest of a stored reply."""

SHORTEST_S, LONGEST_S = 0.08, 2.5
LONG_S, SHORT_S = 0.25, 0.3
"""Shorter sounds have hardly begun when they end: their spectrum may change more, if they are alone."""
MOST_BESIDE_S = 0.3
"""Maximum length of other sound as loud in the gap; beside more, a short one belongs to a missed word."""
SHORTEST_FILLING_S, WORD_EDGE_S = 0.15, 0.06
"""A sound as short as this that leaves less than this of its gap is the edge of a word."""
MOST_BELOW_DB, NEAR_S = 14.0, 2.0
"""Maximum difference in level to the words so near, dB: people in one recording differ in loudness."""
EDGE_DB, SOFT_FRAMES = 22.0, 15
"""It begins and ends softly: so far below its loudest moment, no farther from its voice."""
CLOSED_FRAMES = 10
"""A break of 0.1 s belongs to it: where `uh` closes to `m`, voicing is not found for a moment."""
MOST_CHANGE, MOST_CHANGE_SHORT = 0.95, 1.3
"""The median change of the log spectrum within 40 ms, in nepers; words have 1 to 3, drawn-out ones less."""
ONSET_FRAMES = 2
"""The change so close to either end is that from silence, not that of the sound."""
MOST_PITCH_SPREAD = 1.4
"""The median distance from the median pitch, in semitones."""
LEAST_SPEECH_S = 0.02
"""Minimum part that the detector reports as speech; it detects soft beginnings late."""


def find_hesitations(pcm: Pcm, words: Sequence[Word], speech: Sequence[Interval]) -> list[Interval]:
    """
    The hesitations between words, in order.

    Args:
        pcm: the chunk.
        words: in order, with times that can be relied on (aligned), in seconds from the start of the chunk.
        speech: sorted; where the chunk holds speech. Gaps without any are not looked at.
    """
    if not words:
        return []
    gaps = between(words_as_intervals(words), 0.0, len(pcm) / SAMPLE_RATE_HZ)
    return [
        found
        for gap in gaps
        if gap.duration >= SHORTEST_S and overlap(speech, gap)
        for found in _joined(_in_gap(pcm, gap, speech, level_near(pcm, words, gap)))
    ]


def words_as_intervals(words: Sequence[Word]) -> list[Interval]:
    """Return the frames in which words are spoken."""
    return [Interval(word.start, word.end) for word in words]


def level_near(pcm: Pcm, words: Sequence[Word], stretch: Interval) -> float:
    """Return the mean level of the words near a stretch, dB; of all of them where none is near."""
    near = Interval(stretch.start - NEAR_S, stretch.end + NEAR_S)
    beside = [word for word in words if word.start < near.end and word.end > near.start]
    spoken = [pcm[sample_at(word.start) : sample_at(word.end)] for word in beside or words]
    samples = np.concatenate(spoken).astype(np.float64) / 32768
    return float(10 * np.log10(np.mean(samples**2) + 1e-10)) if len(samples) else 0.0


def _in_gap(pcm: Pcm, gap: Interval, speech: Sequence[Interval], level: float) -> Iterator[Interval]:
    frames, least_level = analyse(pcm, gap), level - MOST_BELOW_DB
    loud_s = float(np.count_nonzero(frames.within(gap) & (frames.level > least_level)) * FRAME_S)
    for begin, behind in runs_of(closed(frames.is_voice(least_level, gap), CLOSED_FRAMES)):
        found = frames.interval(begin, behind)
        spoken_s = sum(piece.duration for piece in overlap(speech, found))
        if spoken_s < LEAST_SPEECH_S or _is_edge(found, gap):
            continue
        own_s = float(np.count_nonzero(frames.level[begin:behind] > least_level) * FRAME_S)
        if _is_held(frames, begin, behind, alone=loud_s - own_s <= MOST_BESIDE_S):
            yield _with_soft_edges(frames, begin, behind, gap)


def _with_soft_edges(frames: VoiceFrames, begin: int, behind: int, gap: Interval) -> Interval:
    """The sound from where its level rises to where it has fallen, within the gap."""
    loudest, usual = frames.level[begin:behind].max(), np.median(frames.level[begin:behind])
    # What is as loud as the sound itself is another one.
    soft = frames.within(gap) & (frames.level > loudest - EDGE_DB) & (frames.level < usual)
    first = max(begin - SOFT_FRAMES, 0)
    earlier = _row(soft[first:begin][::-1])
    return frames.interval(begin - earlier, behind + _row(soft[behind : behind + SOFT_FRAMES]))


def _joined(found: Iterator[Interval]) -> list[Interval]:
    """Sounds, in order, as one where their soft edges meet."""
    joined: list[Interval] = []
    for each in found:
        start = joined.pop().start if joined and each.start <= joined[-1].end else each.start
        joined.append(Interval(start, each.end))
    return joined


def _row(flags: Flags) -> int:
    """How many are set before the first that is not."""
    return int(flags.argmin()) if not flags.all() else len(flags)


def _is_edge(found: Interval, gap: Interval) -> bool:
    """Whether a sound fills a short gap: then it belongs to the words, whose times are a little off."""
    free = gap.duration - found.duration
    return found.duration < SHORTEST_FILLING_S and free < WORD_EDGE_S


def _is_held(frames: VoiceFrames, begin: int, behind: int, *, alone: bool) -> bool:
    """Whether the frames hold one sound; `alone`: there is no other in the gap."""
    duration = (behind - begin) * FRAME_S
    # A hundredth of a frame of tolerance: lengths are sums of decimals.
    if not SHORTEST_S - FRAME_S / 100 <= duration <= LONGEST_S:
        return False
    change = np.median(frames.change[begin + ONSET_FRAMES : behind - ONSET_FRAMES])
    is_long = duration >= LONG_S and change <= MOST_CHANGE
    is_short = alone and duration < SHORT_S and change <= MOST_CHANGE_SHORT
    return bool(is_long or is_short) and frames.pitch_spread(begin, behind) <= MOST_PITCH_SPREAD
