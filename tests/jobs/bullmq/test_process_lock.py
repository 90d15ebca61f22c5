"""The places of processes: who died, who lives."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from audio_tools.errors import ConfigError, QueueUnavailable
from audio_tools.jobs.bullmq.process_lock import ProcessLock


def test_a_place_keeps_its_name(tmp_path: Path) -> None:
    """The next process gets the name of the one that has gone; two at a time have two."""
    first, second = ProcessLock(tmp_path), ProcessLock(tmp_path)
    names = [first.name, second.name]
    first.close()
    second.close()

    again = ProcessLock(tmp_path)

    assert len(set(names)) == 2
    assert again.dead == names
    other = ProcessLock(tmp_path)  # no other process sees a place as dead while it is being cleared
    assert other.name not in names
    again.release_dead()
    last = ProcessLock(tmp_path)
    assert (again.name, again.dead, last.name) == (names[0], [], names[1])
    for slot in (again, other, last):
        slot.close()


def test_a_folder_that_cannot_be_is_refused(tmp_path: Path) -> None:
    """A file where the folder should be: the error names DATA_DIR."""
    (tmp_path / "file").write_text("")

    with pytest.raises(ConfigError, match="file") as refused:
        ProcessLock(tmp_path / "file")
    assert "DATA_DIR" in refused.value.hint


def test_a_folder_that_has_gone_is_noticed(tmp_path: Path) -> None:
    """A drive that is not mounted any more leaves an empty folder; it is fine again when it is back."""
    (tmp_path / "drive").mkdir()
    mount = tmp_path / "mount"
    mount.symlink_to(tmp_path / "drive")
    slot = ProcessLock(mount)
    slot.require_folder()
    mount.unlink()
    mount.mkdir()

    with pytest.raises(QueueUnavailable, match="was replaced or unmounted") as refused:
        slot.require_folder()

    assert "DATA_DIR" in refused.value.hint
    mount.rmdir()
    mount.symlink_to(tmp_path / "drive")
    slot.require_folder()
    slot.close()


def test_a_place_is_not_inherited(tmp_path: Path) -> None:
    """A child process that outlives us does not keep it."""
    slot = ProcessLock(tmp_path)
    assert not any(os.get_inheritable(lock) for lock in slot._locks)
    slot.close()
