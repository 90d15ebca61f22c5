"""Understanding what FFmpeg says."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.media.ffmpeg import local_file
from audio_tools.media.ffmpeg_log import KNOWN_COMPLAINTS, Log, quote, reason

TALK = b"""\
[info] Input #0, ogg, from 'a.ogv':
[aac @ 0x55d1] [error] Number of bands (12) exceeds limit (10).
[in#0/ogg @ 0x1f] [verbose] EOF while reading input
[verbose] Correcting start time of Input #0 by 947333 us.
[aist#0:1/aac @ 0x1] [dec:aac @ 0x2] [error] Error submitting packet to decoder: Invalid data found
    Last message repeated 3 times
[fatal] Error opening input files
ffmpeg cannot be run
"""


def heard(data: bytes) -> Log:
    log = Log()
    log.feed(data)
    return log


def test_complaints_are_told_from_talk() -> None:
    """Errors are kept, without their origin; so is what comes after them without a level."""
    assert heard(TALK).complaints().splitlines() == [
        "Number of bands (12) exceeds limit (10).",
        "Error submitting packet to decoder: Invalid data found",
        "Error opening input files",
        "ffmpeg cannot be run",
    ]


def test_a_message_is_as_bad_as_its_first_line() -> None:
    """Only that carries a level; what comes before any is not from FFmpeg, which did not even start."""
    message = b"[mpegts @ 0x1] [%s] Could not find codec parameters\nConsider increasing 'probesize'\n"

    assert heard(message % b"warning").complaints() == ""
    assert heard(message % b"error").complaints().endswith("Consider increasing 'probesize'")
    assert heard(b"ffmpeg: no such library\n").complaints() == "ffmpeg: no such library"


@pytest.mark.parametrize(
    "line",
    [
        b"[verbose] Correcting start time of Input #0 by 947333 us.\n",
        b"[mpegts @ 0x55ecc0a82900] [verbose] Correcting start time by 947333\n",
    ],
)
def test_a_moved_clock_is_noticed(line: bytes) -> None:
    """FFmpeg 5 and 9 say in their own ways by how much they moved the clock."""
    assert heard(line).clock_moved_s == 0.947333


@given(st.lists(st.integers(0, len(TALK)), max_size=12))
def test_it_does_not_matter_where_the_pipe_cuts(cuts: list[int]) -> None:
    """Lines are put together again from whatever pieces a pipe gives."""
    log = Log()
    edges = [0, *sorted(cuts), len(TALK)]
    for start, end in pairwise(edges):
        log.feed(TALK[start:end])

    assert log.complaints() == heard(TALK).complaints()
    assert log.clock_moved_s == 0.947333


def test_the_last_line_needs_no_end() -> None:
    """A program that dies in the middle of a line is heard to the last letter."""
    assert heard(b"one\ntwo").complaints() == "one\ntwo"


def test_memory_is_bounded() -> None:
    """However many or long the complaints, little is kept of them."""
    log = Log()
    for _ in range(100):
        log.feed(b"x" * 10_000)
        log.feed(b"y\n" * 1000)

    assert len(log.complaints()) < 50_000
    assert len(quote(log.complaints(), Path("a.mp4"))) <= 300


@pytest.mark.parametrize(("complaint", "meaning"), KNOWN_COMPLAINTS)
def test_known_complaints_are_explained(complaint: str, meaning: str) -> None:
    """What FFmpeg says often is said in words that an editor understands."""
    assert reason(f"something\n{complaint} 'x'\n", Path("/media/a.mp4")) == meaning


def test_other_complaints_are_quoted_without_folders() -> None:
    """The last two different complaints are quoted, with the name of the file but not its folder."""
    path = Path("/srv/secret/a.mp4")
    complaints = f"first\nworse.\nfirst\n{local_file(path)}: worst\n\n"

    assert reason(complaints, path) == "FFmpeg says: worse; a.mp4: worst"


def test_silence_is_said_to_be_silence() -> None:
    """A program that dies without a word is reported as such."""
    assert reason("\n", Path("a.mp4")) == "FFmpeg gives no reason"
