"""
Decide what is speech from the level and Silero's network together.

The evidence for speech in each frame (`evidence.py`) decides. Sound classified as silence still counts as
speech if it lasts or is not next to a voice, because the network detects only voices. Silences of a little
less than a pause are lengthened where the evidence is weak (`short_pauses.py`).
"""

from __future__ import annotations

import numpy as np

from audio_tools.audio.evidence import EvidenceTrack
from audio_tools.audio.level_vad import Frames, joined
from audio_tools.audio.pcm import Pcm
from audio_tools.audio.short_pauses import ShortPauses
from audio_tools.audio.silero_network import Floats, SileroNetwork
from audio_tools.audio.silero_vad import Flags, Numbers, Voices, VoiceTrack, no_frames, runs

VOICED_FRAMES = 4
"""A stretch is a voice if the network finds one in this many of its frames: more than a window of 32 ms."""
ALONE_FRAMES = 8
"""Sound that touches no voice counts as speech from 0.08 s on: a beep, a clap; a click is shorter."""
LASTING_FRAMES = 150
"""Sound beside a voice is speech from 1.5 s on; a shorter one is a breath, a decay or the room."""

SILENT_RISE_DB = 4.0
"""A stretch that never rises this far above the noise floor is silent without asking the network."""


class CombinedDetector:
    """
    Decides speech or silence for a stream of samples, up to 22 seconds behind.

    See `audio.vad.SpeechDetector`.
    """

    def __init__(self, network: SileroNetwork) -> None:
        self._track = VoiceTrack(network, unclear)
        self._evidence = EvidenceTrack()
        self._sounds = _Sounds()
        self._waiting: Floats = np.zeros(0, np.float32)  # evidence of frames that are not decided yet
        self._short = ShortPauses()

    def push(self, pcm: Pcm) -> Frames:
        """See `SpeechDetector.push`."""
        return self._decide(self._track.push(pcm), ended=False)

    def finish(self) -> Frames:
        """See `SpeechDetector.finish`."""
        return self._decide(self._track.finish(), ended=True)

    def _decide(self, voices: Voices, *, ended: bool) -> Frames:
        voices, evidence = self._evidence.push(voices, ended=ended)
        likely = (evidence > 0) & voices.computed
        decided, voice = self._sounds.push(voices.frames, likely, voices.log_odds > 0, ended=ended)
        waiting = np.concatenate([self._waiting, evidence])
        self._waiting = waiting[len(decided) :]
        # What is speech without a voice has no soft edges.
        edges = np.where(voice, waiting[: len(decided)], np.inf).astype(np.float32)
        return self._short.push(decided, edges, ended=ended)


def unclear(frames: Frames) -> Flags:
    """Return which frames are not clearly silent, at the noise floor."""
    return frames.level_db >= frames.floor_db + SILENT_RISE_DB


class _Sounds:
    """Adds sounds that are speech although the evidence is against them."""

    def __init__(self) -> None:
        self._frames = no_frames()  # not decided yet
        self._likely = self._voiced = np.zeros(0, np.bool_)  # of the same frames
        self._voice_before = False  # in the frame before them
        self._sound_before = False  # that frame is speech because it is sound

    def push(self, frames: Frames, likely: Flags, voiced: Flags, *, ended: bool) -> tuple[Frames, Flags]:
        """
        Take frames; return those that are decided, and which of these are a voice.

        Args:
            frames: with the decisions of the level.
            likely: where the evidence is for speech: in a voice, or in a loud sound.
            voiced: where the network detects a voice.
            ended: whether these are the last frames.
        """
        waiting = joined(self._frames, frames)
        likely, voiced = np.concatenate([self._likely, likely]), np.concatenate([self._voiced, voiced])
        voice = self._voice(likely, voiced)
        starts, ends = runs((waiting.speech | likely) & ~voice)
        whole = self._whole(starts, ends, voice, ended=ended)
        open_end = bool(len(ends)) and ends[-1] == len(voice) and not ended
        decided = int(starts[-1]) if open_end and not whole[-1] else len(voice)
        speech = voice | _filled(starts[whole], ends[whole], len(voice))
        if decided:
            self._voice_before = bool(voice[decided - 1])
            self._sound_before = bool(speech[decided - 1] and not voice[decided - 1])
        self._frames, self._likely, self._voiced = waiting[decided:], likely[decided:], voiced[decided:]
        return waiting[:decided].decided(speech[:decided]), voice[:decided]

    def _voice(self, likely: Flags, voiced: Flags) -> Flags:
        starts, ends = runs(likely)
        counted = np.concatenate([[0], np.cumsum(voiced)])
        real = (counted[ends] - counted[starts] >= VOICED_FRAMES) | ((starts == 0) & self._voice_before)
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
