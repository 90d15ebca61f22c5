"""The tree of errors at the head of `audio_tools.errors` is that of the classes."""

from __future__ import annotations

import re
from collections.abc import Iterator

from audio_tools import errors
from audio_tools.errors import AudioToolsError

ROW = re.compile(r"^ {4}([│├└─ ]+)([A-Z]\w+) +(\d{3})(.*)$", re.MULTILINE)
Row = tuple[str, str, int, bool]
"""Base, name, status and whether the error is retryable."""


def classes(base: type[AudioToolsError] = AudioToolsError) -> Iterator[Row]:
    for kind in base.__subclasses__():
        if kind.__module__.startswith(errors.__name__):
            yield base.__name__, kind.__name__, kind.status, kind.retryable
            yield from classes(kind)


def tree(text: str) -> Iterator[Row]:
    path = [AudioToolsError.__name__]
    for lead, name, status, about in ROW.findall(text):
        path[len(lead) // 3 :] = [name]
        yield path[-2], name, int(status), "retryable" in about


def test_the_tree_lists_every_error() -> None:
    """Each below its base, with its status and whether it is retryable."""
    assert sorted(tree(errors.__doc__ or "")) == sorted(classes())


def test_every_error_is_imported_from_the_package() -> None:
    """`from audio_tools.errors import X` works for all; no other module needs the parts."""
    assert {name for _, name, _, _ in classes()} <= set(errors.__all__)
