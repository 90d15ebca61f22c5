"""Timecode against OpenTimelineIO, an independent reader of it."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.exports.timecode import DROP_FRAME_RATES, format_timecode, parse_timecode
from tests.exports.material import RATES

RATES_AND_MODES = [(rate, False) for rate in RATES] + [
    (rate, True) for rate in sorted(DROP_FRAME_RATES) if rate < 100
]
DAY_S = 86_400
frames = st.integers(0, 23 * 3600 * 24) | st.integers(0, 40_000)


@given(frames, st.sampled_from(RATES_AND_MODES))
def test_labels_are_those_of_opentimelineio(frame: int, mode: tuple[Fraction, bool]) -> None:
    """Drop-frame and not, at every broadcast rate."""
    otio = pytest.importorskip("opentimelineio")
    rate, drop_frame = mode
    time = otio.opentime.RationalTime(frame, rate.numerator / rate.denominator)
    wanted = otio.opentime.to_timecode(time, time.rate, drop_frame=drop_frame)

    assert format_timecode(frame, rate, drop_frame=drop_frame) == wanted


@given(frames, st.sampled_from(RATES_AND_MODES))
def test_a_label_is_read_as_the_frame_that_it_was_made_from(frame: int, mode: tuple[Fraction, bool]) -> None:
    """For every frame of a day."""
    rate, drop_frame = mode
    frame %= int(DAY_S * rate)

    assert (
        parse_timecode(format_timecode(frame, rate, drop_frame=drop_frame), rate, drop_frame=drop_frame)
        == frame
    )


@pytest.mark.parametrize(
    ("text", "rate", "drop_frame"),
    [
        ("01:00:00:30", Fraction(30), False),
        ("24:00:00:00", Fraction(25), False),
        ("00:60:00:00", Fraction(25), False),
        ("1:00:00:00", Fraction(25), False),
        ("", Fraction(25), False),
        ("00:01:00;00", Fraction(30000, 1001), True),
        ("00:01:00;03", Fraction(60000, 1001), True),
    ],
)
def test_labels_that_no_frame_has_are_refused(text: str, rate: Fraction, drop_frame: bool) -> None:
    """Also those that drop-frame skips."""
    with pytest.raises(ValueError, match="timecode"):
        parse_timecode(text, rate, drop_frame=drop_frame)
