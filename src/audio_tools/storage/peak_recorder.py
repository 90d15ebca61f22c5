"""The waveform of a job that runs: stored as it is measured, so that every process can read it meanwhile."""

from __future__ import annotations

from contextlib import suppress

from audio_tools.audio.peaks import Peaks
from audio_tools.errors import DiskFull, StorageError
from audio_tools.storage.base import Blobs


class PeakRecorder:
    """
    A `PeakSink` that appends to the blob `name`: a byte with the number of channels, then the pairs.

    Memory stays flat. Storage that fails does not stop the job: what cannot be stored is kept, and stored
    with what follows.
    """

    def __init__(self, blobs: Blobs, name: str) -> None:
        self._blobs, self._name = blobs, name
        self._unwritten = bytearray()
        self._written = 0

    def begin(self, n_channels: int) -> None:
        """Start the waveform, in place of one of an earlier attempt."""
        self._unwritten = bytearray([n_channels])
        self._written = 0

    def write(self, pairs: bytes) -> None:
        """Take the next pairs."""
        self._unwritten += pairs

    def flush(self) -> None:
        """Store what has been taken, if it can be."""
        with suppress(StorageError):
            self._store()

    def recorded(self) -> Peaks | None:
        """
        Return what there is, None without any; also what another process has recorded.

        Raises:
            DiskFull: the rest cannot be stored.
        """
        try:
            self._store()
            data = self._blobs.get(self._name)
        except DiskFull:
            raise
        except (FileNotFoundError, StorageError):
            return None
        return Peaks.of(data[1:], data[0]) if len(data) > 1 else None

    def discard(self) -> None:
        """Remove what was stored, unless another process has started the waveform anew."""
        self._unwritten.clear()
        with suppress(FileNotFoundError):
            if self._blobs.status(self._name).size == self._written:
                self._blobs.remove(self._name)

    def _store(self) -> None:
        if self._unwritten:
            self._blobs.append(self._name, bytes(self._unwritten), self._written)
            self._written += len(self._unwritten)
            self._unwritten.clear()
