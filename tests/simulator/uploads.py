"""Uploaded files as sound: whatever libsndfile or FFmpeg's libraries read."""

from __future__ import annotations

import io

import av
import numpy as np
import soundfile

from tests.simulator.tones import SAMPLE_RATE_HZ, Samples


class UnreadableFile(Exception):
    """The bytes are no sound."""


def decode(data: bytes) -> Samples:
    """
    Decode a file to mono at 16 kHz.

    Raises:
        UnreadableFile: nobody can make sound of it.
    """
    try:
        pcm, rate_hz = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    except soundfile.LibsndfileError:
        return _decode_by_av(data)
    # libsndfile does not resample; FFmpeg's libraries do.
    return np.asarray(pcm.mean(axis=1)) if rate_hz == SAMPLE_RATE_HZ else _decode_by_av(data)


def _decode_by_av(data: bytes) -> Samples:
    resampler = av.AudioResampler("flt", "mono", SAMPLE_RATE_HZ)
    try:
        with av.open(io.BytesIO(data), "r") as container:
            frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
            frames += resampler.resample(None) if frames else []
    except (av.FFmpegError, IndexError) as error:
        raise UnreadableFile from error
    return np.concatenate([np.zeros(0, np.float32), *(frame.to_ndarray()[0] for frame in frames)])
