"""Handle a full or closed standard output without a traceback."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from typing import Any, BinaryIO, TextIO, cast

import click


class _Told:
    """A stream, of text or bytes, that says in one sentence that it cannot be written."""

    def __init__(self, stream: TextIO | BinaryIO) -> None:
        self._stream: Any = stream

    @property
    def buffer(self) -> BinaryIO:
        """The stream of bytes below, to which click writes files."""
        return cast("BinaryIO", _Told(self._stream.buffer))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, data: str | bytes) -> int:
        with _errors_reported():
            return cast("int", self._stream.write(data))

    def flush(self) -> None:
        with _errors_reported():
            self._stream.flush()


@contextmanager
def _errors_reported() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno == errno.EPIPE:  # who read has seen enough; click ends quietly
            raise
        raise click.ClickException(f"Standard output cannot be written: {error.strerror}.") from None


@contextmanager
def stdout_errors_reported() -> Iterator[None]:
    """Raise ClickException where standard output cannot be written, and leave a closed pipe to click."""
    # Where it is closed Python has no stream, and click writes nothing without a word; this one fails.
    stream = sys.stdout or open(os.open(os.devnull, os.O_RDONLY), "w", encoding="utf-8")  # noqa: PTH123, SIM115
    try:
        with redirect_stdout(cast("TextIO", _Told(stream))):
            yield
    finally:
        _drop_what_is_left(stream)


def _drop_what_is_left(stream: TextIO) -> None:
    """Python would try to write it once more when it ends (its docs: signal, "Note on SIGPIPE")."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
