"""Progress of a job, which never decreases, and the estimated remaining time."""

from __future__ import annotations

import time

from audio_tools.events import Progress, Publish, Stage, Waiting

DECODE_SHARE = 3.0
"""Share of decoding in the progress, in percent; the rest is transcription."""
MOST_BEFORE_END = 99.0
LEAST_FOR_ETA = 0.01
"""No estimate of the remaining time before the engine has answered for this share of the audio."""


class ProgressTracker:
    """Tracks the audio of one job and publishes `Progress`; call `expect` before the first chunk."""

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._progress = 0.0
        self._percent_here = -1
        self._transcribing = False
        self._seconds_answered = 0.0
        self._waiting: Waiting | None = None
        self.expect(None, 0)
        self.start_pass()

    def expect(self, duration: float | None, chunks: int, channels: int = 1) -> None:
        """
        Set what is known of the file: its length in seconds or None, the estimated number of chunks of each
        channel, and the number of channels that are transcribed.
        """
        self._duration = duration
        self._channels = channels
        self._expected_chunks = chunks * channels
        # The remaining time is estimated from here: a model is loaded, or even downloaded, only once.
        self._started = time.monotonic()

    def downloaded(self, done: int, total: int) -> None:
        """Report download progress, at most once per percent."""
        if (percent := 100 * done // total) > self._percent_here:
            self._percent_here = percent
            self.report("load", f"Downloading the model: {done / 1e6:.0f} of {total / 1e6:.0f} MB")

    def start_pass(self) -> None:
        """Count from zero again; the reported progress and stage stay."""
        self._cut_chunks = self._chunks_done = self._chunks_failed = 0
        self._seconds_cut = self._seconds_done = self._seconds_failed = 0.0
        self._whole = False

    def cut(self, seconds: float) -> None:
        """Count another chunk; the stream is decoded up to `seconds`."""
        self._cut_chunks += 1
        self._seconds_cut = max(self._seconds_cut, seconds)
        self._report_counts()

    def cut_all(self, seconds: float) -> None:
        """Record the end of the stream, at its true length in `seconds`."""
        self._duration, self._whole = seconds, True

    def request_started(self) -> None:
        """Record that a chunk is sent to the engine."""
        if not self._transcribing:
            self._transcribing = True
            self._report_counts()

    def done(self, seconds: float, *, by_engine: bool = True) -> None:
        """
        Count a chunk of this length as transcribed.

        A chunk whose answer was stored before, or that has no sound, is not `by_engine`: it says nothing
        about the speed of what remains.
        """
        self._transcribing = True
        self._chunks_done += 1
        self._seconds_done += seconds
        self._seconds_answered += seconds if by_engine else 0.0
        self._report_counts()

    def failed(self, seconds: float) -> None:
        """Count a chunk of this length as failed in this pass; that is not progress."""
        self._chunks_failed += 1
        self._seconds_failed += seconds
        self._report_counts()

    def wait(self, waiting: Waiting | None) -> None:
        """Set what the job waits for, None if nothing; published if it has changed."""
        if waiting != self._waiting:
            self._waiting = waiting
            self._report_counts()

    @property
    def total_chunks(self) -> int:
        """Number of chunks: an estimate until all are cut."""
        return self._cut_chunks if self._whole else max(self._cut_chunks, self._expected_chunks)

    def _report_counts(self) -> None:
        if self._transcribing:
            chunks = "chunk" if self.total_chunks == 1 else "chunks"
            failed = f", {self._chunks_failed} failed" if self._chunks_failed else ""
            self.report(
                "transcribe", f"Transcribed {self._chunks_done} of {self.total_chunks} {chunks}{failed}"
            )
        else:
            self.report("decode", "Extracting audio")

    def report(self, stage: Stage, message: str) -> None:
        """Publish the stage and a message; while the job waits, the message gives the reason."""
        if self._waiting is not None:
            message = f"Waiting: {self._waiting.reason}"
        length = max(self._duration or 0.0, self._seconds_cut)
        total = length * self._channels
        share = self._seconds_done / total if total else 0.0
        decoded = self._seconds_cut / length if length else 0.0
        percent = DECODE_SHARE * decoded + (MOST_BEFORE_END - DECODE_SHARE) * share
        self._progress = max(self._progress, min(percent, MOST_BEFORE_END))
        speed = self._speed(total)
        remaining_s = max(total - self._seconds_done - self._seconds_failed, 0.0)
        self._publish(
            Progress(
                stage,
                self._progress,
                message,
                chunks_done=self._chunks_done,
                chunks_failed=self._chunks_failed,
                total_chunks=self.total_chunks,
                eta_s=remaining_s / speed if speed and not self._waiting else None,
                speed=speed,
                waiting=self._waiting,
            )
        )

    def _speed(self, total_s: float) -> float | None:
        """Return the seconds of audio that the engine transcribes in a second; None while unknown."""
        if not total_s or self._seconds_answered / total_s < LEAST_FOR_ETA:
            return None
        return self._seconds_answered / max(time.monotonic() - self._started, 1e-3)
