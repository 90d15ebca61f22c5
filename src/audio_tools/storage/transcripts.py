"""Finished transcripts as files under `DATA_DIR`."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

from audio_tools.audio.peaks import Peaks
from audio_tools.storage.chunk_cache import PART_S
from audio_tools.storage.local import write_atomically
from audio_tools.transcript import Transcript


class TranscriptStore:
    """Finished transcripts by job id, a JSON file and a waveform each under `DATA_DIR/transcripts`."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir / "transcripts"

    def put(self, job_id: str, transcript: Transcript) -> None:
        """
        Store a transcript. Blocks; call it in a worker thread.

        Raises:
            DiskFull, StorageError: it was not stored.
        """
        if transcript.peaks:
            write_atomically(self.peaks_path(job_id), Peaks.of(transcript.peaks).to_dat())
        try:
            write_atomically(self.path(job_id), transcript.to_json_text())
        except BaseException:
            with suppress(OSError):
                if not self.path(job_id).exists():  # another process may have stored both
                    self.peaks_path(job_id).unlink(missing_ok=True)
            raise

    def get(self, job_id: str) -> Transcript:
        """
        Read a transcript. Blocks; call it in a worker thread.

        Raises:
            FileNotFoundError: there is no transcript.
        """
        return Transcript.from_json_text(self.path(job_id).read_bytes())

    def remove(self, job_id: str) -> None:
        """Remove a transcript and its peaks if there are any."""
        self.path(job_id).unlink(missing_ok=True)
        self.peaks_path(job_id).unlink(missing_ok=True)

    def sweep(self, older_than_s: float) -> list[str]:
        """
        Remove temporary files of a crash, and return the job ids of transcripts of at least this age in
        seconds.

        The caller checks in the queue whether the job still exists. Blocks briefly.
        """
        limit = time.time() - older_than_s
        old = set()
        for path in self._folder.glob("*"):
            with suppress(OSError):
                changed_at = path.stat().st_mtime
                if path.suffix == ".part":
                    if changed_at < time.time() - PART_S:
                        path.unlink()
                elif changed_at <= limit:
                    old.add(path.stem)
        return sorted(old)

    def peaks(self, job_id: str) -> Peaks:
        """
        Read the waveform of a job. Blocks for a moment: for a worker thread.

        Raises:
            FileNotFoundError: there is no transcript.
        """
        return Peaks.from_dat(self.peaks_path(job_id).read_bytes())

    def peaks_path(self, job_id: str) -> Path:
        """The file of a job's waveform; `job_id` as for `path`."""
        return self._folder / f"{job_id}.dat"

    def path(self, job_id: str) -> Path:
        """Path of a job's transcript; `job_id` must come from the queue, never from a client."""
        return self._folder / f"{job_id}.json"
