"""Words before a pause end with their sound."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.transcript import Interval, Timing, Word
from audio_tools.words.ends import end_with_sound, lengthen_cut_off

SPEECH = [Interval(0.0, 4.0), Interval(5.0, 9.0)]


def ends(
    *words: tuple[float, float],
    sound_until: float,
    hesitations: tuple[Interval, ...] = (),
    timing: Timing = "engine",
) -> list[float]:
    """The ends of words of five letters in a chunk of 10 s, in whose gaps there is sound until a time."""
    row = [Word("scrap", start, end, timing=timing) for start, end in words]
    lengthened = lengthen_cut_off(
        row, SPEECH, hesitations, 10.0, lambda word, until, _: max(word.end, min(sound_until, until))
    )
    return [word.end for word in lengthened]


def test_only_aligned_words_before_a_pause_end_with_their_sound() -> None:
    """Within connected speech the next word decides; the times of engines stay."""
    words = [
        Word("one", 1.0, 1.5, timing="aligned"),
        Word("two", 1.5, 2.0, timing="aligned"),
        Word("three", 3.0, 3.5, timing="engine"),
        Word("four", 4.0, 4.06, timing="aligned"),
    ]

    ended = end_with_sound(words, lambda stretch: stretch.start + 0.03)

    assert [word.end for word in ended] == pytest.approx([1.5, 1.54, 3.5, 4.04])


@pytest.mark.parametrize("timing", ["engine", "aligned"])
def test_a_word_that_was_cut_off_ends_with_its_sound(timing: Timing) -> None:
    """Engines end `scratch` before its last consonant, and a cut there clips the word."""
    assert ends((1.0, 1.3), (2.5, 2.9), sound_until=1.6, timing=timing) == [1.6, 2.9]
    assert ends((7.0, 7.3), sound_until=7.6, timing=timing) == [7.6]


def test_an_estimated_word_stays() -> None:
    """Neither of its times is known."""
    assert ends((1.0, 1.3), (2.5, 2.9), sound_until=1.6, timing="estimated") == [1.3, 2.9]


def test_a_sound_that_no_pause_follows_is_not_the_word() -> None:
    """It reaches to the next word, as one that the engine left out does, or to a hesitation."""
    assert ends((1.0, 1.3), (1.7, 2.0), sound_until=1.65) == [1.3, 2.0]
    assert ends((1.0, 1.3), sound_until=1.6, hesitations=(Interval(1.6, 1.9),)) == [1.3]


def test_no_word_becomes_longer_than_its_letters_allow() -> None:
    """Five letters last 0.75 s at most; a sound that is longer is something else."""
    assert ends((1.0, 1.3), sound_until=1.74) == [1.74]
    assert ends((1.0, 1.3), sound_until=1.8) == [1.3]


def test_no_word_reaches_into_a_silence() -> None:
    """The detector decides where silences begin; no silence becomes shorter."""
    assert ends((3.5, 3.8), sound_until=4.2) == [4.0]
    assert ends((4.2, 4.4), sound_until=4.6) == [4.4]


times = st.lists(
    st.floats(0.0, 10.0).map(lambda value: round(value, 2)), unique=True, min_size=2, max_size=20
).map(sorted)


def intervals(edges: list[float]) -> list[Interval]:
    return [Interval(start, end) for start, end in zip(edges[::2], edges[1::2], strict=False)]


@given(
    spans=times,
    speech=times,
    pauses=times,
    found=st.lists(st.floats(0.0, 1.0), min_size=20, max_size=20),
    timings=st.lists(st.sampled_from(["engine", "aligned", "estimated"]), min_size=10, max_size=10),
)
def test_words_keep_their_order_their_starts_and_the_silences(
    spans: list[float], speech: list[float], pauses: list[float], found: list[float], timings: list[Timing]
) -> None:
    """Wherever sounds end: no word becomes shorter, meets the next, or covers more of a pause than before."""
    words = [Word("word", s.start, s.end, timing=t) for s, t in zip(intervals(spans), timings, strict=False)]
    places = iter(found)

    after = lengthen_cut_off(
        words,
        intervals(speech),
        intervals(pauses),
        10.0,
        lambda word, until, _: word.end + (until - word.end) * next(places),
    )

    assert [(w.word, w.start, w.timing) for w in after] == [(w.word, w.start, w.timing) for w in words]
    assert all(new.end >= old.end for new, old in zip(after, words, strict=True))
    assert all(a.end <= b.start for a, b in pairwise(after))
    for new, old in zip(after, words, strict=True):
        if new.end > old.end:
            assert any(s.start < old.end and new.end <= s.end for s in intervals(speech))
            assert not any(h.start < new.end and old.end < h.end for h in intervals(pauses))
