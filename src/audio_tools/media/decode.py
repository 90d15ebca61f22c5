"""One audio stream of a media file as mono 16 kHz samples on the media's clock."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterable, Iterator
from contextlib import suppress
from io import BufferedReader
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.errors import DecodeFailed
from audio_tools.media.ffmpeg import DEMUXERS, PROTOCOLS, demuxer_options, local_file
from audio_tools.media.ffmpeg_log import CUT_OFF, HOLE_TOO_LONG, quote, reason
from audio_tools.media.matroska import read_packets
from audio_tools.media.pipes import Pipes
from audio_tools.media.sandbox import confined

BLOCK_SAMPLES = 4 * SAMPLE_RATE_HZ
STALL_S = 300.0
"""FFmpeg that gives nothing for so long, while we wait for it, hangs; a network disk may take a while."""

SHORTEST_HOLE_S = 0.04
"""
Shorter holes are closed, up to a frame: a recorder may jitter that much. FFmpeg's own 0.1 would let all that
follows some lost packets come three frames early.
"""

LONGEST_JUMP_S = 3600
"""
Where a transport stream jumps farther it is another recording. FFmpeg's own 10 would close a hole in the
sound, and take a late start for a jump.
"""

FILTERS = (
    f"aformat=channel_layouts=mono,aresample={SAMPLE_RATE_HZ},aformat=sample_fmts=s16,"
    f"aresample=async=1:min_hard_comp={SHORTEST_HOLE_S},asetnsamples=n={SAMPLE_RATE_HZ // 10}:p=0"
)
"""
Mono, 16 kHz, without holes, in packets of 0.1 s; the order is what makes it right, fast and lean.

Mono before the resampler halves its work. Holes are filled (`async`, from SHORTEST_HOLE_S on) after it:
an hour of them takes 0.2 GB there, 1.5 GB at 48 kHz. Packets are joined only then: joined across a hole,
what follows it would come early by the hole's length.

