"""Windows: all speech, in order, in as few windows as fit."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.audio.pcm import SAMPLE_RATE_HZ
from audio_tools.engines.whisper.windows import LONG_PAUSE_S, SPEECH_PAD_S, WINDOW_S, Window, pack_windows
from audio_tools.transcript import Interval


@st.composite
def chunks(draw: st.DrawFn) -> tuple[list[Interval], float]:
    steps = draw(st.lists(st.floats(0.05, 8.0), min_size=0, max_size=20))
    edges = np.cumsum(steps).tolist()
    speech = [Interval(start, end) for start, end in zip(edges[::2], edges[1::2], strict=False)]
    return speech, (edges[-1] if edges else 0.0) + draw(st.floats(0.5, 5.0))


@given(chunks())
def test_windows_hold_all_speech_in_order(chunk: tuple[list[Interval], float]) -> None:
    """Each stretch lies in one piece of one window; pieces are sorted, apart, and within the chunk."""
    speech, seconds = chunk

    windows = pack_windows(speech, seconds)

    pieces = [piece for window in windows for piece in window.pieces]
    assert all(0 <= piece.start < piece.end <= seconds for piece in pieces)
    assert all(first.end < second.start for first, second in pairwise(pieces))
    for stretch in speech:
        assert any(piece.start <= stretch.start and stretch.end <= piece.end for piece in pieces)


@given(chunks())
def test_windows_are_as_long_as_the_model_takes(chunk: tuple[list[Interval], float]) -> None:
    """No two neighbours fit in one window, and only one stretch of speech is longer than a window."""
    windows = pack_windows(*chunk)

    assert all(window.duration <= WINDOW_S or len(window.pieces) == 1 for window in windows)
    assert all(left.duration + right.pieces[0].duration > WINDOW_S for left, right in pairwise(windows))


@given(chunks(), st.floats(0.0, 1.0), st.floats(0.0, 2.0))
def test_times_of_a_window_come_back_to_the_chunk(
    chunk: tuple[list[Interval], float], share: float, length: float
) -> None:
    """A word lies in one piece of its window, and later in the window is later in the chunk."""
    for window in pack_windows(*chunk):
        start, end = window.to_chunk(share * window.duration, share * window.duration + length)

        assert any(piece.start <= start and end <= piece.end for piece in window.pieces)
        assert window.to_chunk(0.0, 0.0)[0] == pytest.approx(window.pieces[0].start)


def test_speech_keeps_its_place_in_a_window() -> None:
    """Pieces of a window follow one another without the pause between them."""
    window = Window((Interval(1.0, 3.0), Interval(10.0, 12.0)))

    assert window.speech([Interval(0.5, 2.0), Interval(10.5, 11.0)]) == [
        Interval(0.0, 1.0),
        Interval(2.5, 3.0),
    ]
    assert window.to_chunk(2.5, 3.0) == (10.5, 11.0)
    pcm = np.arange(12 * SAMPLE_RATE_HZ, dtype=np.int16)
    assert np.array_equal(window.samples(pcm)[2 * SAMPLE_RATE_HZ :], pcm[10 * SAMPLE_RATE_HZ :])


def test_short_pauses_stay() -> None:
    """Only a long pause is shortened, and the edges of the speech are padded."""
    short, long = LONG_PAUSE_S - 0.1, LONG_PAUSE_S + 0.1
    (window,) = pack_windows([Interval(2, 3), Interval(3 + short, 6), Interval(6 + long, 9)], 20.0)

    assert window.pieces[0].start == pytest.approx(2 - SPEECH_PAD_S)
    assert [piece.start < 3 < piece.end for piece in window.pieces] == [True, False]
    assert window.duration < 9 - 2 + 2 * SPEECH_PAD_S


def test_a_second_around_the_speech_is_kept() -> None:
    """In a window of speech alone the language is mistaken; where there is less, the chunk stays whole."""
    assert pack_windows([Interval(5.0, 8.0)], 20.0) == [Window((Interval(4.0, 9.0),))]
    assert pack_windows([Interval(0.6, 3.4)], 4.1) == [Window((Interval(0.0, 4.1),))]


def test_without_known_speech_the_whole_chunk_is_one_window() -> None:
    """Speech may be anywhere."""
    assert pack_windows([], 12.5) == [Window((Interval(0.0, 12.5),))]
