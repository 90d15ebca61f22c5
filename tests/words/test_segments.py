"""Segments follow their words."""

from __future__ import annotations

from audio_tools.transcript import Segment, Word
from audio_tools.words.segments import follow_words, group, respell


def test_segments_take_the_times_of_their_words() -> None:
    """A word that alignment moves behind its old segment's end still belongs to it."""
    segments = [Segment(0, 0.0, 2.0, "One two."), Segment(1, 2.0, 4.0, "Three."), Segment(2, 4.0, 5.0, "…")]
    before = [Word("One", 0.0, 1.0), Word("two.", 1.0, 2.0), Word("Three.", 2.0, 3.0)]
    after = [Word("One", 0.4, 1.2), Word("two.", 1.9, 2.6), Word("Three.", 3.1, 3.6)]

    assert follow_words(segments, before, after) == [
        Segment(0, 0.4, 2.6, "One two."),
        Segment(1, 3.1, 3.6, "Three."),
    ]


def test_words_before_the_first_segment_belong_to_it() -> None:
    """No word is without a segment where there is one."""
    word = Word("Early", 0.1, 0.3)

    assert follow_words([Segment(0, 1.0, 2.0, "Early")], [word], [word]) == [Segment(0, 0.1, 0.3, "Early")]


def test_segments_end_at_sentences_and_pauses() -> None:
    """Where an engine gives no segments they are made from its words."""
    words = [Word("One.", 0, 1), Word("Two", 1, 2), Word("three", 3, 4), Word("four", 4, 5)]

    assert [(s.text, s.start, s.end) for s in group(words)] == [
        ("One.", 0, 1),
        ("Two", 1, 2),
        ("three four", 3, 5),
    ]
    assert group([]) == []


def test_segments_made_of_words_have_the_spacing_of_the_text() -> None:
    """Only the text knows where Thai has spaces; of another text nothing is taken."""
    words = [Word("สวัสดี", 0, 1), Word("ครับ", 1, 2), Word("วัน", 2, 3), Word("นี้", 4, 5)]
    spelled = respell(group(words), " สวัสดีครับ วัน นี้\n")

    assert [segment.text for segment in spelled] == ["สวัสดีครับ วัน", "นี้"]
    assert respell(group(words), "สวัสดี") == group(words)
    assert respell([], "") == []


def test_a_segment_has_one_speaker() -> None:
    """Another one begins another segment."""
    words = [Word("Yes", 0, 1, speaker="A"), Word("no", 1, 2, speaker="B"), Word("maybe", 2, 3, speaker="B")]

    assert [(segment.text, segment.speaker) for segment in group(words)] == [("Yes", "A"), ("no maybe", "B")]
