"""What asyncio leaves to its users."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def first_error_of(kind: type[Exception]) -> Iterator[None]:
    """
    Raise the first error of a task group instead of the group, if all its errors are of this kind.

    A group with any other error passes unchanged: that is a bug, and none of its tracebacks may be lost.
    Not written with `except*`: before Python 3.11.4 what its body raises is wrapped in a group again.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        _, others = group.split(kind)
        if others is not None:
            raise
        raise _first_leaf(group) from None


def _first_leaf(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
