"""
Decodes the sound of a media file from any moment on, for playback: the child process of `preview.py`.

Standard output gets a line of JSON, the number of samples of the whole file or why there are none, and then
samples until the end of the file: mono, 16 bits, at `RATE_HZ`.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

import av
import numpy as np

from audio_tools.media.edit_list import Movie, read_movie
from audio_tools.media.ffmpeg_log import NO_SUCH_STREAM
from audio_tools.media.libav import Log, discard_others, listening, open_media
from audio_tools.media.mixdown import Mixdown
from audio_tools.media.sample_run import SampleRun, TooManyChannels
from audio_tools.media.sandbox import confine
from audio_tools.media.timeline import Timeline

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.audio.stream import AudioStream
    from av.container import InputContainer

RATE_HZ = 32_000
"""Enough for speech and for judging music; an hour has 230 MB, and 18 h fit into a WAV."""

EARLIER_S = (0.5, 20.0)
"""
Where to seek to, in seconds before the wanted moment, one after another until that is early enough; then the
file is decoded from its start.
"""
LATE_S = 1.0
"""A first frame that is so much later than wanted (seconds) means that seeking went too far."""
GAP_S = 0.02
"""Frames that are farther apart are not joined; timestamps of some formats are only that exact."""
_ZEROS = bytes(1 << 16)


class Unplayable(Exception):
    """The file has no playable audio; the message says why."""


class _Output:
    """Puts samples in their places, from sample `at` on: gaps become zeros, overlaps are dropped."""

    def __init__(self, file: BinaryIO, at: int) -> None:
        self._file = file
        self._at = at
        self._mixdown: Mixdown | None = None
        self._channels = 0

    def put(self, channels: int, start: int, interleaved: memoryview) -> None:
        if self._mixdown is None or channels != self._channels:
            self._mixdown, self._channels = Mixdown(channels), channels
        mono = self._mixdown.mix(np.frombuffer(interleaved, np.int16))
        self.fill(start)
        fresh = mono[self._at - start :]
        if len(fresh):
            self._file.write(fresh.astype("<i2", copy=False).tobytes())
            self._at += len(fresh)

    def fill(self, end: int) -> None:
        """Write zeros up to a sample."""
        while self._at < end:
            part = _ZEROS[: 2 * (end - self._at)]
            self._file.write(part)
            self._at += len(part) // 2


def preview(path: Path, position: int | None, first: int, file: BinaryIO) -> None:
    """Write the number of samples, and those from `first` on; position None: the default stream."""
    with listening() as log:
        try:
            movie = read_movie(path)
            n_samples = _count_samples(path, position)
            file.write(json.dumps({"samples": n_samples}).encode() + b"\n")
            output = _Output(file, first)
            _decode(path, position, movie, first, output)
            output.fill(n_samples)
        except (Unplayable, TooManyChannels, av.error.FFmpegError, MemoryError) as error:
            file.write(json.dumps({"error": _why(log, error)}).encode() + b"\n")


def _why(log: Log, error: Exception) -> str:
    return f"{log.complaints()}\n{error}".strip()


def _count_samples(path: Path, position: int | None) -> int:
    with open_media(path) as media:
        stream = _chosen(media, position)
        seconds = (media.duration or 0) / 1e6
        if not seconds and stream.duration and stream.time_base:
            seconds = float(stream.duration * stream.time_base)
        if not seconds:
            raise Unplayable("the file does not say how long it is")
        return round(seconds * RATE_HZ)


def _chosen(media: InputContainer, position: int | None) -> AudioStream:
    streams = [stream for stream in media.streams.audio if stream.codec_context is not None]
    if position is not None:
        streams = [stream for stream in streams if stream is media.streams.audio[position : position + 1][0]]
    if not streams:
        raise Unplayable(NO_SUCH_STREAM)
    flag = av.stream.Disposition.default
    return next((stream for stream in streams if stream.disposition & flag), streams[0])


def _decode(path: Path, position: int | None, movie: Movie | None, first: int, output: _Output) -> None:
    """Decode from a place before sample `first`, which is found by trying."""
    wanted = first / RATE_HZ
    tries = [wanted - earlier for earlier in EARLIER_S if wanted > earlier]
    for seek_s in (*tries, None):
        with open_media(path) as media:
            stream = _chosen(media, position)
            discard_others(media, [stream])
            origin = Timeline(media, path, stream, movie).origin
            frames = _frames(media, stream, origin, seek_s)
            begin = next(frames, None)
            if seek_s is not None and (begin is None or begin[0] > wanted + LATE_S):
                continue
            if begin is not None:
                _resample(begin, frames, output)
            return


def _frames(
    media: InputContainer, stream: AudioStream, origin: float, seek_s: float | None
) -> Iterator[tuple[float, AudioFrame]]:
    """When each frame is due, in seconds, and the frame, from a moment on; damaged ones are left out."""
    base = float(stream.time_base or 1)
    due = seek_s or 0.0
    try:
        if seek_s is not None:
            media.seek(round((seek_s + origin) * 1e6))
        for packet in media.demux(stream):
            try:
                frames = packet.decode()
            except av.error.InvalidDataError:
                continue
            for frame in frames:
                if frame.pts is not None:
                    due = frame.pts * base - origin
                yield due, frame
                due += frame.samples / frame.sample_rate
    except av.error.FFmpegError:
        return  # it cannot be sought, or is cut off: silence takes the place of the rest


def _resample(
    begin: tuple[float, AudioFrame], frames: Iterator[tuple[float, AudioFrame]], output: _Output
) -> None:
    run: SampleRun | None = None
    end = 0.0
    for due, frame in _chained(begin, frames):
        if run is None or not run.fits(frame) or abs(due - end) > GAP_S:
            if run is not None:
                run.close()
            run, end = SampleRun(due, frame, output.put, RATE_HZ), due
        end += frame.samples / frame.sample_rate
        run.add(frame)
    if run is not None:
        run.close()


def _chained(
    begin: tuple[float, AudioFrame], frames: Iterator[tuple[float, AudioFrame]]
) -> Iterator[tuple[float, AudioFrame]]:
    yield begin
    yield from frames


def main(arguments: Sequence[str]) -> None:
    parent_pid, path, position, first = arguments
    confine(int(parent_pid))
    output = os.dup(1)
    # What a library prints must not end up between the samples.
    os.dup2(2, 1)
    with os.fdopen(output, "wb", buffering=0) as file:
        preview(Path(path), int(position) if position else None, int(first), file)


if __name__ == "__main__":
    main(sys.argv[1:])
