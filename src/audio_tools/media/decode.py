"""One audio stream of a media file as 16 kHz samples, mono or all channels, on the media's clock."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Channels, Pcm
from audio_tools.errors import DecodeFailed
from audio_tools.media.clock import LONGEST_S
from audio_tools.media.ffmpeg_log import CUT_OFF, Reason, quote, reason
from audio_tools.media.mixdown import Mixdown
from audio_tools.media.records import Failure, RecordReader, Report, Samples
from audio_tools.system.processes import OWN_GROUP, kill_group

BLOCK_SAMPLES = 4 * SAMPLE_RATE_HZ
STALL_S = 300.0
"""A decoder without output for this many seconds hangs; a network disk may take a while."""

SAME_PLACE = SAMPLE_RATE_HZ // 500
"""Samples: 2 ms. Times come in whole milliseconds, so packets that touch may seem this far apart."""

DROPPED_S = 0.1
"""Duplicate sound shorter than this, in seconds, is dropped without a warning."""

FEW_COMPLAINTS = 3
"""Fewer kinds of damage in a truncated file come from its last packets."""

CHILD = "audio_tools.media.decode_child"
_PIPE_BYTES = 1 << 20
_REAP_S = 5.0


class Decoder:
    """
    Decodes one audio stream: a context manager to iterate over once, from a worker thread.

    Yields int16 arrays of 4 s, the last one shorter; each is the caller's to keep: `Pcm`, or `Channels` where
    `channels` is given. Sample n of the whole is heard n/16000 s after the start of the media: a late start
    and gaps come as zeros, made as they are taken. libav runs in a child process, only as far ahead as its
    pipe holds (half a minute).

    The child is killed by `kill`, by leaving the context, and on Linux when the thread that entered it
    ends, thus also by a `kill -9` of this process.

    Args:
        path: a file that `probe` has accepted.
        position: which audio stream, counted from 0.
        channels: how many channels to yield, as many as the stream has; None: a mix in which all can be
            heard. Where the stream has another number of channels, its mix is the first of them.
        stall_s: how long to wait for the child, in seconds.

    Iterating raises:
        DecodeFailed: the child failed, was killed, hangs, or found not one sample. What came before it is
            good.
    """

    def __init__(
        self, path: Path, position: int, *, channels: int | None = None, stall_s: float = STALL_S
    ) -> None:
        self._path, self._position, self._channels = path, position, channels
        self._stall_s = stall_s
        self._lock = threading.Lock()
        self._killed = False
        self._process: subprocess.Popen[bytes] | None = None
        self._report: Report | None = None
        self._other_channels: tuple[int, float] | None = None
        self._dropped_samples = 0
        self.start: float | None = None
        """From the first block on: when the first sample is heard, seconds on the media's clock."""

    def __enter__(self) -> Self:
        # -P: a file named json.py beside the media, or wherever the service was started, is not imported.
        command = [sys.executable, "-P", "-m", CHILD, str(os.getpid()), str(self._path), str(self._position)]
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            # Fewer switches between the two processes; Linux alone takes it.
            pipesize=_PIPE_BYTES,
            **OWN_GROUP,  # Ctrl-C in the terminal is for this process, which then ends it
        )
        if self._killed:
            self.kill()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(wait_s=0.0)
        pipe = self._started().stdout
        assert pipe is not None
        pipe.close()

    def __iter__(self) -> Iterator[Pcm]:
        pipe = self._started().stdout
        assert pipe is not None
        records = RecordReader(pipe.fileno(), self._stall_s)
        blocks = 0
        try:
            for block in join(self._on_clock(self._placed(records))):
                blocks += 1
                yield block
        except TimeoutError:
            raise self._failed(f"the decoder returned no data for {self._stall_s:g} seconds") from None
        except ValueError as error:
            raise self._failed(f"invalid output from the decoder: {error}") from None
        self._finish(self._end(wait_s=_REAP_S), blocks)

    def kill(self) -> None:
        """Stop the child at once, from any thread; a thread that iterates raises DecodeFailed."""
        self._killed = True
        with self._lock:
            self._signal()

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings for the editor, such as skipped damage; complete after the last block."""
        return tuple(self._warn())

    @property
    def cut_off(self) -> bool:
        """Whether the file ends early, so that what follows is unknown; valid after the last block."""
        return self._last_report.cut_off

    @property
    def media_end(self) -> float | None:
        """When the last other stream ends, in seconds, or None; valid after the last block."""
        return self._last_report.media_end

    @property
    def duration_explained(self) -> bool:
        """See `Timeline.explained`; valid after the last block."""
        return self._last_report.explained

    @property
    def _last_report(self) -> Report:
        return self._report or Report()

    def _placed(self, records: RecordReader) -> Iterator[tuple[int, Pcm]]:
        """Number of the first sample and the samples of each record."""
        mixdown: Mixdown | None = None
        channels = 0
        for record in records:
            if isinstance(record, Failure):
                raise self._failed(reason(record.complaints, self._path))
            if isinstance(record, Report):
                self._report = record
                continue
            if self.start is None:
                self.start = record.start / SAMPLE_RATE_HZ
            if mixdown is None or record.channels != channels:
                channels, mixdown = record.channels, Mixdown(record.channels)
            yield record.start, self._samples(record, mixdown)

    def _samples(self, record: Samples, mixdown: Mixdown) -> Pcm | Channels:
        """The samples of a record, mixed or by channel."""
        interleaved = np.frombuffer(record.data, "<i2")
        if self._channels is None:
            return mixdown.mix(interleaved)
        if self._channels == record.channels:
            return interleaved.reshape(-1, record.channels)
        if self._other_channels is None:
            self._other_channels = record.channels, record.start / SAMPLE_RATE_HZ
        mixed = np.zeros((len(interleaved) // record.channels, self._channels), np.int16)
        mixed[:, 0] = mixdown.mix(interleaved)
        return mixed

    def _on_clock(self, pieces: Iterable[tuple[int, Pcm]]) -> Iterator[Pcm]:
        placed = OnClock()
        yield from placed.place(pieces)
        self._dropped_samples = placed.dropped

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ValueError("a Decoder is a context manager: enter it before iterating")
        return self._process

    def _finish(self, exit_code: int, blocks: int) -> None:
        """Raise an error unless the child ended well."""
        if self._killed:
            raise self._failed("decoding was stopped")
        if exit_code < 0:
            raise self._failed(f"the decoder was killed by signal {-exit_code}")
        if exit_code or self._report is None:
            raise self._failed(f"the decoder ended early (exit {exit_code})")
        if not blocks:
            raise self._failed(reason(self._report.complaints, self._path))

    def _warn(self) -> Iterator[str]:
        stream, report = f"Audio stream {self._position}", self._last_report
        damage = [
            line for line in report.complaints.splitlines() if not any(sign in line for sign in CUT_OFF)
        ]
        if damage and not (report.cut_off and len(damage) < FEW_COMPLAINTS):
            yield (
                f"{stream} is damaged: what cannot be decoded is missing or silent "
                f"(FFmpeg says: {quote(chr(10).join(damage), self._path)})."
            )
        if report.joined_at:
            places = list(dict.fromkeys(f"{second:.1f} s" for second in report.joined_at))
            times = ", ".join(places[:5])
            more = f" and at {len(places) - 5} more places" if len(places) > 5 else ""
            yield (
                f"The timestamps restart at {times}{more}: the file contains several recordings, which "
                "are joined here. An editor may show only the first: convert the file before editing."
            )
        if report.clock_ignored:
            yield (
                f"The timestamps of {stream.lower()} do not match its audio, which was placed by its own "
                "length: it may be out of sync with the video. Convert the file before editing."
            )
        if self._other_channels is not None:
            number, second = self._other_channels
            yield (
                f"From {second:.1f} s on, {stream[0].lower()}{stream[1:]} has {number} channels instead of "
                f"{self._channels}; there, all channels are mixed into channel 0."
            )
        if report.unread:
            yield (
                f"The last {report.unread:.0%} of the file were not read: it continues after its stated end, "
                "perhaps with another recording. Split it into its parts, or convert it."
            )
        dropped_s = self._dropped_samples / SAMPLE_RATE_HZ
        if dropped_s > DROPPED_S:
            yield f"{dropped_s:.1f} s of {stream.lower()} overlapped earlier audio and were dropped."

    def _failed(self, why: str | Reason) -> DecodeFailed:
        cause = why if isinstance(why, Reason) else Reason(why)
        return DecodeFailed(
            f"Audio stream {self._position} of {self._path.name} cannot be decoded: {cause.why}.",
            hint=cause.hint,
        )

    def _end(self, *, wait_s: float) -> int:
        """Wait a moment for the child to exit, then kill it; returns its exit code."""
        process = self._started()
        # Under the lock, for an id that has been waited for may be another process's the next moment.
        with self._lock:
            try:
                return process.wait(timeout=wait_s)
            except subprocess.TimeoutExpired:
                self._signal()
                return process.wait()

    def _signal(self) -> None:
        if self._process is not None:
            kill_group(self._process)


class OnClock:
    """Puts pieces of sound on the media's clock: `position` samples so far, of which none was heard twice."""

    def __init__(self) -> None:
        self.position = 0
        self.dropped = 0

    def place(self, pieces: Iterable[tuple[int, Pcm]]) -> Iterator[Pcm]:
        """
        Samples without gaps from sample 0 on: zeros in gaps, a block at a time; of overlaps the earlier one.

        Args:
            pieces: number of the first sample, and samples; in order, but for overlaps.

        Raises:
            ValueError: a piece starts later than `LONGEST_S`.
        """
        for start, pcm in pieces:
            if start > LONGEST_S * SAMPLE_RATE_HZ:
                raise ValueError(f"sound after {start / SAMPLE_RATE_HZ / 3600:.0f} hours")
            gap = start - self.position
            if self.position and abs(gap) <= SAME_PLACE:
                gap = 0
            for filled in range(0, gap, BLOCK_SAMPLES):
                yield np.zeros((min(BLOCK_SAMPLES, gap - filled), *pcm.shape[1:]), np.int16)
            fresh = pcm[max(-gap, 0) :]
            if start >= 0:
                self.dropped += len(pcm) - len(fresh)
            self.position += max(gap, 0) + len(fresh)
            if len(fresh):
                yield fresh


def join(pieces: Iterable[Pcm]) -> Iterator[Pcm]:
    """The same samples in arrays of 4 s, the last one shorter; all pieces have the same channels."""
    block, filled = np.empty(0, np.int16), 0
    for piece in pieces:
        taken = 0
        while taken < len(piece):
            if not filled:
                block = np.empty((BLOCK_SAMPLES, *piece.shape[1:]), np.int16)
            part = piece[taken : taken + BLOCK_SAMPLES - filled]
            block[filled : filled + len(part)] = part
            filled += len(part)
            taken += len(part)
            if filled == BLOCK_SAMPLES:
                yield block
                filled = 0
    if filled:
        yield block[:filled]