When the sound changes its channels or rate, as a broadcast does at a commercial, FFmpeg starts these
filters anew: what waits in them is lost, so packets are small, and `first_pts` would have it fill up from
time 0 once more, so a late start is left to `on_clock`.
"""

LFE_MIX_LEVEL = "0.7"
"""
The share of a subwoofer in the mix; FFmpeg's own is 0. The fourth track of a recorder, whose file does not
say what its tracks are, is taken for one, and may hold the only voice.
"""

SAME_PLACE = SAMPLE_RATE_HZ // 500
"""Samples: 2 ms. Times come in whole milliseconds, so packets that touch may seem this far apart."""

LONGEST_S = 7 * 86_400.0
"""A packet later than a week is a lie; filling up to it keeps us busy for as long as its author likes."""

_BUFFER_BYTES = 1 << 17
_REAP_S = 5.0


class Decoder:
    """
    Decodes one audio stream: a context manager to iterate over once, from a worker thread.

    Yields int16 arrays of 4 s, the last one shorter; each is the caller's to keep. Sample n of the whole
    is heard n/16000 s after the start of the media: a late start and holes come as zeros. FFmpeg runs only
    as far ahead as its pipe holds (half a minute).

    FFmpeg is killed by `kill`, by leaving the context, and on Linux when the thread that entered it ends,
    thus also by a `kill -9` of this process.

    Args:
        ffmpeg: the program.
        path: a file that `probe` has accepted.
        position: which audio stream, counted from 0.

    Iterating raises:
        DecodeFailed: FFmpeg failed, was killed, hangs, or found not one sample. What came before it is good.
    """

    def __init__(self, ffmpeg: Path, path: Path, position: int, *, stall_s: float = STALL_S) -> None:
        self._ffmpeg, self._path, self._position = ffmpeg, path, position
        self._stall_s = stall_s
        self._lock = threading.Lock()
        self._killed = False
        self._process: subprocess.Popen[bytes] | None = None
        self.warnings: tuple[str, ...] = ()
        """After the last block: what an editor should know, such as damage that was skipped."""
        self.start: float | None = None
        """From the first block on: when the first sample is heard, seconds on the media's clock."""
        self.cut_off = False
        """After the last block: whether the file ends before its time, so what follows is not known."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            confined(self._command()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            # Its own group: Ctrl-C is ours to handle, and a wrapper script dies with what it has started.
            process_group=0,
        )
        if self._killed:
            self.kill()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(wait_s=0.0)
        process = self._started()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()

    def __iter__(self) -> Iterator[Pcm]:
        process = self._started()
        assert process.stdout is not None
        assert process.stderr is not None
        pipes = Pipes(process.stdout.fileno(), process.stderr.fileno(), self._stall_s)
        blocks = 0
        try:
            packets = read_packets(BufferedReader(pipes, _BUFFER_BYTES))
            placed = ((start + pipes.log.clock_moved_s, pcm) for start, pcm in packets)
            for block in join(on_clock(self._noting_start(placed))):
                blocks += 1
                yield block
        except TimeoutError:
            raise self._failed(f"FFmpeg gave nothing for {self._stall_s:g} seconds") from None
        except ValueError as error:
            raise self._failed(f"FFmpeg's output makes no sense: {error}") from None
        self._finish(self._end(wait_s=_REAP_S), blocks, pipes.log.complaints())

    def kill(self) -> None:
        """End FFmpeg at once, from any thread, at any time; a thread that iterates gets DecodeFailed."""
        self._killed = True
        with self._lock:
            self._signal()

    def _command(self) -> list[str]:
        options = demuxer_options(self._path).items()
        return [
            *(str(self._ffmpeg), "-nostdin", "-nostats", "-hide_banner", "-v", "level+verbose"),
            # One thread each: an audio decoder uses no more, and on many cores each would reserve its stack.
            *("-filter_threads", "1", "-threads", "1"),
            *("-dts_delta_threshold", str(LONGEST_JUMP_S)),
            *("-protocol_whitelist", PROTOCOLS, "-format_whitelist", DEMUXERS),
            *(part for name, value in options for part in (f"-{name}", value)),
            *("-i", local_file(self._path), "-map", f"0:a:{self._position}", "-vn", "-sn", "-dn"),
            *(
                "-af",
                FILTERS,
                "-lfe_mix_level",
                LFE_MIX_LEVEL,
                "-c:a",
                "pcm_s16le",
                "-f",
                "matroska",
                "-live",
                "1",
            ),
            *("-write_crc32", "0", "-flush_packets", "0", "pipe:1"),
        ]

    def _noting_start(self, packets: Iterable[tuple[float, Pcm]]) -> Iterator[tuple[float, Pcm]]:
        for start, pcm in packets:
            if self.start is None:
                self.start = start
            yield start, pcm

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise ValueError("a Decoder is a context manager: enter it before iterating")
        return self._process

    def _finish(self, exit_code: int, blocks: int, complaints: str) -> None:
        """Judge how FFmpeg ended."""
        if self._killed:
            raise self._failed("decoding was stopped")
        if exit_code < 0:
            raise self._failed(f"FFmpeg was killed by signal {-exit_code}")
        if exit_code or not blocks or HOLE_TOO_LONG in complaints:
            raise self._failed(reason(complaints, self._path))
        self.cut_off = any(sign in complaints for sign in CUT_OFF)
        if complaints:
            self.warnings = (
                f"Audio stream {self._position} is damaged: what cannot be decoded is missing or silent "
                f"(FFmpeg says: {quote(complaints, self._path)}).",
            )

    def _failed(self, why: str) -> DecodeFailed:
        return DecodeFailed(f"Audio stream {self._position} of {self._path.name} cannot be decoded: {why}.")

    def _end(self, *, wait_s: float) -> int:
        """Give FFmpeg a moment to end by itself, then kill it; returns its exit code."""
        process = self._started()
        # Under the lock, for an id that has been waited for may be another process's the next moment.
        with self._lock:
            try:
                return process.wait(timeout=wait_s)
            except subprocess.TimeoutExpired:
                self._signal()
                return process.wait()

    def _signal(self) -> None:
        if self._process is not None and self._process.returncode is None:
            # macOS refuses to signal a group whose only process has ended and waits to be reaped.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, signal.SIGKILL)


def on_clock(packets: Iterable[tuple[float, Pcm]]) -> Iterator[Pcm]:
    """
    Samples without holes from time 0 on: zeros where packets leave a hole, nothing twice where they overlap.

    Args:
        packets: start in seconds, and samples; in order.

    Raises:
        ValueError: a packet starts later than `LONGEST_S`.
    """
    position = 0
    for start, pcm in packets:
        if start > LONGEST_S:
            raise ValueError(f"sound after {start / 3600:.0f} hours")
        hole = round(start * SAMPLE_RATE_HZ) - position
        if position and abs(hole) <= SAME_PLACE:
            hole = 0
        for filled in range(0, hole, BLOCK_SAMPLES):
            yield np.zeros(min(BLOCK_SAMPLES, hole - filled), np.int16)
        fresh = pcm[max(-hole, 0) :]
        position += max(hole, 0) + len(fresh)
        if len(fresh):
            yield fresh


def join(pieces: Iterable[Pcm]) -> Iterator[Pcm]:
    """The same samples in arrays of 4 s, the last one shorter."""
    block, filled = np.empty(BLOCK_SAMPLES, np.int16), 0
    for piece in pieces:
        taken = 0
        while taken < len(piece):
            part = piece[taken : taken + BLOCK_SAMPLES - filled]
            block[filled : filled + len(part)] = part
            filled += len(part)
            taken += len(part)
            if filled == BLOCK_SAMPLES:
                yield block
                block, filled = np.empty(BLOCK_SAMPLES, np.int16), 0
    if filled:
        yield block[:filled]
