"""Arithmetic with spans: half-open ranges of whole numbers, `(start, end)` with `start` < `end`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

Span = tuple[int, int]
Table = NDArray[np.int64]
"""Spans as rows, shape (n, 2)."""


def as_spans(table: Table) -> list[Span]:
    """The rows of a table; without a list for each of them, which would cost more than the spans."""
    starts, ends = table.T.tolist()
    return list(zip(starts, ends, strict=True))


def merge(spans: Iterable[Span] | Table) -> list[Span]:
    """The union of spans in any order, sorted; spans that touch become one, empty ones are dropped."""
    given = spans if isinstance(spans, np.ndarray) else np.array([*spans], np.int64)
    table = given.reshape(-1, 2)
    table = table[table[:, 1] > table[:, 0]]
    if not len(table):
        return []
    table = table[np.argsort(table[:, 0], kind="stable")]
    starts, ends = table[:, 0], np.maximum.accumulate(table[:, 1])
    first = np.concatenate([[True], starts[1:] > ends[:-1]])
    last = np.concatenate([first[1:], [True]])
    return list(zip(starts[first].tolist(), ends[last].tolist(), strict=True))


def subtract(spans: Sequence[Span], holes: Sequence[Span]) -> list[Span]:
    """Return sorted, disjoint `spans` without sorted, disjoint `holes`."""
    left: list[Span] = []
    position = 0
    for span_start, end in spans:
        start = span_start
        while position < len(holes) and holes[position][1] <= start:
            position += 1
        ahead = position
        while ahead < len(holes) and holes[ahead][0] < end:
            if holes[ahead][0] > start:
                left.append((start, holes[ahead][0]))
            start = holes[ahead][1]
            ahead += 1
        if start < end:
            left.append((start, end))
    return left


def complement(spans: Sequence[Span], length: int) -> list[Span]:
    """Return `0..length` without sorted, disjoint spans."""
    return subtract([(0, length)], spans) if length > 0 else []
