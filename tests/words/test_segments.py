"""Segments follow their words."""

from __future__ import annotations

from audio_tools.transcript import Segment, Word
from audio_tools.words.segments import follow_words


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
