"""Files, with and without the calls that Windows lacks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from audio_tools.system.files import open_binary, read_at, sync_data, sync_file, sync_folder, write_at


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
