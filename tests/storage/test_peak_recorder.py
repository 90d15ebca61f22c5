"""The waveform of a running job: what one process records, another one reads meanwhile."""

from __future__ import annotations

import errno
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_tools.errors import DiskFull
from audio_tools.storage.local import LocalBlobs
from audio_tools.storage.peak_recorder import PeakRecorder
from audio_tools.testing import MemoryBlobs

NAME = "job.peaks"


@given(st.integers(1, 8), st.lists(st.tuples(st.integers(0, 40), st.booleans()), max_size=8))
def test_a_reader_has_every_whole_pixel_that_was_flushed(
    n_channels: int, writes: list[tuple[int, bool]]
) -> None:
    """However the pairs are cut up."""
    blobs = MemoryBlobs()
    recorder, reader = PeakRecorder(blobs, NAME), PeakRecorder(blobs, NAME)
    recorder.begin(n_channels)
    written = flushed = b""
    for size, flush in writes:
        data = bytes((len(written) + at) % 128 for at in range(size))
        recorder.write(data)
        written += data
        if flush:
            recorder.flush()
            flushed = written
        seen = reader.recorded()
        whole = len(flushed) // (2 * n_channels) * 2 * n_channels
        assert (b"" if seen is None else seen.pairs.tobytes()) == flushed[:whole]


def test_a_full_disk_costs_nothing_but_time(tmp_path: Path) -> None:
    """What could not be stored is stored once there is room, also where the disk took a part of it."""
    blobs = LocalBlobs(tmp_path)
    recorder = PeakRecorder(blobs, NAME)
    recorder.begin(1)
    recorder.write(bytes([1, 2]))
    recorder.flush()
    full = OSError(errno.ENOSPC, "No space left on device")
    recorder.write(bytes([3, 4]))
    with mock.patch.object(Path, "open", side_effect=full):
        recorder.flush()
        with pytest.raises(DiskFull):
            recorder.recorded()

    found = recorder.recorded()
    assert found is not None
    assert found.pairs.ravel().tolist() == [1, 2, 3, 4]


def test_an_overtaken_attempt_leaves_the_new_one_alone() -> None:
    """A worker that has lost its job neither appends to the waveform of the next one nor removes it."""
    blobs = MemoryBlobs()
    old, new = PeakRecorder(blobs, NAME), PeakRecorder(blobs, NAME)
    for recorder, pairs in ((old, bytes(10)), (new, bytes(20))):
        recorder.begin(1)
        recorder.write(pairs)
        recorder.flush()
    old.write(bytes(2))
    old.flush()
    old.discard()
    found = new.recorded()
    new.discard()

    assert found is not None
    assert len(found.pairs) == 10
    assert list(blobs.list()) == []
