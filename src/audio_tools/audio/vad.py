"""The ways to tell speech from silence, by name."""

from __future__ import annotations

from typing import Literal, Protocol

from audio_tools.audio.level_vad import Frames, LevelDetector
from audio_tools.audio.pcm import Pcm
from audio_tools.audio.silero_vad import BothDetector, SileroDetector, find_model
from audio_tools.errors import EngineNotReady

SilenceDetection = Literal["auto", "level", "vad"]
"""`level`: by loudness; `vad`: by a neural model of the voice; `auto`: by both together."""


class SpeechDetector(Protocol):
    """
    Decides speech or silence for a stream of samples, some seconds behind.

    The decisions depend on the samples alone, never on how they were cut into blocks.
    """

    def push(self, pcm: Pcm) -> Frames:
        """Take the next samples; give the frames that they decide, possibly none."""
        ...

    def finish(self) -> Frames:
        """There are no more samples: give all remaining frames. An incomplete last frame is dropped."""
        ...


def make_detector(wanted: SilenceDetection) -> SpeechDetector:
    """
    A detector for one stream; `auto` makes do with the level where the model is not installed.

    Raises:
        EngineNotReady: `vad` is wanted, and the model is not installed.
    """
    model = None if wanted == "level" else find_model()
    if model is not None:
        return SileroDetector(model) if wanted == "vad" else BothDetector(model)
    if wanted == "vad":
        raise EngineNotReady(
            "To detect silence by `vad` takes Silero's model, which comes with the local engine.",
            hint="Install it: pip install 'audio-tools-backend[local]', or choose `auto` or `level`.",
        )
    return LevelDetector()


def describe_detector(wanted: SilenceDetection) -> SilenceDetection:
    """What `make_detector` would really make."""
    return "level" if wanted == "auto" and find_model() is None else wanted
