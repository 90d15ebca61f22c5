"""Files, with and without the calls that Windows lacks."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from audio_tools.system import files
from audio_tools.system.files import (
    open_binary,
    read_at,
    replace_file,
    sync_data,
    sync_file,
    sync_folder,
    write_at,
)


@pytest.fixture(autouse=True, params=["with", "without"])
def calls(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What this system has, then what Windows has."""
    if request.param == "without":
        for name in ("pread", "pwrite", "fdatasync", "O_DIRECTORY"):
            monkeypatch.delattr(os, name, raising=False)


def test_bytes_stay_where_they_were_written(tmp_path: Path) -> None:
    """At any offset, in any order, line ends and zeros unchanged."""
    descriptor = open_binary(tmp_path / "file", os.O_RDWR | os.O_CREAT | os.O_EXCL)
    try:
        assert write_at(descriptor, memoryview(b"\r\n\0end"), 4) == 6
        assert write_at(descriptor, b"abcd", 0) == 4
        sync_data(descriptor)

        assert read_at(descriptor, 100, 2) == b"cd\r\n\0end"
        assert read_at(descriptor, 100, 10) == b""
    finally:
        os.close(descriptor)
    sync_file(tmp_path / "file")
    sync_folder(tmp_path)
    assert (tmp_path / "file").read_bytes() == b"abcd\r\n\0end"


def test_a_file_that_a_virus_scanner_has_open_is_replaced_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Windows refuses to replace an open file; scanners open fresh ones for a moment."""
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "old").write_bytes(b"old")
    refusals = 3
    replace = Path.replace

    def refuse(source: Path, target: Path) -> Path:
        nonlocal refusals
        refusals -= 1
        if refusals >= 0:
            raise PermissionError(errno.EACCES, "Access denied")
        return replace(source, target)

    monkeypatch.setattr(files, "OPEN_FILES_CAN_BE_RENAMED", False)
    monkeypatch.setattr(Path, "replace", refuse)

    replace_file(tmp_path / "new", tmp_path / "old")

    assert [path.name for path in tmp_path.iterdir()] == ["old"]
    assert (tmp_path / "old").read_bytes() == b"new"


def test_a_file_that_cannot_be_replaced_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """At once where an open file is no obstacle, after a second on Windows."""

    def refuse(source: Path, target: Path) -> Path:
        raise PermissionError(errno.EACCES, "Access denied")

    monkeypatch.setattr(files, "RETRY_S", 0.0)
    monkeypatch.setattr(Path, "replace", refuse)
    for renamed in (True, False):
        monkeypatch.setattr(files, "OPEN_FILES_CAN_BE_RENAMED", renamed)
        with pytest.raises(PermissionError):
            replace_file(tmp_path / "new", tmp_path / "old")
