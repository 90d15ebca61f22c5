"""Warnings about channels that were transcribed separately."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audio_tools.audio.channel_cutting import ChannelSound

LEAST_OWN_S = 0.2
"""Minimum speech of its own, in seconds, of a channel with speech."""
LEAST_COPIED_S = 1.0
"""Minimum copied speech, in seconds, for a warning."""


def channel_warnings(channels: Sequence[ChannelSound]) -> Iterator[str]:
    """Warn about channels without speech of their own, and about copies that were left out of the others."""
    for number, sound in enumerate(channels):
        copied = {other: seconds for other, seconds in sound.copied_s.items() if seconds >= LEAST_COPIED_S}
        named = " and ".join(f"channel {other} ({seconds:.1f} s)" for other, seconds in copied.items())
        if sound.own_s >= LEAST_OWN_S:
            if copied:
                yield f"Channel {number} also picks up {named}; these words are listed there alone."
        elif copied:
            yield f"Channel {number} only repeats {named}, and was not transcribed."
        elif len(channels) > 1:
            yield f"Channel {number} contains no speech, and was not transcribed."
