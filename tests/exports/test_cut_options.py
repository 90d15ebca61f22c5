"""The options of cut plans: what is refused, and how it is named."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.errors import AudioToolsError, InvalidOption
from audio_tools.exports.cut_options import CutOptions, parse_frame_rate
from audio_tools.transcript import Json
from tests.exports.plans import TALK, any_json, plan_of


@pytest.mark.parametrize(
    ("given_options", "named"),
    [
        ({"minSilence": "1"}, "minSilence"),
        ({"padBefore": -1}, "padBefore"),
        ({"preset": "wild"}, "preset"),
        ({"frameRate": "fast"}, "frameRate"),
        ({"frameRate": "0"}, "frameRate"),
        ({"frameRate": True}, "frameRate"),
        ({"startTimecode": "soon"}, "startTimecode"),
        ({"frameRate": 25, "startTimecode": "00:00:00:25"}, "startTimecode"),
        ({"keep": "all"}, "keep"),
        ({"cut": [{"from": 1}]}, "cut[0]"),
        ({"cut": [{"start": float("nan"), "end": 1.0}]}, "cut[0].start"),
    ],
)
def test_an_invalid_option_is_named(given_options: Json, named: str) -> None:
    """400 with its name and what it may be."""
    with pytest.raises(InvalidOption) as caught:
        plan_of(TALK, **given_options)

    assert caught.value.option == named


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"cut": [{"start": 1.0, "end": 2.0}, {"start": "x"}]}, r"cut[1].start is 'x', but must be a number"),
        ({"keep": [5]}, "keep[0] is 5, but must be an object with start, end, firstWord, lastWord"),
        ({"cut": [{"from": 1}]}, 'cut[0] is {"from": 1}, but must be an object with only start, end,'),
        ({"cut": [{"firstWord": 1.5}]}, "cut[0].firstWord is 1.5, but must be a whole number"),
        ({"fillerWords": ["um", None]}, "fillerWords[1] is null, but must be text"),
        (
            {"frameRate": True},
            "frameRate is true, but must be a frame rate from 1 to 1000, like 25, 29.97 or",
        ),
    ],
)
def test_the_element_of_an_option_that_is_wrong_is_named(options: Json, problem: str) -> None:
    """With its place, its value as JSON, and what it must be."""
    with pytest.raises(InvalidOption, match=re.escape(f"Option {problem}")):
        CutOptions.parse(options, "body")


@pytest.mark.parametrize(
    ("given_rate", "rate"),
    [
        ("29.97", Fraction(30000, 1001)),
        (23.976, Fraction(24000, 1001)),
        (23.98, Fraction(24000, 1001)),
        ("60000/1001", Fraction(60000, 1001)),
        (25, Fraction(25)),
        ("12.5", Fraction(25, 2)),
    ],
)
def test_decimal_rates_are_the_exact_ones(given_rate: object, rate: Fraction) -> None:
    """29.97 is not 2997/100: after an hour that would be a frame."""
    assert parse_frame_rate(given_rate) == rate


@given(
    st.dictionaries(st.sampled_from([*(field.alias for field in CutOptions.model_fields.values())]), any_json)
)
def test_whatever_is_sent_as_options_is_read_or_refused(given_options: Json) -> None:
    """The same."""
    try:
        assert plan_of(TALK, **given_options).keep
    except AudioToolsError:
        return
