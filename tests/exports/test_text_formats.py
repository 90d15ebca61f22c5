"""Captions, text and tables: in the time of the media or of the cut sequence, by phrases or by words."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ET
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import pysubs2
import pytest
import webvtt
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_tools.errors import EmptyTimeline
from audio_tools.exports.after_cut import after_cut
from audio_tools.exports.cut_options import CutOptions
from audio_tools.exports.cut_plan import plan_cuts
from audio_tools.exports.export import Export
from audio_tools.exports.export_options import ExportOptions
from audio_tools.exports.registry import render
from audio_tools.exports.source import media_reference
from audio_tools.transcript import Interval, Transcript, Word
from tests.exports.material import film, say, transcript_of, transcripts

TALK = transcript_of(
    Word("Hello", 1.0, 1.4, 0.5, speaker="Ann"),
    Word("fucking", 1.5, 1.8, speaker="Ann"),
    Word("world.", 1.9, 2.4, speaker="Ann"),
    Word("Again.", 6.0, 6.5, speaker="Bob"),
    silences=(Interval(0.0, 1.0), Interval(2.4, 6.0), Interval(6.5, 10.0)),
    media=film(Fraction(25), start_timecode="10:00:00:00"),
)


def export_of(transcript: Transcript, *, cut: bool = False, **options: Any) -> Export:
    media = media_reference(transcript, "talk.mov")
    plan = plan_cuts(transcript, media, CutOptions()) if cut else None
    return Export(transcript, "talk.mov", plan, ExportOptions(**options))


def text_of(name: str, export: Export) -> str:
    (document,) = render(name, export)
    return document.data.decode()


@pytest.mark.parametrize("name", ["srt", "vtt", "ass"])
def test_captions_follow_the_cut(name: str) -> None:
    """In the sequence that starts at 0.88 s of the media and leaves out 3.28 s: each word where it plays."""
    before = pysubs2.SSAFile.from_string(text_of(name, export_of(TALK)))
    after = pysubs2.SSAFile.from_string(text_of(name, export_of(TALK, cut=True)))

    assert [event.plaintext.split()[-1] for event in after] == ["world.", "Again."]
    assert before[0].start == 1000
    assert after[0].start == 120
    assert after[1].start == pytest.approx(6000 - 880 - 3280, abs=10)


def test_ttml_is_read_by_an_xml_parser_with_its_times() -> None:
    """Language, media time, lines; markup in words is text."""
    transcript = transcript_of(*say("One <b>two</b> & three."))
    root = ET.fromstring(text_of("ttml", export_of(transcript)))
    (paragraph,) = root.iter("{http://www.w3.org/ns/ttml}p")

    assert root.get("{http://www.w3.org/XML/1998/namespace}lang") == "en"
    assert paragraph.get("begin") == "00:00:00.000"
    assert "".join(paragraph.itertext()) == "One <b>two</b> & three."


def test_ass_lights_each_word_at_its_time() -> None:
    """In hundredths of a second, until the next word begins; the text without them is that of the cue."""
    events = pysubs2.SSAFile.from_string(text_of("ass", export_of(TALK, word_timing="karaoke")))

    assert events[0].text == r"{\k50}Hello {\k40}fucking {\k100}world."
    assert events[0].plaintext == "Hello fucking world."
    assert events[0].name == "Ann"
    assert events.info["PlayResX"] == "1920"


def test_braces_and_backslashes_of_words_are_no_codes() -> None:
    """A reader shows them."""
    events = pysubs2.SSAFile.from_string(text_of("ass", export_of(transcript_of(*say(r"a{b}c d\Ne")))))

    assert events[0].plaintext.count("\n") == 0


def test_vtt_has_a_timestamp_before_each_further_word(tmp_path: Path) -> None:
    """Within the cue and increasing."""
    text = text_of("vtt", export_of(TALK, word_timing="karaoke"))
    path = tmp_path / "a.vtt"
    path.write_text(text)

    assert "Hello <00:00:01.500>fucking <00:00:01.900>world." in text
    assert [caption.text for caption in webvtt.read(str(path)).captions][1] == "Again."


@pytest.mark.parametrize("name", ["srt", "vtt", "ass", "ttml"])
def test_one_word_a_cue(name: str) -> None:
    """From its start to the next one's, or shortly after its end."""
    text = text_of(name, export_of(TALK, word_timing="word"))

    for word in ("Hello", "fucking", "world.", "Again."):
        assert word in text
    if name == "srt":
        events = pysubs2.SSAFile.from_string(text)
        assert [(event.start, event.end) for event in events] == [
            (1000, 1500),
            (1500, 1900),
            (1900, 2700),
            (6000, 6800),
        ]


@settings(max_examples=60)
@given(
    transcripts(), st.sampled_from(["srt", "vtt", "ass", "ttml", "txt"]), st.sampled_from(["karaoke", "word"])
)
def test_no_word_is_lost(transcript: Transcript, name: str, timing: str) -> None:
    """Every word is in the captions of the media, in order."""
    text = text_of(name, export_of(transcript, word_timing=timing))
    position = 0
    for word in transcript.words:
        position = text.find(word.word, position)
        assert position >= 0, word


@settings(max_examples=100)
@given(transcripts())
def test_words_in_the_sequence_are_in_order_and_within_it(transcript: Transcript) -> None:
    """And as long as they were: nothing that stays is clipped."""
    try:
        plan = plan_cuts(transcript, media_reference(transcript, "a.mov"), CutOptions())
    except EmptyTimeline:
        return
    placed = after_cut(transcript, plan)
    starts = [word.start for word in placed.words]

    assert all(0 <= word.start < word.end <= placed.duration + 1e-6 for word in placed.words)
    assert [word.word for word in placed.words] == [
        word.word
        for word in transcript.words
        if word.middle < plan.media.timebase.seconds(plan.media.n_frames)
    ]
    assert starts == sorted(starts) or any(
        left.start > right.start for left, right in pairwise(transcript.words)
    )


def test_text_has_speakers_and_timecodes() -> None:
    """Of the media from its start timecode; of the sequence from zero, or where it is to start."""
    of_media = text_of("txt", export_of(TALK, timecode=True))
    of_sequence = text_of("txt", export_of(TALK, cut=True, timecode=True, sequence_timecode="01:00:00:00"))

    assert of_media == "[10:00:01:00] Ann: Hello fucking world.\n\n[10:00:06:00] Bob: Again.\n"
    assert of_sequence == "[01:00:00:03] Ann: Hello fucking world.\n\n[01:00:01:21] Bob: Again.\n"


def test_profanity_is_masked_if_asked() -> None:
    """Its first letter stays."""
    assert "Hello f****** world." in text_of("srt", export_of(TALK, mask_profanity=True))
    assert "Hello fucking world." in text_of("srt", export_of(TALK))


def test_the_table_has_ranges_and_words() -> None:
    """What a spreadsheet needs to check a cut."""
    rows = list(csv.DictReader(io.StringIO(text_of("csv", export_of(TALK, cut=True)))))
    kinds = [row["type"] for row in rows]

    assert kinds == ["keep"] * 2 + ["cut"] * 3 + ["word"] * 4
    assert rows[0]["start_frame"] == "22"
    assert rows[2]["reason"] == "silence"
    assert (rows[5]["text"], rows[5]["confidence"], rows[5]["speaker"]) == ("Hello", "0.5", "Ann")
