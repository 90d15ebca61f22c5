"""The contract of blobs, for each place that keeps them, and stores that are built on it."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from audio_tools.errors import StorageError
from audio_tools.storage.base import Blobs
from audio_tools.storage.local import LocalBlobs
from audio_tools.testing import MemoryBlobs


@pytest.fixture(params=["local", "memory"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    """Where blobs are kept."""
    return LocalBlobs(tmp_path / "blobs") if request.param == "local" else MemoryBlobs()


def test_a_stored_value_is_read_replaced_and_removed(blobs: Blobs) -> None:
    """By its name, which may have folders; removing it twice is no error."""
    blobs.put("ab/abcd.json", b"old")
    blobs.put("ab/abcd.json", b"new value")

    assert blobs.get("ab/abcd.json") == b"new value"
    assert blobs.status("ab/abcd.json").size == 9
    blobs.remove("ab/abcd.json")
    blobs.remove("ab/abcd.json")
    assert list(blobs.list()) == []


def test_a_value_that_grows_is_read_meanwhile(blobs: Blobs) -> None:
    """A writer that was overtaken by another one, which has started it anew, is refused."""
    blobs.append("a", b"first", 0)
    blobs.append("a", b", second", 5)
    seen = blobs.get("a")
    blobs.append("a", b"anew", 0)

    assert seen == b"first, second"
    for name in ("a", "nowhere"):
        with pytest.raises(StorageError):
            blobs.append(name, b", third", 13)
    assert blobs.get("a") == b"anew"
    assert [blob.name for blob in blobs.list()] == ["a"]


def test_a_missing_blob_raises_file_not_found(blobs: Blobs) -> None:
    """Readers decide what that means; only `touch` and `remove` do not mind."""
    for read in (blobs.get, blobs.open, blobs.status):
        with pytest.raises(FileNotFoundError):
            read("nowhere")
    blobs.touch("nowhere")

    assert list(blobs.list()) == []


def test_an_open_blob_is_read_to_its_end_after_it_was_replaced(blobs: Blobs) -> None:
    """A transcript is streamed while its job is deleted or runs again."""
    blobs.put("a", b"first")
    with blobs.open("a") as file:
        blobs.put("a", b"second")

        assert file.read() == b"first"


def test_blobs_are_listed_with_size_and_age(blobs: Blobs) -> None:
    """Stores sweep by age, and touching a blob renews it."""
    blobs.put("a", b"1")
    blobs.put("b/c", b"22")
    before = blobs.status("a").used_at
    blobs.touch("a")

    assert {(blob.name, blob.size) for blob in blobs.list()} == {("a", 1), ("b/c", 2)}
    assert blobs.status("a").used_at >= before
    assert abs(blobs.status("a").used_at - time.time()) < 60


def test_half_written_files_are_no_blobs_and_are_cleaned_by_age(tmp_path: Path) -> None:
    """Another process may be writing a young one."""
    blobs = LocalBlobs(tmp_path)
    young, old = tmp_path / ".young.part", tmp_path / ".old.part"
    for half in (young, old):
        half.write_bytes(b"half")
    past = time.time() - 1000
    os.utime(old, (past, past))

    assert list(blobs.list()) == []
    assert blobs.clean(500) == 1
    assert list(tmp_path.iterdir()) == [young]


def test_a_blob_that_cannot_be_read_is_a_storage_error(tmp_path: Path) -> None:
    """It is not taken for absent."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(StorageError, match="Cannot read"):
        LocalBlobs(tmp_path).get("folder")
