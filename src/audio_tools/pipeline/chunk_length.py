"""How long the chunks of a job are: the limits of the engine, the options, the length of the media."""

from __future__ import annotations

from audio_tools.audio.chunking import WINDOW_FILL, capped_target, target_seconds
from audio_tools.engines.base import Capabilities
from audio_tools.errors import InvalidOption
from audio_tools.media.encode import max_encoded_bytes, seconds_within
from audio_tools.options import Options
from audio_tools.transcript import MediaInfo

SHORTEST_LIMIT_S = 5.0
"""Minimum length, in seconds, that fits the chunk size: 3 s of overlap and some words."""
MULTILINGUAL_TARGET_S = 8.0
"""Target with `language: multi`, in seconds: an engine detects one language for each chunk it gets."""
SPEAKERS_TARGET_S = 300.0
"""
Target for engines with speaker labels, in seconds: labels are valid within a chunk, so fewer are better.
"""


def chunk_length(
    media: MediaInfo, options: Options, capabilities: Capabilities, chunk_size: int
) -> tuple[float, float | None]:
    """
    Return how long a chunk should be, and the window that it must not exceed or None, in seconds.

    Both follow from media, options and what the engine declares, never from lanes or what arrives when.

    Raises:
        InvalidOption: the chunk size is too small for words in their context.
    """
    form = options.audio_format, options.sample_rate, options.channels
    room = min(size for size in (chunk_size, capabilities.max_bytes) if size is not None)
    longest = seconds_within(room, *form)
    if longest < SHORTEST_LIMIT_S:
        enough = max_encoded_bytes(SHORTEST_LIMIT_S, *form) + 1
        raise InvalidOption(
            "chunkSize", room, f"at least {enough}, enough for {SHORTEST_LIMIT_S:g} s of {_describe(*form)}"
        )
    if capabilities.max_seconds is not None:
        longest = min(longest, capabilities.max_seconds)
    if options.is_multilingual:
        return capped_target(MULTILINGUAL_TARGET_S, longest), None
    if capabilities.window_s is not None:
        window_s = min(capabilities.window_s, longest)
        return window_s * WINDOW_FILL, window_s
    target_s = SPEAKERS_TARGET_S if capabilities.speakers else target_seconds(media.likely_duration)
    return capped_target(target_s, longest), None


def _describe(audio_format: str, rate_hz: int, channels: int) -> str:
    return f"{audio_format} at {rate_hz} Hz, {('mono', 'stereo')[channels - 1]}"
