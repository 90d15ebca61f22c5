"""Writes scripts as media files: sound made in blocks, encoded by an FFmpeg child, memory flat."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import suppress
from operator import attrgetter
from pathlib import Path

import imageio_ffmpeg
import numpy as np
from numpy.typing import NDArray

from tests.simulator.beds import CLEAN, Bed
from tests.simulator.script import Script, Spoken
from tests.simulator.tones import SAMPLE_RATE_HZ, WORD_SECONDS, Samples, encode_word

Pcm16 = NDArray[np.int16]

_BLOCK_SAMPLES = 10 * SAMPLE_RATE_HZ
# 600 frames at 30000/1001 are 20.02 s sharp, so that rounds of the clip join without a rounding error.
_CLIP_SECONDS = "20.02"
_AUDIO = {
    ".wav": ["-c:a", "pcm_s16le"],
    ".flac": ["-c:a", "flac"],
    ".mp3": ["-c:a", "libmp3lame", "-b:a", "128k"],
    ".m4a": ["-c:a", "aac", "-aac_coder", "fast", "-q:a", "1"],
    ".mp4": ["-c:a", "aac", "-aac_coder", "fast", "-q:a", "1"],
    ".mov": ["-c:a", "pcm_s16le"],
    ".mkv": ["-c:a", "flac"],
}
_VIDEO_SUFFIXES = {".mp4", ".mov", ".mkv"}


def ffmpeg() -> str:
    """The path of FFmpeg: the system's, else the one of the imageio-ffmpeg wheel."""
    return shutil.which("ffmpeg") or str(imageio_ffmpeg.get_ffmpeg_exe())


def sound(script: Script, bed: Bed = CLEAN, start: float = 0.0) -> Iterator[Pcm16]:
    """The recording from `start` (seconds) on as 16-bit mono at 16 kHz, in blocks of 10 s."""
    total = round(script.seconds * SAMPLE_RATE_HZ)
    for first in range(round(start * SAMPLE_RATE_HZ), total, _BLOCK_SAMPLES):
        block = bed.samples(first, min(_BLOCK_SAMPLES, total - first))
        for word in _words_within(script, first, first + block.size):
            _mix(block, encode_word(word.number, word.level_dbfs), round(word.start * SAMPLE_RATE_HZ) - first)
        yield np.asarray(np.clip(np.rint(block * 32767), -32768, 32767), dtype=np.int16)


def samples(script: Script, bed: Bed = CLEAN) -> Samples:
    """The whole recording as float32, for tests that need no file."""
    return np.concatenate([block.astype(np.float32) / 32768 for block in sound(script, bed)])


def render(
    script: Script,
    path: Path,
    *,
    bed: Bed = CLEAN,
    audio_start: float = 0.0,
    sample_rate_hz: int = SAMPLE_RATE_HZ,
    channels: int = 1,
) -> Path:
    """
    Write a script as WAV, FLAC, MP3, M4A, or with a tiny black picture of 29.97 fps as MP4, MOV or MKV.

    A script of three hours as MP4 at 16 kHz mono takes about half a minute, at 48 kHz stereo two minutes.

    Args:
        script: what is said when, on the media's clock.
        path: where to; its suffix says what. Nothing is left anywhere else.
        bed: what lies under the words.
        audio_start: seconds by which the audio stream starts later than the picture.
        sample_rate_hz: of the written stream.
        channels: of the written stream, all alike.

    Returns:
        `path`.

    Raises:
        ValueError: no such format, a late start without a picture, or one that cuts off a word.
        RuntimeError: FFmpeg failed; with its last words.
    """
    if path.suffix not in _AUDIO:
        raise ValueError(f"cannot write {path.suffix}, only {', '.join(_AUDIO)}")
    if audio_start and path.suffix not in _VIDEO_SUFFIXES:
        raise ValueError("without a picture there is nothing to start later than")
    if script.words and script.words[0].start < audio_start:
        raise ValueError("the first word comes before the audio starts")
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        picture = ["-stream_loop", "-1", "-i", _clip(Path(folder))] if path.suffix in _VIDEO_SUFFIXES else []
        _run(
            [
                *picture,
                *("-f", "s16le", "-ar", str(SAMPLE_RATE_HZ), "-ac", "1", "-i", "pipe:0"),
                *(("-map", "0:v", "-map", "1:a", "-c:v", "copy") if picture else ()),
                # Not -itsoffset: FFmpeg 9 drops it where sound comes through a pipe.
                *("-af", f"asetpts=PTS+round({audio_start}/TB)", *_AUDIO[path.suffix]),
                *("-ar", str(sample_rate_hz), "-ac", str(channels)),
                *("-t", str(script.seconds), str(path)),
            ],
            sound(script, bed, audio_start),
        )
    return path


def _words_within(script: Script, first: int, stop: int) -> Iterator[Spoken]:
    """The words that sound between two sample numbers."""
    earliest = first / SAMPLE_RATE_HZ - WORD_SECONDS
    for index in range(bisect_left(script.words, earliest, key=attrgetter("start")), len(script.words)):
        if script.words[index].start * SAMPLE_RATE_HZ >= stop:
            return
        yield script.words[index]


def _mix(block: Samples, burst: Samples, at: int) -> None:
    """Add as much of a burst as falls into the block; `at` may lie outside."""
    head, tail = max(at, 0), min(at + burst.size, block.size)
    block[head : max(head, tail)] += burst[head - at : max(head, tail) - at]


def _clip(folder: Path) -> str:
    """A short black film to be repeated: copying frames costs a tenth of encoding them."""
    path = folder / "black.mp4"
    source = f"color=black:size=64x36:rate=30000/1001:duration={_CLIP_SECONDS}"
    _run(["-f", "lavfi", "-i", source, "-c:v", "libx264", "-preset", "ultrafast", "-g", "600", str(path)])
    return str(path)


def _run(arguments: list[str], blocks: Iterable[Pcm16] = ()) -> None:
    # One thread each: tests run side by side, and frames this small only wait for one another.
    command = [ffmpeg(), "-v", "error", "-y", "-filter_threads", "1", *arguments[:-1]]
    command += ["-threads", "1", "-bitexact", arguments[-1]]
    with tempfile.TemporaryFile() as complaints:
        child = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=complaints)
        with child, suppress(BrokenPipeError):
            assert child.stdin
            for block in blocks:
                child.stdin.write(block.data)
            child.stdin.close()  # here, because it writes the rest
        if child.returncode:
            complaints.seek(0)
            raise RuntimeError(complaints.read()[-2000:].decode(errors="replace"))
