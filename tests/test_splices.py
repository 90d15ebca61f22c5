"""The material of the benchmark of word times, and how it counts."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from benchmarks.bench_truth import order_changes
from benchmarks.splices import KINDS, TUNING, Labelled, Said, in_parts, join, read_labelled, splices

from audio_tools.transcript import Word
from tests.wer import count_errors

WORDS = ("one", "two", "three", "four")
SAID = tuple(Said(word, 0.2 + 0.5 * n, 0.6 + 0.5 * n) for n, word in enumerate(WORDS))


@pytest.fixture
def tone() -> Labelled:
    """Four words, each a burst of tone."""
    pcm = np.zeros(40_000, np.int16)
    for said in SAID:
        first, behind = round(said.start * 16_000), round(said.end * 16_000)
        pcm[first:behind] = 8000 * np.sin(np.arange(behind - first) * 0.05)
    return Labelled("tone", pcm, SAID)


def test_each_splice_is_labelled_and_the_same_each_time(tone: Labelled) -> None:
    """Every word has sound at its new time, in order, whatever was put before it."""
    made, again = splices([tone], 24), splices([tone], 24)

    assert {piece.name.split(", ")[1] for piece in made} == set(KINDS)
    for piece, same in zip(made, again, strict=True):
        assert np.array_equal(piece.pcm, same.pcm)
        assert all(a.end <= b.start + 1e-6 for a, b in pairwise(piece.truth))
        for said in piece.truth:
            middle = round((said.start + said.end) / 2 * 16_000)
            assert np.abs(piece.pcm[middle - 800 : middle + 800]).max() > 500
        assert len(piece.truth) >= len(SAID)


def test_joined_material_and_its_parts_keep_every_word(tone: Labelled) -> None:
    """Joined recordings and their parts contain every word once, in order."""
    joined = join([tone] * 6, "six")
    parts = list(in_parts(joined))

    assert [said.word for said in joined.truth] == [said.word for said in SAID] * 6
    assert sum(len(part.truth) for part in parts) == 24
    assert sum(len(part.pcm) for part in parts) == len(joined.pcm)


def test_at_least_two_hundred_splices_come_of_the_recordings(speech: Path) -> None:
    """Of labelled speech, half of them to tune on."""
    made = splices([read_labelled(speech, name) for name in TUNING], 102)

    assert len(made) == 102
    assert len({piece.pcm.tobytes() for piece in made}) > 95  # a word may be repeated at one place twice


def test_only_a_swap_of_neighbours_is_another_order() -> None:
    """A word that is missing and one that is added are errors of another kind."""
    swapped = [Word(word, n, n + 1) for n, word in enumerate(["one", "three", "two", "four"])]
    missing = [Word(word, n, n + 1) for n, word in enumerate(["one", "three", "four", "two"])]

    assert order_changes(SAID, swapped) == 1
    assert order_changes(SAID, missing[:3]) == 0


def test_marks_count_where_they_are_asked_for() -> None:
    """A space before an apostrophe or a hyphen is an error that a reader sees."""
    assert count_errors("It’s cold-hearted.", "it's cold hearted").wrong == 0
    assert count_errors("It’s cold-hearted.", "It's cold-hearted.", marks=True).wrong == 0
    assert count_errors("It's cold-hearted.", "It 's cold -hearted.", marks=True).wrong == 4
