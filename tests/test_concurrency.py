"""One error out of a task group."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path

import pytest

import audio_tools
from audio_tools.concurrency import first_error_of


async def fail(error: Exception) -> None:
    raise error


async def test_the_first_error_of_a_kind_leaves_its_group() -> None:
    """Callers catch the error itself, however deep task groups are nested."""
    with pytest.raises(LookupError, match="first"), first_error_of(LookupError):
        async with asyncio.TaskGroup() as outer:
            outer.create_task(fail(KeyError("first")))
            async with asyncio.TaskGroup() as inner:
                inner.create_task(fail(IndexError("second")))


async def test_a_group_with_another_error_stays_whole() -> None:
    """A bug keeps its traceback, also beside an error that is expected."""
    with pytest.raises(ExceptionGroup) as failed, first_error_of(LookupError):
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fail(KeyError()))
            tasks.create_task(fail(ZeroDivisionError()))

    assert failed.value.subgroup(ZeroDivisionError)


async def test_other_errors_pass() -> None:
    """Only groups are opened."""
    with pytest.raises(asyncio.CancelledError), first_error_of(LookupError):
        raise asyncio.CancelledError


def test_the_package_does_without_except_star() -> None:
    """Before Python 3.11.4 an exception raised in an `except*` block ends in another group."""
    sources = Path(audio_tools.__file__).parent.rglob("*.py")

    assert [path for path in sources if "except*" in path.read_text() and _has_try_star(path)] == []


def _has_try_star(path: Path) -> bool:
    return any(
        isinstance(node, ast.TryStar) for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
    )
