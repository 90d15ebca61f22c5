"""The Viterbi path of a CTC model: the best one there is, in order."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from audio_tools.alignment.ctc.viterbi import BLANK_STATE, best_path

BLANK = 0


@st.composite
def cases(draw: st.DrawFn) -> tuple[NDArray[np.float32], list[int]]:
    frames, columns = draw(st.integers(1, 7)), draw(st.integers(2, 4))
    seed = draw(st.integers(0, 2**32 - 1))
    logits = np.random.default_rng(seed).normal(0, 3, (frames, columns))
    log_probs = (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))).astype(np.float32)
    labels = draw(st.lists(st.integers(1, columns - 1), min_size=1, max_size=4))
    return log_probs, labels


def collapse(row: tuple[int, ...]) -> list[int]:
    """What a row of columns says by the rules of CTC."""
    return [label for label, _ in itertools.groupby(row) if label != BLANK]


@given(cases())
def test_no_other_path_is_likelier(case: tuple[NDArray[np.float32], list[int]]) -> None:
    """Compared with every row of columns that says the text."""
    log_probs, labels = case
    rows = itertools.product(range(log_probs.shape[1]), repeat=len(log_probs))
    scores = [sum(log_probs[t, c] for t, c in enumerate(row)) for row in rows if collapse(row) == labels]

    path = best_path(log_probs, labels, BLANK)

    if path is None:
        assert scores == []
        return
    columns = [BLANK if position == BLANK_STATE else labels[position] for position in path]
    found = sum(log_probs[frame, column] for frame, column in enumerate(columns))
    assert found == pytest.approx(max(scores), abs=1e-4)


@given(cases())
def test_every_label_appears_in_order(case: tuple[NDArray[np.float32], list[int]]) -> None:
    """The path never goes back, leaves nothing out, and says the text."""
    log_probs, labels = case

    path = best_path(log_probs, labels, BLANK)

    if path is not None:
        positions = [position for position in path if position != BLANK_STATE]
        assert positions == sorted(positions)
        assert sorted(set(positions)) == list(range(len(labels)))
        assert collapse(tuple(BLANK if p == BLANK_STATE else labels[p] for p in path)) == labels


def test_too_few_frames_have_no_path() -> None:
    """Equal neighbours need a blank between them."""
    assert best_path(np.zeros((2, 2), np.float32), [1, 1], BLANK) is None
    assert best_path(np.zeros((3, 2), np.float32), [1, 1], BLANK) == [0, BLANK_STATE, 1]
