"""Cut plans as JSON, written and read back; edited plans."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_tools.errors import AudioToolsError, EmptyTimeline, InvalidOption, InvalidRange, MalformedRequest
from audio_tools.exports.plan_input import plan_from_json
from audio_tools.exports.plan_json import plan_to_json
from audio_tools.transcript import Json, Transcript
from tests.exports.material import transcripts
from tests.exports.plans import BASE, TALK, any_json, option_sets, plan_of


@pytest.mark.slow
@settings(max_examples=100)
@given(transcripts(), option_sets)
def test_a_plan_comes_back_from_its_json(transcript: Transcript, given_options: Json) -> None:
    """Ranges, reasons, words, scores and markers, through text as a client sends it."""
    try:
        plan = plan_of(transcript, **given_options)
    except (InvalidRange, EmptyTimeline):
        return
    record = json.loads(json.dumps(plan_to_json(plan)))
    again = plan_from_json(record, transcript, "talk.mov")

    assert (again.keep, again.cut, again.markers) == (plan.keep, plan.cut, plan.markers)
    assert again.clips() == plan.clips()
    assert again.media == plan.media


def test_ranges_have_seconds_frames_and_ticks() -> None:
    """Ticks as text; kept ranges say where they play; figures add up."""
    record = plan_to_json(plan_of(TALK, frameRate="29.97", startTimecode="01:00:00;00"))

    assert record["timebase"] == {
        "num": 30000,
        "den": 1001,
        "ntsc": True,
        "dropFrame": True,
        "startTimecode": "01:00:00;00",
    }
    for entry in [*record["keep"], *record["cut"]]:
        assert entry["startTicks"] == str(entry["startFrame"] * 8475667200)
        assert entry["start"] == pytest.approx(entry["startFrame"] * 1001 / 30000, abs=1e-6)
    assert [entry["recordFrame"] for entry in record["keep"]] == [
        0,
        record["keep"][0]["endFrame"] - record["keep"][0]["startFrame"],
    ]
    stats = record["stats"]
    assert stats["keptFrames"] + sum(cut["endFrame"] - cut["startFrame"] for cut in record["cut"]) == 299
    assert stats["reasons"]["silence"]["count"] == 3
    assert record["fillers"][0] == {
        "firstWord": 1,
        "lastWord": 1,
        "start": 1.5,
        "end": 1.8,
        "text": "um",
        "score": 1.0,
    }
    assert record["fillerDetection"] == "transcript"


def test_edited_ranges_are_what_counts() -> None:
    """A client that moves a cut sends `startFrame` and `endFrame`; what lies between is cut."""
    record = plan_to_json(plan_of(TALK))
    record["keep"] = [{"startFrame": 10, "endFrame": 100}, {"startFrame": 120, "endFrame": 130}]
    plan = plan_from_json(record, TALK, "talk.mov")

    assert plan.keep == ((10, 100), (120, 130))
    assert [(cut.start, cut.end) for cut in plan.cut] == [(0, 10), (100, 120), (130, 250)]
    assert [clip.record for clip in plan.clips()] == [0, 90]


@pytest.mark.parametrize(
    ("keep", "named"),
    [
        ([{"startFrame": 10, "endFrame": 10}], "keep[0]"),
        ([{"startFrame": 0, "endFrame": 251}], "keep[0]"),
        ([{"startFrame": 0, "endFrame": 100}, {"startFrame": 90, "endFrame": 120}], "keep[1]"),
        ([{"start": 0, "end": 1}], "keep[0]"),
        ([{"startFrame": 0, "endFrame": 1.5}], "keep[0].endFrame"),
        ([{"startFrame": True, "endFrame": 3}], "keep[0].startFrame"),
        ([3], "keep[0]"),
    ],
)
def test_edited_ranges_that_make_no_sequence_are_named(keep: list[Any], named: str) -> None:
    """Out of the media, out of order, or no frames at all."""
    with pytest.raises(InvalidRange) as caught:
        plan_from_json(plan_to_json(plan_of(TALK)) | {"keep": keep}, TALK, "talk.mov")

    assert caught.value.name == named


@pytest.mark.parametrize(
    ("plan", "problem"),
    [
        ({"keep": []}, "timebase is missing: it must be an object like"),
        ({"timebase": 3, "keep": []}, "timebase is 3, but must be an object like"),
        ({"timebase": None}, "timebase is null, but must be an object like"),
        ({"timebase": BASE | {"den": 0}}, "timebase.den is 0, but must be a whole number other than 0"),
        (
            {"timebase": BASE | {"num": "25"}},
            r"timebase.num is '25', but must be a whole number: num/den is a",
        ),
        ({"timebase": BASE | {"num": True}}, "timebase.num is true, but must be a whole number"),
        ({"timebase": {"num": 25, "den": 1}}, "timebase.startTimecode is missing: it must be text like 01:"),
        ({"timebase": BASE}, "keep is missing: it must be a list of objects with startFrame and endFrame"),
        ({"timebase": BASE, "keep": [], "mode": 5}, "mode is 5, but must be one of remove, mark"),
        (
            {"timebase": BASE, "keep": [], "speedFactor": "x"},
            "speedFactor is 'x', but must be a number above 1",
        ),
        (
            {"timebase": BASE, "keep": [{"startFrame": 0, "endFrame": 9}], "cut": 5},
            "cut is 5, but must be a list",
        ),
    ],
)
def test_what_is_not_a_plan_is_refused(plan: Json, problem: str) -> None:
    """A 400 that names the field, and says what it must be."""
    with pytest.raises(MalformedRequest, match=f"The field cutPlan.{problem}"):
        plan_from_json(plan, TALK, "talk.mov")


@pytest.mark.parametrize(("num", "den"), [(0, 1), (-25, 1), (25, 854), (65537, 1)])
def test_a_plan_with_an_impossible_frame_rate_is_refused(num: int, den: int) -> None:
    """By the option that it stands for: 400, not a fault of the service."""
    record = plan_to_json(plan_of(TALK))
    record["timebase"] |= {"num": num, "den": den}

    with pytest.raises(InvalidOption, match="frameRate"):
        plan_from_json(record, TALK, "talk.mov")


@given(st.dictionaries(st.sampled_from([*plan_to_json(plan_of(TALK))]), any_json, max_size=3))
def test_whatever_is_sent_as_a_plan_is_read_or_refused(changes: Json) -> None:
    """With an error of the service's own, which has a status and a sentence."""
    try:
        plan = plan_from_json(plan_to_json(plan_of(TALK)) | changes, TALK, "talk.mov")
    except AudioToolsError:
        return
    assert plan.keep
