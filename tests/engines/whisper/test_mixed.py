"""A chunk is cut where its language changes, and only there."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from audio_tools.engines.whisper.mixed import split_by_language
from audio_tools.transcript import Interval

SECONDS = 10.0
TWO = [Interval(0.5, 4.0), Interval(4.2, 9.5)]
THREE = [Interval(0.5, 3.0), Interval(3.2, 6.0), Interval(6.6, 9.5)]
Answer = tuple[str, float]


def split(speech: Sequence[Interval], *found: Answer, confirmed: Sequence[Answer] = ()) -> list[Interval]:
    """Split where the detector gives these answers in turn, and the same again where it is to confirm."""
    first, second = iter(found), iter(confirmed or found)
    return split_by_language(speech, SECONDS, lambda _: next(first), lambda _: next(second))


def test_two_languages_are_cut_in_the_pause_between_them() -> None:
    """Each stretch reaches to the middle of the pause."""
    assert split(TWO, ("es", 0.9), ("en", 0.95)) == [Interval(0.0, 4.1), Interval(4.1, SECONDS)]


def test_neighbours_in_one_language_stay_together() -> None:
    """Of three parts the first two are one stretch."""
    stretches = split(THREE, ("es", 0.9), ("es", 0.9), ("en", 0.95), confirmed=[("es", 0.9), ("en", 0.9)])

    assert stretches == [Interval(0.0, 6.3), Interval(6.3, SECONDS)]


def test_one_language_is_not_cut() -> None:
    """Nor are two that Whisper confuses, one that is uncertain, or one that the whole stretch contradicts."""
    whole = [Interval(0.0, SECONDS)]

    assert split(TWO, ("es", 0.9), ("es", 0.9)) == whole
    assert split(TWO, ("no", 0.9), ("da", 0.9)) == whole
    assert split(TWO, ("es", 0.9), ("el", 0.52)) == whole
    assert split(TWO, ("es", 0.9), ("en", 0.9), confirmed=[("es", 0.9), ("es", 0.9)]) == whole
    assert split(TWO, ("es", 0.9), ("en", 0.9), confirmed=[("es", 0.9), ("en", 0.55)]) == whole
    assert split([]) == whole


def test_an_uncertain_part_belongs_to_its_likeliest_language() -> None:
    """Although the pause before it is the shorter one."""
    stretches = split(THREE, ("es", 0.9), ("en", 0.55), ("en", 0.95), confirmed=[("es", 0.9), ("en", 0.9)])

    assert stretches == [Interval(0.0, 3.1), Interval(3.1, SECONDS)]


def test_a_short_word_is_no_evidence() -> None:
    """A second of speech alone is not even asked about."""
    assert split([Interval(0.5, 8.0), Interval(8.3, 9.3)]) == [Interval(0.0, SECONDS)]


edges = st.lists(st.floats(0.0, SECONDS), min_size=2, max_size=16, unique=True).map(sorted)
answers = st.tuples(st.sampled_from(["en", "es", "pt", "ja"]), st.sampled_from([0.4, 0.9]))


@given(edges=edges, found=st.lists(answers, min_size=32, max_size=32))
def test_stretches_are_the_chunk_cut_in_pauses(edges: list[float], found: list[Answer]) -> None:
    """Whatever is detected, no sample is lost or doubled, and no cut is in speech."""
    speech = [Interval(start, end) for start, end in zip(edges[::2], edges[1::2], strict=False)]
    answer = iter(found * 2)

    stretches = split_by_language(speech, SECONDS, lambda _: next(answer), lambda _: next(answer))

    assert (stretches[0].start, stretches[-1].end) == (0.0, SECONDS)
    for one, other in pairwise(stretches):
        assert one.end == other.start
        assert not any(each.start < one.end < each.end for each in speech)
