"""The most likely path through the frames of a CTC model for a known text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LogProbs = NDArray[np.float32]
"""Natural logarithms of probabilities, shape (frames, labels)."""
BLANK_STATE = -1
"""In a path: a frame between two labels."""

_STAY, _STEP, _SKIP = 0, 1, 2


def best_path(log_probs: LogProbs, labels: Sequence[int], blank: int) -> list[int] | None:
    """
    Find the most likely CTC path for a row of labels (Viterbi).

    Args:
        log_probs: the output of the model, at least one frame.
        labels: columns of `log_probs`, in the order of the text, at least one; none is `blank`.
        blank: the column of CTC's blank.

    Returns:
        For each frame the position in `labels` of the label that it belongs to, or `BLANK_STATE`; every
        position appears, in order. None if there are too few frames, for equal neighbours need a blank
        between them.
    """
    states = np.full(2 * len(labels) + 1, blank)
    states[1::2] = labels
    may_skip = np.zeros(len(states), bool)
    may_skip[3::2] = states[3::2] != states[1:-2:2]
    score = np.full(len(states), -np.inf, np.float64)
    score[:2] = log_probs[0, states[:2]]
    moves = np.zeros((len(log_probs), len(states)), np.uint8)
    for frame in range(1, len(log_probs)):
        ways = np.full((3, len(states)), -np.inf)
        ways[_STAY] = score
        ways[_STEP, 1:] = score[:-1]
        ways[_SKIP, 2:] = np.where(may_skip[2:], score[:-2], -np.inf)
        moves[frame] = ways.argmax(axis=0)
        score = ways.max(axis=0) + log_probs[frame, states]
    state = len(states) - 1 if score[-1] >= score[-2] else len(states) - 2
    if score[state] == -np.inf:
        return None
    path = np.empty(len(log_probs), np.int64)
    for frame in reversed(range(len(log_probs))):
        path[frame] = state
        state -= int(moves[frame, state])
    return [int(state) // 2 if state % 2 else BLANK_STATE for state in path]
