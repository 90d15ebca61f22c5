"""Seconds, frames and ticks."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.exports.timeline import TICKS_PER_SECOND, Timebase
from tests.exports.material import RATES


@given(st.integers(0, 5 * 3_600_000), st.sampled_from(RATES), st.integers(0, 2_000_000))
def test_a_time_lies_between_its_frames(milliseconds: int, rate: Fraction, origin_us: int) -> None:
    """`floor` is the frame that contains it, `ceil` the next one unless it falls on a border; exactly."""
    timebase = Timebase(rate, origin_us=origin_us)
    seconds = max(Fraction(1000 * milliseconds - origin_us, 1_000_000), Fraction(0))
    first, behind = timebase.floor(milliseconds), timebase.ceil(milliseconds)

    assert first / rate <= seconds < (first + 1) / rate
    assert behind == first + (seconds * rate != first)


@pytest.mark.parametrize("rate", RATES)
def test_frames_are_whole_ticks(rate: Fraction) -> None:
    """Five hours from the start nothing has been rounded."""
    timebase = Timebase(rate)
    frame = int(5 * 3600 * rate)

    assert timebase.ticks(frame) == frame * timebase.ticks(1)
    assert Fraction(timebase.ticks(1), TICKS_PER_SECOND) == 1 / rate


@pytest.mark.parametrize(
    ("rate", "ntsc", "nominal", "standard"),
    [
        (Fraction(24000, 1001), True, 24, True),
        (Fraction(30000, 1001), True, 30, True),
        (Fraction(25), False, 25, True),
        (Fraction(60000, 1001), True, 60, True),
        (Fraction(25, 2), False, 12, False),
        (Fraction(2997, 100), False, 30, False),
    ],
)
def test_rates_are_told_apart(rate: Fraction, ntsc: bool, nominal: int, standard: bool) -> None:
    """Whole, NTSC, and those that no timecode counts."""
    timebase = Timebase(rate)

    assert (timebase.ntsc, timebase.nominal, timebase.is_standard) == (ntsc, nominal, standard)


def test_drop_frame_exists_at_ntsc_rates_only() -> None:
    """At 25 frames per second there is nothing to drop."""
    with pytest.raises(ValueError, match="drop-frame"):
        Timebase(Fraction(25), drop_frame=True)
