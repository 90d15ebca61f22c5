"""Cut plans: what is cut, what stays, and that no word that stays is clipped."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given, settings

from audio_tools.errors import EmptyTimeline, InvalidRange
from audio_tools.exports.plan_input import plan_from_json
from audio_tools.exports.plan_json import plan_to_json
from audio_tools.transcript import Interval, Json, Segment, Transcript, Word
from tests.exports.material import film, say, transcript_of, transcripts
from tests.exports.plans import TALK, kept_seconds, option_sets, plan_of


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
        ({"start": 3.0, "end": 2.0}, "the end, 2 s, is before the start, 3 s"),
        ({"start": 2.0, "end": 2.0}, "the end, 2 s, is the same as the start, 2 s"),
        ({"start": -1.0, "end": 2.0}, "the start, -1 s, is negative"),
        ({"start": 11.0, "end": 12.0}, "beyond the end"),
        ({"firstWord": 0, "lastWord": 4}, "are out of range; the transcript has words 0 to 3"),
        ({"firstWord": 2, "lastWord": 1}, "the last word, 1, is before the first, 2"),
        ({"firstWord": -1, "lastWord": 1}, "are out of range"),
        ({"firstWord": 2}, "requires start and end"),
        ({"start": 1.0, "lastWord": 2}, "requires start and end"),
        ({}, "requires start and end"),
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


def test_sound_without_a_picture_has_frames_for_all_of_it() -> None:
    """The last word is whole even where the sound ends within a frame."""
    transcript = transcript_of(*say("One two three"), duration=0.913, media=film(None))
    plan = plan_of(transcript)

    assert plan.media.n_frames == 23
    assert plan.keep == ((0, 23),)


def test_a_picture_of_one_frame_in_two_seconds_has_a_plan() -> None:
    """A slide show: the rate of a file is what it is."""
    plan = plan_of(transcript_of(*TALK.words, silences=TALK.silences, media=film(Fraction(1, 2))))

    assert plan.keep == ((0, 4),)
    assert plan.media.n_frames == 5
