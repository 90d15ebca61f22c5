"""Finished transcripts with their waveforms."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from audio_tools.audio.peaks import Peaks
from audio_tools.storage.base import Blobs
from audio_tools.storage.chunk_cache import PART_S
from audio_tools.storage.local import LocalBlobs
from audio_tools.storage.peak_recorder import PeakRecorder
from audio_tools.transcript import Transcript


class TranscriptStore:
    """
    Finished transcripts by job id, a JSON blob and a waveform each. Job ids must come from the queue, never
    from a client. The methods block: call them in a worker thread.

    Args:
        place: where they are: a data folder, or blobs elsewhere.
    """

    def __init__(self, place: Path | Blobs) -> None:
        self._blobs = LocalBlobs(place / "transcripts") if isinstance(place, Path) else place

    def peak_recorder(self, job_id: str) -> PeakRecorder:
        """The recorder for the waveform of a job that runs."""
        return PeakRecorder(self._blobs, _growing(job_id))

    def put(self, job_id: str, transcript: Transcript, peaks: PeakRecorder | None = None) -> None:
        """
        Store a transcript, with the waveform that was recorded.

        Raises:
            DiskFull, StorageError: it was not stored.
        """
        if peaks is not None and (recorded := peaks.recorded()) is not None:
            self._blobs.put(_peaks(job_id), recorded.to_dat())
        try:
            self._blobs.put(_words(job_id), transcript.to_json_text())
        except BaseException:
            with suppress(OSError):
                if not self.exists(job_id):  # another process may have stored both
                    self._blobs.remove(_peaks(job_id))
            raise
        if peaks is not None:
            peaks.discard()

    def get(self, job_id: str) -> Transcript:
        """Read a transcript. Raises FileNotFoundError: there is none."""
        return Transcript.from_json_text(self._blobs.get(_words(job_id)))

    def open(self, job_id: str) -> BinaryIO:
        """Open the JSON of a transcript for reading. Raises FileNotFoundError: there is none."""
        return self._blobs.open(_words(job_id))

    def exists(self, job_id: str) -> bool:
        """Whether there is a transcript of a job."""
        try:
            self._blobs.status(_words(job_id))
        except FileNotFoundError:
            return False
        return True

    def peaks(self, job_id: str) -> Peaks:
        """Read the waveform of a job. Raises FileNotFoundError: there is none."""
        return Peaks.from_dat(self._blobs.get(_peaks(job_id)))

    def partial_peaks(self, job_id: str) -> Peaks:
        """Read the waveform of a job that runs, as far as it is. Raises FileNotFoundError: there is none."""
        recorded = self.peak_recorder(job_id).recorded()
        # None: it may have been completed a moment ago.
        return self.peaks(job_id) if recorded is None else recorded

    def remove(self, job_id: str) -> None:
        """Remove a transcript and its peaks if there are any."""
        for name in (_words(job_id), _peaks(job_id), _growing(job_id)):
            self._blobs.remove(name)

    def sweep(self, older_than_s: float) -> list[str]:
        """
        Remove what a crash left half-written, and return the job ids of transcripts of at least this age in
        seconds.

        The caller checks in the queue whether the job still exists.
        """
        self._blobs.clean(PART_S)
        limit = time.time() - older_than_s
        return sorted({Path(blob.name).stem for blob in self._blobs.list() if blob.used_at <= limit})


def _words(job_id: str) -> str:
    return f"{job_id}.json"


def _peaks(job_id: str) -> str:
    return f"{job_id}.dat"


def _growing(job_id: str) -> str:
    return f"{job_id}.peaks"
