"""
Speech or not, decided by Silero's neural model, which knows voices from music and noise.

The model file comes in the wheel of faster-whisper; it needs onnxruntime alone. Why it never decides without
the level detector: docs/decisions.md#silence.
"""

from __future__ import annotations

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from audio_tools.audio.level_vad import Frames, LevelDetector, joined
from audio_tools.audio.pcm import FRAME_SAMPLES, Pcm

MODEL_FILE = "assets/silero_vad_v6.onnx"
WINDOW_SAMPLES = 512
CONTEXT_SAMPLES = 64
"""The model judges 512 samples (32 ms) at a time and sees the 64 before them."""
BATCH_WINDOWS = 64
"""
Windows of one call, about 2 s, counted from the first sample.

Always as many, for the last bit of a result depends on how many are computed together.
"""
STATE_SHAPE = 1, 1, 128
VOICE = 0.6
"""
The probability from which a window is a voice; measured better than 0.5 with hysteresis down to 0.35, which
stretches words over short pauses.
"""
NEARLY_DB = 4.0
NEARLY_FRAMES = 200
"""
What the level hears, and is within 4 dB of the loudest voice of the last 2 s, is voice as well: the model
drops the end of a word that is as loud as its beginning.
"""
EDGE_FRAMES = 5
"""
Of quieter sound beside a voice 50 ms count: the soft begin of a word, which the model hears late.
"""
ALONE_FRAMES = 15
"""Sound that touches no voice counts from 0.15 s on; a shorter one is a click or a breath."""
LASTING_FRAMES = 150
"""
Sound beside a voice counts as a whole from 1.5 s on: there the model is deaf. A shorter one is a breath, a
decay or the room, and would close the pause that it lies in.
"""

Speech = NDArray[np.bool_]
Numbers = NDArray[np.intp]


def find_model() -> Path | None:
    """The model file, None where faster-whisper or onnxruntime is not installed; nothing is imported."""
    package = find_spec("faster_whisper")
    if package is None or package.origin is None or find_spec("onnxruntime") is None:
        return None
    model = Path(package.origin).parent / MODEL_FILE
    return model if model.is_file() else None


