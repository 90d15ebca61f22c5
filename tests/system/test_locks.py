"""Locks on files, as Linux and macOS and as Windows have them."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from audio_tools.system import locks
from audio_tools.system.locks import lock, try_lock
from tests.system.windows import _msvcrt

pytestmark = pytest.mark.skipif(os.name == "nt", reason="both kinds of locks are made of flock")


@pytest.fixture(autouse=True, params=["flock", "msvcrt", "msvcrt of Wine"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The system's own locks, then those of Windows."""
    if request.param != "flock":
        monkeypatch.setattr(locks, "_fcntl", None)
        monkeypatch.setattr(locks, "_msvcrt", _msvcrt(errno.EACCES if request.param == "msvcrt" else 0))


@pytest.fixture
def descriptors(tmp_path: Path) -> Iterator[tuple[int, int]]:
    """Two descriptors of one file with a text in it."""
    (tmp_path / "file").write_text("1234")
    pair = [os.open(tmp_path / "file", os.O_RDWR) for _ in range(2)]
    yield pair[0], pair[1]
    for descriptor in pair:
        try:
            os.close(descriptor)
        except OSError:
            pass


def test_a_lock_excludes_others_until_it_is_closed(descriptors: tuple[int, int]) -> None:
    """Also another descriptor of the same process."""
    first, second = descriptors

    assert try_lock(first)
    assert not try_lock(second)
    os.close(first)
    assert try_lock(second)


def test_a_locked_file_is_read_from_where_it_was(descriptors: tuple[int, int]) -> None:
    """The number of the process that holds a queue is read by the one that wants it."""
    first, second = descriptors
    os.lseek(second, 1, os.SEEK_SET)

    assert try_lock(first)
    assert not try_lock(second)
    assert os.read(second, 10) == b"234"


def test_waiting_for_a_lock(descriptors: tuple[int, int]) -> None:
    """It comes as soon as the other lets go."""
    first, second = descriptors
    lock(first)
    waiter = threading.Thread(target=lock, args=(second,), daemon=True)
    waiter.start()
    waiter.join(0.2)
    assert waiter.is_alive()

    os.close(first)
    waiter.join(30)

    assert not waiter.is_alive()


def test_a_system_without_locks_says_so(
    descriptors: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is taken for locked that is not."""
    monkeypatch.setattr(locks, "_fcntl", None)
    monkeypatch.setattr(locks, "_msvcrt", None)

    with pytest.raises(OSError, match="no file locks"):
        try_lock(descriptors[0])
