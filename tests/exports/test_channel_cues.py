"""Captions of several channels: every word once, each caption whole and of one channel."""

from __future__ import annotations

import json
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from audio_tools.exports.adobe import write_adobe
from audio_tools.exports.cues import Cue, CueRules, cut_channel_cues
from audio_tools.exports.karaoke import one_word_cues, timed_words
from audio_tools.exports.source import spoken_words
from audio_tools.exports.subtitles import in_milliseconds
from audio_tools.transcript import Word
from audio_tools.words.channels import in_spoken_order
from tests.exports.material import transcript_of

END_S = 120.0
steps = st.tuples(
    st.sampled_from(["So", "yes.", "and", "why?", "well"]), st.floats(0, 3), st.floats(0.05, 0.8)
)


@st.composite
def dialogues(draw: st.DrawFn) -> list[Word]:
    """Words of two or three channels, each in order of time, as a transcript lists them."""
    rows: list[list[Word]] = []
    for channel in range(draw(st.integers(2, 3))):
        clock, row = 0.0, list[Word]()
        for text, pause, length in draw(st.lists(steps, min_size=1, max_size=12)):
            row.append(Word(text, clock + pause, clock + pause + length, channel=channel))
            clock += pause + length
        rows.append(row)
    return list(spoken_words(transcript_of(*in_spoken_order(rows), duration=END_S)))


def texts_of(words: list[Word], channel: int | None) -> str:
    return " ".join(word.word for word in words if word.channel == channel)


def shown(cues: list[Cue], channel: int | None) -> str:
    return " ".join(line for cue in cues if cue.channel == channel for line in cue.lines)


@given(dialogues())
def test_every_word_is_shown_once_and_whole(words: list[Word]) -> None:
    """In the order of its channel; no caption ends before its words, or overlaps the next of its channel."""
    cues = cut_channel_cues(words, CueRules(), media_end=END_S)

    assert [cue.start for cue in cues] == sorted(cue.start for cue in cues)
    for channel in {word.channel for word in words}:
        own = [cue for cue in cues if cue.channel == channel]
        assert shown(cues, channel) == texts_of(words, channel)
        assert {cue.speaker for cue in own} == {f"Channel {channel}"}
        assert all(one.end <= later.start + 2e-4 for one, later in pairwise(own))
    for cue, texts in timed_words(cues, words):
        assert cue.end >= texts[-1].end - 2e-4
        assert abs(cue.start - texts[0].start) <= 2e-4


@given(dialogues())
def test_written_times_keep_captions_of_two_channels_at_once(words: list[Word]) -> None:
    """Rounding moves none by more than a millisecond, whatever the other channel shows."""
    for cues in (cut_channel_cues(words, media_end=END_S), one_word_cues(words, END_S)):
        for cue, (start, end, _) in zip(cues, in_milliseconds(cues), strict=True):
            assert abs(start - cue.start * 1000) <= 1
            assert abs(end - max(cue.end * 1000, start + 1)) <= 1.5


def test_a_name_begins_what_a_channel_says() -> None:
    """Where the other one has said something in between."""
    said = [("Hello.", 0.0, 0), ("Hi.", 1.0, 1), ("How", 2.0, 0), ("are", 2.3, 0), ("you?", 2.6, 0)]
    words = [Word(text, start, start + 0.25, channel=channel) for text, start, channel in said]
    cues = cut_channel_cues(spoken_words(transcript_of(*words)), CueRules(names=True), media_end=10.0)

    assert [cue.lines for cue in cues] == [
        ("Channel 0: Hello.",),
        ("Channel 1: Hi.",),
        ("Channel 0: How are you?",),
    ]


def test_a_transcript_for_premiere_has_both_voices_at_their_times() -> None:
    """Words said at once are not moved behind each other, and each channel is a speaker."""
    said = [("One.", 1.0, 2.0, 0), ("Two.", 1.2, 1.8, 1), ("Three.", 3.0, 3.5, 1)]
    words = [Word(text, start, end, channel=channel) for text, start, end, channel in said]
    document = json.loads(write_adobe(transcript_of(*words)))

    assert [speaker["name"] for speaker in document["speakers"]] == ["Channel 0", "Channel 1"]
    assert [(w["text"], w["start"]) for segment in document["segments"] for w in segment["words"]] == [
        ("One.", 1.0),
        ("Two.", 1.2),
        ("Three.", 3.0),
    ]


def test_one_channel_alone_has_no_name() -> None:
    """The name of a channel says nothing where only one of them speaks."""
    words = [Word("Hello.", 0.0, 0.5, channel=1)]

    assert [word.speaker for word in spoken_words(transcript_of(*words))] == [None]
