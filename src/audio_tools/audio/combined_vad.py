"""
Decide what is speech from the level and Silero's network together.

Each frame gets the evidence for speech as log-odds: a sum of the network's output, how far the level rises
above the noise floor, and how it compares with the level of the speech around. Sound that this classifies as
silence is still speech if it lasts or touches no voice: the network detects nothing but voices. How the
weights were found and what they reach: docs/decisions/0002-silence-detection.md.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from audio_tools.audio.level_vad import Frames, joined
from audio_tools.audio.pcm import Pcm
from audio_tools.audio.silero_network import Floats, SileroNetwork
from audio_tools.audio.silero_vad import Flags, Voices, VoiceTrack, no_frames

VOICE_WEIGHT = 0.82
RISE_WEIGHT = 0.05
"""Per dB above the noise floor, up to 40 dB."""
LOUDNESS_WEIGHT = 0.06
"""Per dB above the level of the speech around (below: negative), from -30 to 6 dB."""
BIAS = -0.3
SMOOTHING_FRAMES = 3
"""Evidence is averaged over 3 frames on either side."""

ALONE_FRAMES = 15
"""Sound that touches no voice is speech from 0.15 s on."""
LASTING_FRAMES = 150
"""Sound beside a voice is speech from 1.5 s on; a shorter one is a breath, a decay or the room."""

SILENT_RISE_DB = 4.0
"""A stretch that never rises this far above the noise floor is silent without asking the network."""

Numbers = NDArray[np.intp]


class CombinedDetector:
    """
    Decides speech or silence for a stream of samples, up to 20 seconds behind.

    See `audio.vad.SpeechDetector`.
    """

    def __init__(self, network: SileroNetwork) -> None:
        self._track = VoiceTrack(network, unclear)
        self._evidence = _Smoothing()
        self._sounds = _Sounds()
        self._voices: Voices | None = None  # whose evidence is not smoothed yet

    def push(self, pcm: Pcm) -> Frames:
        """See `SpeechDetector.push`."""
        return self._decide(self._track.push(pcm), ended=False)

    def finish(self) -> Frames:
        """See `SpeechDetector.finish`."""
        return self._decide(self._track.finish(), ended=True)

    def _decide(self, voices: Voices, *, ended: bool) -> Frames:
        smooth = self._evidence.push(evidence_of(voices), ended=ended)
        self._voices = voices if self._voices is None else self._voices.followed_by(voices)
        part = slice(0, len(smooth))
        known = self._voices[part]
        self._voices = self._voices[len(smooth) :]
        return self._sounds.push(known.frames, (smooth > 0) & known.computed, known.log_odds > 0, ended=ended)


def evidence_of(voices: Voices) -> Floats:
    """The log-odds of speech in each frame, where the network was needed."""
    frames = voices.frames
    rise = np.clip(frames.level_db - frames.floor_db, 0, 40)
    louder = np.clip(frames.level_db - frames.loud_db, -30, 6)
    evidence = VOICE_WEIGHT * voices.log_odds + RISE_WEIGHT * rise + LOUDNESS_WEIGHT * louder + BIAS
    return np.asarray(evidence, np.float32)


def unclear(frames: Frames) -> Flags:
    """Return which frames are not clearly silent, at the noise floor."""
    return frames.level_db >= frames.floor_db + SILENT_RISE_DB


class _Smoothing:
    """Sums the evidence of each frame and its neighbours, independent of the blocks."""

    def __init__(self) -> None:
        self._known: Floats = np.zeros(0, np.float32)

    def push(self, evidence: Floats, *, ended: bool) -> Floats:
        """Take the evidence of frames; return the sums of those whose neighbours are known."""
        if not len(self._known):
            evidence = np.concatenate([np.repeat(evidence[:1], SMOOTHING_FRAMES), evidence])
        known = np.concatenate([self._known, evidence])
        if ended:
            known = np.concatenate([known, np.repeat(known[-1:], SMOOTHING_FRAMES)])
        count = max(len(known) - 2 * SMOOTHING_FRAMES, 0)
        # Shifted sums, not a running one: rounding must not depend on the blocks.
        sums = np.zeros(count, np.float32)
        for shift in range(2 * SMOOTHING_FRAMES + 1):
            sums += known[shift : shift + count]
        self._known = known[count:]
        return sums


class _Sounds:
    """Adds sounds that are speech although the evidence is against them."""

    def __init__(self) -> None:
        self._frames = no_frames()  # not decided yet
        self._likely = self._voiced = np.zeros(0, np.bool_)  # of the same frames
        self._voice_before = False  # in the frame before them
        self._sound_before = False  # that frame is speech because it is sound

    def push(self, frames: Frames, likely: Flags, voiced: Flags, *, ended: bool) -> Frames:
        """
        Take frames, where the evidence is for speech, and where the network is; give those that are decided.

        Evidence counts as a voice if the network is for it anywhere in the stretch; else it is a loud sound.
        """
        waiting = joined(self._frames, frames)
        likely, voiced = np.concatenate([self._likely, likely]), np.concatenate([self._voiced, voiced])
        voice = self._voice(likely, voiced)
        starts, ends = _runs((waiting.speech | likely) & ~voice)
        whole = self._whole(starts, ends, voice, ended=ended)
        open_end = bool(len(ends)) and ends[-1] == len(voice) and not ended
        decided = int(starts[-1]) if open_end and not whole[-1] else len(voice)
        speech = voice | _filled(starts[whole], ends[whole], len(voice))
        if decided:
            self._voice_before = bool(voice[decided - 1])
            self._sound_before = bool(speech[decided - 1] and not voice[decided - 1])
        self._frames, self._likely, self._voiced = waiting[decided:], likely[decided:], voiced[decided:]
        return waiting[:decided].decided(speech[:decided])

    def _voice(self, likely: Flags, voiced: Flags) -> Flags:
        starts, ends = _runs(likely)
        counted = np.concatenate([[0], np.cumsum(voiced)])
        real = (counted[ends] > counted[starts]) | ((starts == 0) & self._voice_before)
        return _filled(starts[real], ends[real], len(likely))

    def _whole(self, starts: Numbers, ends: Numbers, voice: Flags, *, ended: bool) -> Flags:
        """Return which runs of sound are speech; of a run that may continue, only the certain part."""
        around = np.concatenate([[self._voice_before], voice, [False]])
        touches = around[starts] | around[ends + 1] | ((ends == len(voice)) & (not ended))
        whole = ends - starts >= np.where(touches, LASTING_FRAMES, ALONE_FRAMES)
        whole |= (starts == 0) & self._sound_before
        return np.asarray(whole, np.bool_)


def _filled(starts: Numbers, ends: Numbers, count: int) -> Flags:
    """Flags that are set in the given runs."""
    flags = np.zeros(count, np.bool_)
    for start, end in zip(starts, ends, strict=True):
        flags[start:end] = True
    return flags


def _runs(flags: Flags) -> tuple[Numbers, Numbers]:
    """The first frames of all runs of True, and the frames behind them."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return edges[::2], edges[1::2]
