"""What asyncio leaves to its users."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def run_to_completion(call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """
    Run a blocking call in a thread, to its end even if the caller is cancelled.

    The cancelled caller waits too: the thread may be writing to a descriptor that the caller is about to
    close, and the next file that is opened would get its number.
    """
    return await run_until_stopped(None, _no_stop, call, *args, **kwargs)


async def wait_uncancelled(task: asyncio.Future[T]) -> T:
    """Wait for a task to its end even if the caller is cancelled meanwhile; it is cancelled then."""
    return await _to_its_end(task, _no_stop)


async def run_until_stopped(
    executor: Executor | None,
    stop: Callable[[], None],
    call: Callable[P, T],
    *args: P.args,
    **kwargs: P.kwargs,
) -> T:
    """As `run_to_completion`, in a pool of threads; if the caller is cancelled, `stop` ends the call."""
    future = asyncio.get_running_loop().run_in_executor(executor, partial(call, *args, **kwargs))
    return await _to_its_end(future, stop)


async def _to_its_end(future: asyncio.Future[T], stop: Callable[[], None]) -> T:
    cancelled: asyncio.CancelledError | None = None
    while not future.done():
        try:
            await asyncio.wait([future])
        except asyncio.CancelledError as error:
            cancelled = error
            stop()
    if cancelled is not None:
        future.exception()  # Asked for, so that asyncio does not warn: the cancellation goes first.
        raise cancelled
    return future.result()


def _no_stop() -> None:
    """The call cannot be stopped early."""


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
