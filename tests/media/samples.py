"""Small media files made by FFmpeg, and what is known of them."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import psutil

from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.media.decode import Decoder

CLICKS = "0.8*sin(2*PI*2000*t)*lt(mod(t,1),0.01)+0.002*(random(0)-0.5)"
"""A click of 10 ms at every whole second; the hiss between them distinguishes sound from absence."""


def sound(seconds: float, expression: str = CLICKS, *, rate_hz: int = 48_000) -> list[str]:
    """FFmpeg's arguments for a synthetic sound as the next input."""
    return ["-f", "lavfi", "-i", f"aevalsrc='{expression}':s={rate_hz}:d={seconds:g}"]


def picture(seconds: float, *, rate: str = "25") -> list[str]:
    """FFmpeg's arguments for a small moving picture as the next input."""
    return ["-f", "lavfi", "-i", f"testsrc2=s=64x48:r={rate}:d={seconds:g}"]


def make(path: Path, *arguments: str) -> Path:
    """Run FFmpeg, the same everywhere, with arguments that end before the name of the output."""
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-nostdin", "-v", "error", "-y", *arguments, str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


def clicks(pcm: Pcm) -> list[float]:
    """When each click starts, in seconds."""
    loud = np.flatnonzero(np.abs(pcm.astype(int)) > 6000)
    first = np.diff(loud, prepend=-SAMPLE_RATE_HZ) > SAMPLE_RATE_HZ // 4
    return [float(at) for at in loud[first] / SAMPLE_RATE_HZ]


def first_sound(pcm: Pcm) -> float:
    """When the first sample that is not zero is heard, in seconds."""
    return float(np.flatnonzero(pcm)[0] / SAMPLE_RATE_HZ)


def children() -> list[psutil.Process]:
    """
    What this process has started and what still is there, zombies included.

    Not the Redis that tests of the queue share: with several test processes it may be up at any time.
    """
    started = psutil.Process().children(recursive=True)
    return [process for process in started if process.name() not in {"redis-server", "valkey-server"}]


def open_files() -> int:
    """How many descriptors this process holds."""
    return psutil.Process().num_fds()


def decode(path: Path, position: int = 0) -> Pcm:
    """The whole stream, decoded."""
    with Decoder(path, position) as decoder:
        return np.concatenate(list(decoder))
