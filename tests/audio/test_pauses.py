"""Pauses from frame decisions, and the silences of the result."""

from __future__ import annotations

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from audio_tools.audio.pauses import RESOLUTION_S, PauseFinder, between, find_silences, overlap
from audio_tools.audio.pcm import frame_start
from audio_tools.transcript import Interval, Word

runs = st.lists(st.tuples(st.booleans(), st.integers(1, 80)), max_size=20)


def frames_of(pattern: list[tuple[bool, int]]) -> list[bool]:
    return [value for value, length in pattern for _ in range(length)]


def find(speech: list[bool], sizes: list[int]) -> PauseFinder:
    finder, start, turn = PauseFinder(), 0, 0
    while start < len(speech):
        size = sizes[turn % len(sizes)]
        finder.push(np.array(speech[start : start + size], np.bool_))
        start, turn = start + size, turn + 1
    return finder


@given(pattern=runs, sizes=st.lists(st.integers(1, 50), min_size=1, max_size=3))
def test_pauses_do_not_depend_on_blocks(pattern: list[tuple[bool, int]], sizes: list[int]) -> None:
    """The same frames in other blocks give the same pauses."""
    speech = frames_of(pattern)

    assert find(speech, sizes).pauses(0, len(speech)) == find(speech, [10_000]).pauses(0, len(speech))


@given(pattern=runs)
@example(pattern=[(True, 1), (False, 29)])  # the click that begins the file makes up the thirty
@example(pattern=[(True, 2), (False, 29), (True, 1)])
@example(pattern=[(False, 29), (True, 1), (False, 1), (True, 2)])
def test_pauses_are_exactly_the_long_silent_runs(pattern: list[tuple[bool, int]]) -> None:
    """At least 30 frames of silence, where a single loud frame does not count as speech."""
    speech = frames_of(pattern)
    smooth = list(speech)
    for i, loud in enumerate(speech):
        alone = loud and (i == 0 or not speech[i - 1]) and (i + 1 == len(speech) or not speech[i + 1])
        if alone:
            smooth[i] = False
    expected, start = [], None
    for i, loud in enumerate([*smooth, True]):
        if not loud and start is None:
            start = i
        elif loud and start is not None:
            if i - start >= 30:
                expected.append((start, i))
            start = None

    assert find(speech, [7]).pauses(0, len(speech)) == expected


@given(pattern=runs, first=st.integers(0, 400), length=st.integers(0, 400))
def test_pauses_of_a_part_are_clipped_to_it(pattern: list[tuple[bool, int]], first: int, length: int) -> None:
    """A part sees the pauses that reach into it by at least 0.3 s, cut off at its edges."""
    speech = frames_of(pattern)
    finder, end = find(speech, [9]), first + length
    everywhere = finder.pauses(0, len(speech))
    clipped = [(max(a, first), min(b, end)) for a, b in everywhere]

    assert finder.pauses(first, end) == [(a, b) for a, b in clipped if b - a >= 30]


def test_between_gives_what_the_pauses_leave() -> None:
    """Speech is everything outside the pauses."""
    pauses = [Interval(-1.0, 0.5), Interval(2.0, 3.0), Interval(9.0, 20.0)]

    assert between(pauses, 0.0, 10.0) == [Interval(0.5, 2.0), Interval(3.0, 9.0)]
    assert between([], 1.0, 2.0) == [Interval(1.0, 2.0)]
    assert between([Interval(0.0, 5.0)], 1.0, 2.0) == []


def test_overlap_clips() -> None:
    """Only what lies inside is left."""
    assert overlap([Interval(0, 2), Interval(3, 4)], Interval(1, 3)) == [Interval(1, 2)]


def test_a_word_splits_the_silence_it_lies_in() -> None:
    """A silence holds no word: the detector may miss a whisper, the engine heard it."""
    word = Word("psst", 5.0, 5.5)
    silences = find_silences([Interval(0.0, 10.0), Interval(20.0, 21.0)], [word], 2.0)

    assert silences == [Interval(0.0, 5.0), Interval(5.5, 10.0)]


times = st.floats(0, 100, allow_nan=False).map(lambda t: round(t, 2))


@given(
    edges=st.lists(times, unique=True, max_size=12).map(sorted),
    starts=st.lists(times, unique=True, max_size=8).map(sorted),
    threshold=st.floats(0.3, 5.0),
)
def test_silences_are_long_and_hold_no_word(
    edges: list[float], starts: list[float], threshold: float
) -> None:
    """Every silence lies in a pause, is long enough, and touches no word."""
    pauses = [Interval(a, b) for a, b in zip(edges[::2], edges[1::2], strict=False)]
    words = [Word("w", a, min(a + 0.4, b)) for a, b in zip(starts, [*starts[1:], 1e9], strict=False)]

    for silence in find_silences(pauses, words, threshold):
        assert silence.duration >= threshold - RESOLUTION_S
        assert any(pause.start <= silence.start and silence.end <= pause.end for pause in pauses)
        assert all(word.end <= silence.start or word.start >= silence.end for word in words)


@given(first=st.integers(0, 10_000_000), wanted=st.integers(30, 500), lost=st.integers(0, 1))
def test_a_silence_as_long_as_wanted_is_found_wherever_it_begins(first: int, wanted: int, lost: int) -> None:
    """Also where it begins within a frame, which then is none of it; one that lacks two is too short."""
    found = Interval(frame_start(first), frame_start(first + wanted - lost))
    short = Interval(frame_start(first), frame_start(first + wanted - 2))

    assert find_silences([found], [], wanted / 100) == [found]
    assert find_silences([short], [], wanted / 100) == []
