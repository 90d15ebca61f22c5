"""Fillers that lie between the words: in the result, in cut plans and in Premiere's transcript."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from audio_tools.exports.adobe import write_adobe
from audio_tools.exports.cut_options import CutOptions
from audio_tools.exports.cut_plan import CutPlan, plan_cuts
from audio_tools.exports.fillers import clear_of_words, list_fillers
from audio_tools.exports.plan_json import plan_to_json
from audio_tools.exports.source import media_reference
from audio_tools.transcript import Filler, Interval, Transcript, Word
from tests.exports.material import say, transcript_of

HESITATION = Filler(None, None, 2.0, 2.4, "uh")


def talk(*pauses: Interval) -> Transcript:
    """Two words with a hesitation between them, and pauses."""
    words = Word("so", 1.0, 1.4), Word("then", 3.0, 3.4)
    return replace(
        transcript_of(*words, silences=pauses, duration=5.0),
        fillers=(HESITATION,),
        filler_detection="samples",
    )


def plan_of(transcript: Transcript, **options: object) -> CutPlan:
    return plan_cuts(
        transcript,
        media_reference(transcript, "talk.mov"),
        CutOptions.parse({"fillers": "remove"} | options)[0],
    )


def test_fillers_of_the_result_are_those_of_words_and_sound() -> None:
    """In order; those between the words have no index."""
    found = list_fillers(say("Um so then"), "en", [Interval(0.7, 0.8)])

    assert found == [Filler(0, 0, 0.0, 0.3, "Um"), Filler(None, None, 0.7, 0.8, "uh")]


def test_fillers_of_a_channel_have_its_number_and_language() -> None:
    """Their indexes are those of the words of all channels."""
    words = [replace(word, channel=number % 2) for number, word in enumerate(say("Um äh so um"))]

    found = [list_fillers(words, language, None, channel) for channel, language in enumerate(["en", "de"])]

    assert [[(f.first_word, f.text, f.channel) for f in each] for each in found] == [
        [(0, "Um", 0)],
        [(1, "äh", 1)],
    ]


def test_a_hesitation_has_the_speaker_of_its_channel() -> None:
    """In Premiere's transcript, although another channel spoke last."""
    words = (
        Word("so", 1.0, 1.4, speaker="Ann", channel=0),
        Word("yes", 1.6, 1.8, speaker="Bob", channel=1),
        Word("then", 3.0, 3.4, speaker="Ann", channel=0),
    )
    fillers = (replace(HESITATION, channel=0),)
    transcript = replace(transcript_of(*words, duration=5.0), fillers=fillers)

    record = json.loads(write_adobe(transcript))

    names = {speaker["id"]: speaker["name"] for speaker in record["speakers"]}
    said = {(names[part["speaker"]], word["text"]) for part in record["segments"] for word in part["words"]}
    assert said == {("Ann", "so"), ("Bob", "yes"), ("Ann", "uh"), ("Ann", "then")}


def test_a_hesitation_is_cut_only_if_asked() -> None:
    """It is listed in any case, and says how it was found."""
    kept = plan_of(talk(), fillers="keep")
    [cut] = plan_of(talk()).cut

    assert (kept.cut, kept.fillers) == ((), (HESITATION,))
    assert (cut.start, cut.end, cut.reason, cut.first) == (50, 60, "filler", None)
    record = plan_to_json(kept)
    assert record["fillerDetection"] == "samples"
    assert record["fillers"] == [
        {"firstWord": None, "lastWord": None, "start": 2.0, "end": 2.4, "text": "uh", "score": 1.0}
    ]


def test_a_marked_hesitation_stays() -> None:
    """With a marker on its frames."""
    [marker] = plan_of(talk(), fillers="mark").markers

    assert (marker.start, marker.end, marker.text) == (50, 60, "uh")


@pytest.mark.parametrize(
    ("words", "cut"),
    [
        ([(1.0, 1.5), (2.0, 2.4)], (1600, 1950)),
        ([(1.0, 1.6), (2.04, 2.4)], (1650, 1950)),
        ([(1.0, 1.3), (2.3, 2.6)], (1600, 2000)),
        ([(1.0, 1.6)], (1650, 2000)),
        ([(2.0, 2.4)], (1600, 1950)),
    ],
    ids=["the next", "both", "neither", "the last word", "the first word"],
)
def test_a_cut_keeps_clear_of_the_words_that_a_hesitation_touches(
    words: list[tuple[float, float]], cut: tuple[int, int]
) -> None:
    """A voice leads from one into the other, so the word begins earlier than its time says."""
    spans = [(round(1000 * start), round(1000 * end)) for start, end in words]

    assert clear_of_words((1600, 2000), spans) == cut


def test_a_cut_of_a_hesitation_leaves_the_beginning_of_the_next_word() -> None:
    """In the plan, to the frame."""
    said = replace(talk(), fillers=(Filler(None, None, 2.0, 3.0, "uh"),))
    [cut] = plan_of(said).cut

    assert (cut.start, cut.end) == (50, 73)


def test_own_filler_words_decide_about_sounds_too() -> None:
    """Only those that the list has."""
    assert plan_of(talk(), fillerWords=["like"]).fillers == ()
    assert plan_of(talk(), fillerWords=["Uh"]).fillers == (HESITATION,)


def test_the_pauses_beside_a_removed_filler_are_one() -> None:
    """Each alone is too short to be cut; together with the filler between them they are not."""
    pauses = Interval(1.6, 1.98), Interval(2.42, 2.8)
    [cut] = plan_of(talk(*pauses), preset="balanced").cut

    # 0.2 s stay behind the first word, 0.1 s before the second one.
    assert (cut.start, cut.end, cut.reason) == (45, 67, "filler")
    assert plan_of(talk(*pauses), fillers="keep").cut == ()


def test_premiere_has_hesitations_as_words_tagged_filler() -> None:
    """Its own removal of fillers works by these tags."""
    [segment] = json.loads(write_adobe(talk()))["segments"]

    assert [(word["text"], word["tags"]) for word in segment["words"]] == [
        ("so", []),
        ("uh", ["filler"]),
        ("then", []),
    ]
