"""Cut plans: what is cut, what stays, and that no word that stays is clipped."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_tools.errors import AudioToolsError, EmptyTimeline, InvalidOption, InvalidRange, MalformedRequest
from audio_tools.exports.cut_options import CutOptions, parse_frame_rate
from audio_tools.exports.cut_plan import CutPlan, plan_cuts
from audio_tools.exports.plan_input import plan_from_json
from audio_tools.exports.plan_json import plan_to_json
from audio_tools.exports.source import media_reference
from audio_tools.transcript import Interval, Json, Segment, Transcript, Word
from tests.exports.material import film, say, transcript_of, transcripts

TALK = transcript_of(
    Word("Hello", 1.0, 1.4),
    Word("um", 1.5, 1.8),
    Word("world.", 1.9, 2.4),
    Word("Again.", 6.0, 6.5),
    silences=(Interval(0.0, 1.0), Interval(2.4, 6.0), Interval(6.5, 10.0)),
)


def plan_of(transcript: Transcript, **given: Any) -> CutPlan:
    """A plan by options as a client sends them."""
    options, unknown = CutOptions.parse(given)
    assert unknown == []
    media = media_reference(
        transcript, "talk.mov", frame_rate=options.frame_rate, start_timecode=options.start_timecode
    )
    return plan_cuts(transcript, media, options)


def kept_seconds(plan: CutPlan) -> list[tuple[float, float]]:
    timebase = plan.media.timebase
    return [(round(timebase.seconds(start), 4), round(timebase.seconds(end), 4)) for start, end in plan.keep]


ranges = st.tuples(st.integers(0, 40_000), st.integers(1, 20_000)).map(
    lambda pair: {"start": pair[0] / 1000, "end": (pair[0] + pair[1]) / 1000}
)
option_sets = st.fixed_dictionaries(
    {},
    optional={
        "preset": st.sampled_from(["tight", "balanced", "loose"]),
        "minSilence": st.floats(0.1, 3),
        "padBefore": st.floats(0, 1),
        "padAfter": st.floats(0, 1),
        "minClip": st.floats(0, 2),
        "mergeGap": st.floats(0, 1),
        "maxKeptPause": st.floats(0, 2),
        "mode": st.sampled_from(["remove", "mark", "mute", "speed"]),
        "speedFactor": st.floats(1.1, 20),
        "silences": st.sampled_from(["keep", "mark", "remove"]),
        "fillers": st.sampled_from(["keep", "mark", "remove"]),
        "retakes": st.sampled_from(["keep", "mark", "remove"]),
        "profanity": st.sampled_from(["keep", "mark", "remove"]),
        "keep": st.lists(ranges, max_size=3),
        "cut": st.lists(ranges, max_size=3),
        "frameRate": st.sampled_from(["25", "29.97", "24000/1001", 50, 59.94]),
    },
)


@pytest.mark.slow
@settings(max_examples=150)
@given(transcripts(), option_sets)
def test_any_plan_is_made_of_ranges_of_the_media(transcript: Transcript, given_options: Json) -> None:
    """Ordered, not empty, not overlapping, and together the whole media; clips leave no gaps."""
    try:
        plan = plan_of(transcript, **given_options)
    except (InvalidRange, EmptyTimeline):
        return
    spans = sorted([*plan.keep, *((cut.start, cut.end) for cut in plan.cut)])
    clips = plan.clips()

    assert spans[0][0] == 0
    assert spans[-1][1] == plan.media.n_frames
    assert all(start < end for start, end in spans)
    assert all(left[1] == right[0] for left, right in pairwise(spans))
    assert all(left[1] < right[0] for left, right in pairwise(plan.keep))
    assert clips[0].record == 0
    assert all(left.record_end == right.record for left, right in pairwise(clips))
    if plan.mode == "remove":
        assert clips[-1].record_end == sum(end - start for start, end in plan.keep)
    for marker in plan.markers:
        assert 0 <= marker.record < clips[-1].record_end
        assert 0 <= marker.start < marker.end <= plan.media.n_frames


@pytest.mark.slow
@settings(max_examples=150)
@given(transcripts(), option_sets)
def test_no_cut_clips_a_word_that_stays(transcript: Transcript, given_options: Json) -> None:
    """
    A word is wholly in one kept range, but for what lies behind the last frame of the media; or it was to go,
    by hand or as a filler, a retake or profanity.
    """
    try:
        plan = plan_of(transcript, **given_options)
    except (InvalidRange, EmptyTimeline):
        return
    end_of_media = plan.media.timebase.seconds(plan.media.n_frames)
    kept = kept_seconds(plan)
    may_go = any(
        given_options.get(name) == "remove" for name in ("fillers", "retakes", "profanity")
    ) or given_options.get("cut")
    for word in transcript.words:
        whole = any(
            start <= word.start + 1e-4 and min(word.end, end_of_media) <= end + 1e-4 for start, end in kept
        )
        assert whole or word.start >= end_of_media or may_go
        if not whole and word.start < end_of_media and not given_options.get("cut"):
            index = transcript.words.index(word)
            record = plan_to_json(plan)
            removed = [
                *(record["fillers"] if given_options.get("fillers") == "remove" else ()),
                *(record["profanity"] if given_options.get("profanity") == "remove" else ()),
                *(
                    [retake["dropped"] for retake in record["retakes"]]
                    if given_options.get("retakes") == "remove"
                    else ()
                ),
            ]
            assert any(span["firstWord"] <= index <= span["lastWord"] for span in removed)


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


def test_silences_are_cut_less_their_padding() -> None:
    """By default 0.2 s stay after speech and 0.1 s before it; at the ends of the media nothing does."""
    plan = plan_of(TALK)

    assert kept_seconds(plan) == [(0.88, 2.6), (5.88, 6.72)]
    assert [cut.reason for cut in plan.cut] == ["silence"] * 3


def test_presets_differ_in_how_closely_they_cut() -> None:
    """The tight one keeps least."""
    lengths = [
        sum(end - start for start, end in plan_of(TALK, preset=preset).keep)
        for preset in ("tight", "balanced", "loose")
    ]

    assert lengths == sorted(lengths)
    assert len(set(lengths)) == 3


def test_pauses_can_be_shortened_instead_of_removed() -> None:
    """Of the 3.6 s in the middle 1.5 s stay."""
    plan = plan_of(TALK, maxKeptPause=1.5)
    (_, first), (second, _) = kept_seconds(plan)

    assert (first - 2.4) + (6.0 - second) == pytest.approx(1.5, abs=0.08)


def test_a_filler_is_cut_only_if_asked() -> None:
    """From its first sample to its last, with its reason, its word and its score."""
    plan = plan_of(TALK, fillers="remove")
    (cut,) = [cut for cut in plan.cut if cut.reason == "filler"]

    assert [span.text for span in plan_of(TALK).fillers] == ["um"]
    assert not any(cut.reason == "filler" for cut in plan_of(TALK).cut)
    assert (cut.first, cut.last, cut.score) == (1, 1, 1.0)
    assert plan.media.timebase.seconds(cut.start) == pytest.approx(1.52)
    assert plan.media.timebase.seconds(cut.end) == pytest.approx(1.8)


def test_what_is_marked_stays_with_a_marker() -> None:
    """At its place in the sequence, with its length and its text."""
    plan = plan_of(TALK, fillers="mark")
    (marker,) = plan.markers

    assert (marker.reason, marker.text) == ("filler", "um")
    assert marker.record == plan.media.timebase.floor(1500) - plan.keep[0][0]
    assert marker.n_frames == 8


def test_mode_mark_keeps_all_and_marks_every_cut() -> None:
    """For those who cut by hand."""
    plan = plan_of(TALK, mode="mark")

    assert plan.keep == ((0, 250),)
    assert plan.cut == ()
    assert [marker.reason for marker in plan.markers] == ["silence"] * 3


@pytest.mark.parametrize("mode", ["mute", "speed"])
def test_cut_ranges_can_stay_muted_or_fast(mode: str) -> None:
    """They have their place in the sequence, in the order of the media."""
    plan = plan_of(TALK, mode=mode, speedFactor=4)
    clips = plan.clips()

    assert [(clip.start, clip.end) for clip in clips] == sorted(
        [*plan.keep, *((cut.start, cut.end) for cut in plan.cut)]
    )
    if mode == "mute":
        assert clips[-1].record_end == 250
        assert [clip.muted for clip in clips] == [True, False, True, False, True]
    else:
        assert [float(clip.speed) for clip in clips] == [4, 1, 4, 1, 4]
        assert clips[-1].record_end < 150


@pytest.mark.parametrize("mode", ["mute", "speed"])
def test_silence_alone_stays_in_the_sequence(mode: str) -> None:
    """Muted or fast, all of it is still there, and the plan can be sent back."""
    silent = transcript_of(silences=(Interval(0.0, 10.0),))
    plan = plan_of(silent, mode=mode, speedFactor=4)
    sent_back = plan_from_json(plan_to_json(plan), silent, "talk.mp4")

    for sequence in (plan, sent_back):
        assert sequence.keep == ()
        (clip,) = sequence.clips()
        assert (clip.start, clip.end) == (0, 250)
        assert clip.muted == (mode == "mute")
        assert clip.speed == (4 if mode == "speed" else 1)


def test_manual_decisions_win() -> None:
    """A silence that is to be kept, a word that is to go by its index, and one by its time."""
    plan = plan_of(
        TALK,
        keep=[{"start": 3.0, "end": 4.0}],
        cut=[{"firstWord": 0, "lastWord": 0}, {"start": 6.1, "end": 6.4}],
    )
    kept = kept_seconds(plan)

    assert any(start <= 3.0 and end >= 4.0 for start, end in kept)
    assert not any(start < 1.2 < end or start < 6.25 < end for start, end in kept)
    assert [cut.reason for cut in plan.cut].count("manual") == 2


def test_what_is_to_be_kept_is_kept_even_if_it_is_to_be_cut() -> None:
    """Nothing is lost by mistake."""
    plan = plan_of(TALK, keep=[{"firstWord": 0, "lastWord": 2}], cut=[{"start": 0.5, "end": 2.2}])

    assert any(start <= 1.0 and end >= 2.4 for start, end in kept_seconds(plan))


def test_a_manual_cut_takes_whole_words() -> None:
    """One whose middle it covers goes as a whole, another one stays as a whole."""
    plan = plan_of(TALK, silences="keep", cut=[{"start": 1.15, "end": 1.6}])
    timebase = plan.media.timebase
    (cut,) = plan.cut

    assert timebase.seconds(cut.start) == pytest.approx(1.0)
    assert timebase.seconds(cut.end) <= 1.5
    assert (cut.first, cut.last) == (0, 0)


@pytest.mark.parametrize(
    ("given_range", "problem"),
    [
        ({"start": 3.0, "end": 2.0}, "is not a range"),
        ({"start": 2.0, "end": 2.0}, "is not a range"),
        ({"start": -1.0, "end": 2.0}, "is not a range"),
        ({"start": 11.0, "end": 12.0}, "beyond the end"),
        ({"firstWord": 0, "lastWord": 4}, "are not among 0 to 3"),
        ({"firstWord": 2, "lastWord": 1}, "are not among"),
        ({"firstWord": 2}, "needs start and end"),
        ({"start": 1.0, "lastWord": 2}, "needs start and end"),
        ({}, "needs start and end"),
    ],
)
@pytest.mark.parametrize("name", ["keep", "cut"])
def test_an_invalid_range_is_named(name: str, given_range: Json, problem: str) -> None:
    """With its place in the list: 422."""
    with pytest.raises(InvalidRange, match=problem) as caught:
        plan_of(TALK, **{name: [{"start": 1.0, "end": 2.0}, given_range]})

    assert caught.value.facts() == {"range": f"{name}[1]"}
    assert caught.value.status == 422


def test_a_plan_that_keeps_nothing_is_refused() -> None:
    """422, not an empty sequence."""
    with pytest.raises(EmptyTimeline) as caught:
        plan_of(TALK, cut=[{"start": 0.0, "end": 10.0}])

    assert caught.value.status == 422


def test_silence_alone_can_be_marked() -> None:
    """Nothing is removed then, so there is a sequence."""
    plan = plan_of(transcript_of(silences=(Interval(0.0, 10.0),)), mode="mark")

    assert (plan.keep, plan.cut) == (((0, 250),), ())
    assert [(marker.start, marker.end, marker.reason) for marker in plan.markers] == [(0, 250, "silence")]


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


def test_words_that_are_only_in_segments_are_protected_too() -> None:
    """As with `wordTimestamps: false`."""
    transcript = transcript_of(
        segments=(Segment(0, 1.0, 3.0, "One two three."),), silences=(Interval(3.0, 10.0),)
    )
    plan = plan_of(transcript)

    assert kept_seconds(plan)[0][1] >= 3.0


def test_a_scrap_of_sound_between_two_cuts_goes_too() -> None:
    """A click of 0.1 s is not a clip; a laugh of 0.5 s is."""
    silences = (Interval(0.2, 3.0), Interval(3.1, 6.0), Interval(6.5, 10.0))
    plan = plan_of(transcript_of(Word("Hi", 0.0, 0.2), silences=silences))

    assert kept_seconds(plan) == [(0.0, 0.4), (5.88, 6.72)]


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


BASE = {"num": 25, "den": 1, "startTimecode": "00:00:00:00"}


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


def test_sound_without_a_picture_has_frames_for_all_of_it() -> None:
    """The last word is whole even where the sound ends within a frame."""
    transcript = transcript_of(*say("One two three"), duration=0.913, media=film(None))
    plan = plan_of(transcript)

    assert plan.media.n_frames == 23
    assert plan.keep == ((0, 23),)


@pytest.mark.parametrize(("num", "den"), [(0, 1), (-25, 1), (25, 854), (65537, 1)])
def test_a_plan_with_an_impossible_frame_rate_is_refused(num: int, den: int) -> None:
    """By the option that it stands for: 400, not a fault of the service."""
    record = plan_to_json(plan_of(TALK))
    record["timebase"] |= {"num": num, "den": den}

    with pytest.raises(InvalidOption, match="frameRate"):
        plan_from_json(record, TALK, "talk.mov")


def test_a_picture_of_one_frame_in_two_seconds_has_a_plan() -> None:
    """A slide show: the rate of a file is what it is."""
    plan = plan_of(transcript_of(*TALK.words, silences=TALK.silences, media=film(Fraction(1, 2))))

    assert plan.keep == ((0, 4),)
    assert plan.media.n_frames == 5


any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["start", "end", "startFrame", "endFrame", "num", "den"]), inner)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([*plan_to_json(plan_of(TALK))]), any_json, max_size=3))
def test_whatever_is_sent_as_a_plan_is_read_or_refused(changes: Json) -> None:
    """With an error of the service's own, which has a status and a sentence."""
    try:
        plan = plan_from_json(plan_to_json(plan_of(TALK)) | changes, TALK, "talk.mov")
    except AudioToolsError:
        return
    assert plan.keep


@given(
    st.dictionaries(st.sampled_from([*(field.alias for field in CutOptions.model_fields.values())]), any_json)
)
def test_whatever_is_sent_as_options_is_read_or_refused(given_options: Json) -> None:
    """The same."""
    try:
        assert plan_of(TALK, **given_options).keep
    except AudioToolsError:
        return
