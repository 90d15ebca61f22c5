from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from html import unescape
from itertools import pairwise

import pysubs2
import pytest
import webvtt
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.exports.cues import Cue
from audio_tools.exports.subtitles import to_srt, to_vtt
from audio_tools.exports.text import clean

HOSTILE = [
    "{x}",
    r"a\Nb",
    r"{\an8}top",
    "<b>",
    "</i>",
    "<i>x</i>",
    "a & b",
    "&amp;",
    "x<y>z",
    "1984",
    "->",
    "NOTE",
]

lines = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=42).map(clean).filter(bool),
).filter(lambda line: "-->" not in line)
steps = st.sampled_from([0.0, 0.0001, 0.0004, 0.0005]) | st.floats(0, 3)
durations = st.sampled_from([0.0001, 0.0004, 0.0005, 0.001]) | st.floats(0.0001, 7)


@st.composite
def spoken_cues(draw: st.DrawFn) -> list[Cue]:
    """Cues in order that do not overlap, some far too short, with every kind of text."""
    cues, clock = [], 0.0
    for step, duration, text in draw(
        st.lists(
            st.tuples(steps, durations, st.lists(lines, min_size=1, max_size=2)), min_size=1, max_size=12
        )
    ):
        start = clock + step
        clock = start + duration
        cues.append(Cue(start, clock, tuple(text)))
    return cues


def read_srt(text: str) -> list[tuple[int, int, str]]:
    """What pysubs2 reads: start and end in ms, and the text."""
    # Without a cue after it, the reader would take a last line of digits for the number of a cue.
    farewell = "\n9999\n99:00:00,000 --> 99:00:01,000\nThe end.\n"
    events = pysubs2.SSAFile.from_string(text + farewell, format_="srt", keep_html_tags=True)
    return [(event.start, event.end, event.text) for event in events][:-1]


def read_by_webvtt(text: str, kind: str) -> list[tuple[int, int, str]]:
    """What webvtt-py reads, which leaves escapes as they are."""
    file = webvtt.from_buffer(io.StringIO(text), format=kind, strict=kind == "vtt")
    return [
        (caption.start_time.in_milliseconds(), caption.end_time.in_milliseconds(), caption.raw_text)
        for caption in file.captions
    ]


@given(spoken_cues())
def test_two_readers_find_in_srt_what_was_written(cues: list[Cue]) -> None:
    """Tags, braces, backslashes, bare numbers: every character of every line comes back."""
    written = to_srt(cues)

    assert [text for *_, text in read_by_webvtt(written, "srt")] == ["\n".join(cue.lines) for cue in cues]
    assert [text for *_, text in read_srt(written)] == [r"\N".join(cue.lines) for cue in cues]


@pytest.mark.slow
@given(spoken_cues())
def test_a_reader_finds_in_vtt_what_was_written(cues: list[Cue]) -> None:
    """The text comes back once the escapes are resolved; no tag and no cue is made of it."""
    read = [text for *_, text in read_by_webvtt(to_vtt(cues), "vtt")]

    assert [unescape(text) for text in read] == ["\n".join(cue.lines) for cue in cues]
    assert not any("<" in text or ">" in text for text in read)


@pytest.mark.slow
@given(spoken_cues())
def test_times_are_whole_milliseconds_that_never_overlap(cues: list[Cue]) -> None:
    """Each cue lasts at least a millisecond and starts when the one before has ended."""
    times = [(start, end) for start, end, _ in read_srt(to_srt(cues))]

    assert [(start, end) for start, end, _ in read_by_webvtt(to_vtt(cues), "vtt")] == times
    assert all(start < end for start, end in times)
    assert all(end <= start for (_, end), (start, _) in pairwise(times))
    # At most one millisecond of room is made for each cue that lasts none.
    assert all(
        abs(start - cue.start * 1000) <= len(cues) for (start, _), cue in zip(times, cues, strict=True)
    )


def test_srt_looks_as_editors_know_it() -> None:
    """Numbered from 1, a comma before the milliseconds, a blank line between cues."""
    cues = [Cue(0.3, 2.5, ("And so, my fellow Americans,", "ask not")), Cue(3661.0625, 3662.0, ("Well.",))]

    assert to_srt(cues) == (
        "1\n00:00:00,300 --> 00:00:02,500\nAnd so, my fellow Americans,\nask not\n"
        "\n"
        "2\n01:01:01,063 --> 01:01:02,000\nWell.\n"
    )


def test_vtt_has_a_header_and_escapes() -> None:
    """`&`, `<` and `>` are escaped, and with them the arrow that would end a cue."""
    cues = [Cue(0.3, 2.5, ("AT&T said <b>", "x --> y"))]

    assert to_vtt(cues) == "WEBVTT\n\n00:00:00.300 --> 00:00:02.500\nAT&amp;T said &lt;b&gt;\nx --&gt; y\n"


def test_vtt_says_who_speaks() -> None:
    """A cue with a speaker is in his voice, as a reader finds; his name cannot end the tag."""
    written = to_vtt([Cue(0.3, 2.5, ("a < b",), "Ann & Bob >\n(2)"), Cue(3.0, 4.0, ("c",))])

    assert "\n<v Ann &amp; Bob &gt; (2)>a &lt; b\n" in written
    first, second = webvtt.from_buffer(io.StringIO(written), format="vtt").captions
    assert unescape(first.voice or "") == "Ann & Bob > (2)"
    assert unescape(first.text) == "a < b"
    assert second.voice is None


def test_an_arrow_in_srt_cannot_pass_for_a_line_of_times() -> None:
    """SubRip has no escapes, so the arrow is written as one character."""
    (cue,) = read_by_webvtt(to_srt([Cue(0.0, 1.0, ("00:00:05,000 --> 00:00:06,000",))]), "srt")

    assert cue == (0, 1000, "00:00:05,000 → 00:00:06,000")


@pytest.mark.parametrize(("kind", "write"), [("srt", to_srt), ("vtt", to_vtt)])
def test_hours_go_beyond_99(kind: str, write: Callable[[Sequence[Cue]], str]) -> None:
    """A recording of more than four days keeps its clock."""
    written = write([Cue(360_000.5, 360_001.5, ("Still here.",))])

    assert "100:00:00" in written
    assert read_by_webvtt(written, kind) == [(360_000_500, 360_001_500, "Still here.")]


def test_no_cues_make_valid_files() -> None:
    """An empty SRT and a VTT that is its header alone."""
    assert to_srt([]) == ""
    assert to_vtt([]) == "WEBVTT\n"
    assert read_srt(to_srt([])) == []
    assert read_by_webvtt(to_vtt([]), "vtt") == []