class Silero:
    """
    Decides speech or silence for a stream of samples, in frames of 10 ms, about 2 s behind.

    The decisions depend on the samples alone, never on how they were cut into blocks.

    Args:
        model: see `find_model`.
    """

    def __init__(self, model: Path) -> None:
        self._session = _session(model)
        self._h = self._c = np.zeros(STATE_SHAPE, np.float32)
        self._samples = np.zeros(CONTEXT_SAMPLES, np.int16)  # silence precedes the first window
        self._taken = 0  # samples in all
        self._windows: Speech = np.zeros(0, np.bool_)  # decided, from _first_window on
        self._first_window = 0
        self._given = 0  # frames in all

    def push(self, pcm: Pcm) -> Speech:
        """Take the next samples; give the frames that they decide, shape (n_frames,), possibly none."""
        self._samples = np.concatenate([self._samples, pcm])
        self._taken += len(pcm)
        batch = BATCH_WINDOWS * WINDOW_SAMPLES
        while len(self._samples) >= CONTEXT_SAMPLES + batch:
            self._judge(self._samples[: CONTEXT_SAMPLES + batch])
            self._samples = self._samples[batch:]
        decided = (self._first_window + len(self._windows)) * WINDOW_SAMPLES
        return self._frames_until(decided // FRAME_SAMPLES)

    def finish(self) -> Speech:
        """There are no more samples: give all remaining frames. An incomplete last frame is dropped."""
        rest = len(self._samples) - CONTEXT_SAMPLES
        if rest:
            missing = -rest % WINDOW_SAMPLES
            self._judge(np.concatenate([self._samples, np.zeros(missing, np.int16)]))
            self._samples = self._samples[-CONTEXT_SAMPLES:]
        return self._frames_until(self._taken // FRAME_SAMPLES)

    def _judge(self, samples: Pcm) -> None:
        """Decide the windows in samples that begin with the context of the first one."""
        scaled = samples.astype(np.float32) / np.float32(32768)
        width = CONTEXT_SAMPLES + WINDOW_SAMPLES
        windows = np.lib.stride_tricks.sliding_window_view(scaled, width)[::WINDOW_SAMPLES]
        inputs = {"input": np.ascontiguousarray(windows), "h": self._h, "c": self._c}
        probabilities, self._h, self._c = self._session.run(None, inputs)
        self._windows = np.concatenate([self._windows, np.ravel(probabilities) >= VOICE])

    def _frames_until(self, end: int) -> Speech:
        """The frames that were not given yet, before frame `end`: each as the window of its middle."""
        middles = np.arange(self._given, end) * FRAME_SAMPLES + FRAME_SAMPLES // 2
        frames: Speech = self._windows[middles // WINDOW_SAMPLES - self._first_window]
        self._given = max(self._given, end)
        stale = self._given * FRAME_SAMPLES // WINDOW_SAMPLES - self._first_window
        if stale > 0:
            self._windows = self._windows[stale:]
            self._first_window += stale
        return frames


class SileroDetector:
    """
    Where the model hears a voice is speech; levels are those of the level detector.

    See `audio.detectors.SpeechDetector`.
    """

    def __init__(self, model: Path) -> None:
        self._level = LevelDetector()
        self._silero = Silero(model)
        self._ahead: Speech = np.zeros(0, np.bool_)  # of frames whose level is not decided yet

    def push(self, pcm: Pcm) -> Frames:
        """See `SpeechDetector.push`."""
        return self._join(self._level.push(pcm), self._silero.push(pcm), ended=False)

    def finish(self) -> Frames:
        """See `SpeechDetector.finish`."""
        return self._join(self._level.finish(), self._silero.finish(), ended=True)

    def _join(self, levels: Frames, voice: Speech, *, ended: bool) -> Frames:
        voices = np.concatenate([self._ahead, voice])
        self._ahead = voices[len(levels) :]
        return self._vote(levels, voices[: len(levels)], ended=ended)

    def _vote(self, levels: Frames, voice: Speech, *, ended: bool) -> Frames:  # noqa: ARG002
        """Decide, from the level's decisions and the voice of the same frames."""
        return Frames(voice, levels.level_db, levels.floor_db)


class BothDetector(SileroDetector):
    """
    Silence is where the level and the model agree on it, and what sounds beside a voice too short to be one.

    The two err independently of each other, so that what one misses the other one hears; but both stretch
    speech a little, each in another place, and together they would close most short pauses.
    """

    def __init__(self, model: Path) -> None:
        super().__init__(model)
        none = np.zeros(0, np.float32)
        self._undecided = Frames(none.astype(np.bool_), none, none)
        self._voice: Speech = self._undecided.speech  # of the same frames
        self._voice_before = False  # in the frame before them
        self._voice_db = np.full(NEARLY_FRAMES, -np.inf, np.float32)  # of the last frames in all; else -inf
        self._loud_before = False  # that frame counted as loud in spite of the model

    def _vote(self, levels: Frames, voice: Speech, *, ended: bool) -> Frames:
        waiting = joined(self._undecided, levels)
        voice = np.concatenate([self._voice, voice | self._as_loud_as_voice(levels, voice)])
        starts, ends = _runs(waiting.speech & ~voice)
        around = np.concatenate([[self._voice_before], voice, [False]])
        follows, precedes = around[starts], around[ends + 1]
        goes_on = (ends == len(voice)) & (not ended)
        whole = ends - starts >= np.where(follows | precedes | goes_on, LASTING_FRAMES, ALONE_FRAMES)
        whole |= (starts == 0) & self._loud_before
        decided = int(starts[-1]) if (goes_on & ~whole).any() else len(voice)

        speech = voice.copy()
        for start, end, all_of_it, behind, before in zip(starts, ends, whole, follows, precedes, strict=True):
            speech[start : end if all_of_it else min(start + EDGE_FRAMES * behind, end)] = True
            speech[max(end - EDGE_FRAMES * before, start) : end] = True
        if decided:
            self._voice_before = bool(voice[decided - 1])
            self._loud_before = bool(speech[decided - 1] and not voice[decided - 1])
        self._undecided, self._voice = waiting[decided:], voice[decided:]
        return Frames(speech[:decided], waiting.level_db[:decided], waiting.floor_db[:decided])

    def _as_loud_as_voice(self, levels: Frames, voice: Speech) -> Speech:
        voice_db = np.concatenate([self._voice_db, np.where(voice, levels.level_db, -np.inf)])
        self._voice_db = voice_db[len(voice) :]
        before = np.lib.stride_tricks.sliding_window_view(voice_db, NEARLY_FRAMES)[: len(voice)]
        loudest = before.max(axis=1)
        near: Speech = levels.speech & np.isfinite(loudest) & (levels.level_db >= loudest - NEARLY_DB)
        return near


def _runs(flags: Speech) -> tuple[Numbers, Numbers]:
    """The first frames of all runs of True, and the frames behind them."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]])))
    return edges[::2], edges[1::2]


@cache
def _session(model: Path) -> Any:
    """The model in memory, about 30 MB, shared by all streams."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
