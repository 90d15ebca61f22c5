"""The media's clock: converts timestamps of streams to seconds, and places decoded sound."""

from __future__ import annotations

BACK_S = 1.0
"""Timestamps that go back this far, in seconds, start another recording; less is disorder."""

LONGEST_JUMP_S = 3600.0
"""A larger jump starts another recording in a transport stream, and is a gap in other containers."""

LONGEST_S = 7 * 86_400.0
"""A timestamp later than a week is invalid; filling the gap would take arbitrarily long."""

SHORTEST_HOLE_S = 0.04
"""
Shorter holes are closed, up to a frame: a recorder may jitter that much. FFmpeg's own 0.1 would let all that
follows some lost packets come three frames early.
"""

USABLE_SHARE = 0.25
"""Timestamps that have more than this share of the sound overlap are not the times of that sound."""

_PATIENCE_S = 1.0


class MediaClock:
    """
    Converts timestamps of all streams of one file to seconds on the media's clock.

    Files that were joined byte by byte, and broadcasts, start their timestamps anew; each such recording
    follows the end of the one before, with its streams in step.

    Args:
        origin_s: the timestamp that is time 0.
        may_jump: whether timestamps may jump forward as well without meaning a gap, as in transport streams.
    """

    def __init__(self, origin_s: float, *, may_jump: bool) -> None:
        self._may_jump = may_jump
        self._offsets = [-origin_s]
        self._last: dict[int, tuple[int, float]] = {}
        self.joined_at: list[float] = []
        """Starts of further recordings, in seconds."""
        self.end = 0.0
        """Where the last stream ends so far, in seconds."""

    def place(
        self, stream: int, timestamp_s: float, duration_s: float, order_s: float | None = None
    ) -> float:
        """When a packet or frame is due; `order_s` is the timestamp that must not go back, if not its own."""
        order = timestamp_s if order_s is None else order_s
        recording, last = self._last.get(stream) or (0, order)
        if order < last - BACK_S or (self._may_jump and order > last + LONGEST_JUMP_S):
            recording += 1
            if recording == len(self._offsets):
                self._offsets.append(self.end - timestamp_s)
                self.joined_at.append(self.end)
        self._last[stream] = recording, order
        at = timestamp_s + self._offsets[recording]
        self.end = max(self.end, min(at + duration_s, LONGEST_S))
        return at


class SoundPlacer:
    """
    Decides where each piece of one stream's sound belongs, given when it is due and how long it is.

    Sound that follows within `SHORTEST_HOLE_S` follows at once. Where timestamps advance slower than the
    sound itself they are wrong, and the sound is placed by its own length.
    """

    def __init__(self) -> None:
        self.end: float | None = None
        """Where the sound placed last ends, in seconds; None: there is none."""
        self.clock_ignored = False
        self._overlap_s = 0.0

    def place(self, due_s: float, duration_s: float, *, anew: bool = False) -> float:
        """
        When the next piece is heard, in seconds: `end` exactly if it follows without a gap.

        The timestamp of a piece that starts `anew`, in another format, is used exactly: small shifts would
        add up.
        """
        end = self.end
        if end is None:
            self.end = due_s + duration_s
            return due_s
        if self.clock_ignored or (abs(due_s - end) <= SHORTEST_HOLE_S and not anew):
            self._overlap_s = max(0.0, self._overlap_s - USABLE_SHARE * duration_s)
            self.end = end + duration_s
            return end
        overlap = min(max(end - due_s, 0.0), duration_s)
        self._overlap_s = max(0.0, self._overlap_s + overlap - USABLE_SHARE * duration_s)
        self.clock_ignored = self._overlap_s > _PATIENCE_S
        at = end if self.clock_ignored else due_s
        self.end = max(end, at + duration_s)
        return at
