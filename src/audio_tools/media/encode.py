"""Encode a chunk of samples to a small file in memory, and decode it again."""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm

if TYPE_CHECKING:
    from av import AudioFrame, AudioResampler

Samples = NDArray[np.int16]
"""Shape (n_samples, channels), at any rate."""

RATES_HZ = range(8_000, 48_001)
CHANNELS = range(1, 3)
FEWEST_SAMPLES = SAMPLE_RATE_HZ // 2
"""FFmpeg recognises an MP3 by several frames in a row; at 8 kHz one lasts 72 ms."""


@dataclass(frozen=True, slots=True)
class EncodedAudio:
    """One encoded chunk: the file's bytes, its name extension (`flac`, `wav`, `mp3`, `ogg`), its seconds."""

    data: bytes
    extension: str
    seconds: float


@dataclass(frozen=True, slots=True)
class _Format:
    """
    How an audio format is written and how large it can get.

    `bits_per_second` of one channel, None: 16 for each sample. `rates_hz` that it has, empty: all.
    `worst`: what it may take, as a share of that, beside `SPARE_BYTES`.
    """

    extension: str
    write: Callable[[Samples, int, int], bytes]
    worst: float
    bits_per_second: int | None = None
    rates_hz: tuple[int, ...] = ()

    def bit_rate(self, rate_hz: int, channels: int) -> int:
        return (self.bits_per_second or 16 * rate_hz) * channels

    def rate_at_least(self, rate_hz: int) -> int:
        return next((rate for rate in self.rates_hz if rate >= rate_hz), rate_hz)


SPARE_BYTES = 8192
"""Room for headers, for the first page's comments, and for the frames that lossy codecs add at the ends."""


def encode(
    pcm: Pcm, audio_format: str, sample_rate_hz: int = SAMPLE_RATE_HZ, channels: int = 1
) -> EncodedAudio:
    """
    Encode mono 16 kHz samples; what is heard at a time stays there, within 1 ms for every format.

    Args:
        pcm: mono int16, 16 kHz, at least 0.5 s.
        audio_format: `flac` (lossless, 1.1 MiB/min), `wav`, `mp3` (64 kbit/s per channel), `ogg` and
            `opus` (both Opus in Ogg, 32 kbit/s per channel).
        sample_rate_hz: 8,000 to 48,000; a format that lacks the rate takes its next higher one.
        channels: 1, or 2 with the same samples in both.

    Raises:
        ValueError: there is no such format, rate or number of channels, or too few samples.
    """
    form = _form(audio_format, sample_rate_hz, channels)
    if len(pcm) < FEWEST_SAMPLES:
        raise ValueError(f"{len(pcm)} samples are too few to encode")
    rate = form.rate_at_least(sample_rate_hz)
    samples = _resample(pcm, SAMPLE_RATE_HZ, rate)[:, np.newaxis]
    if channels > 1:
        samples = np.repeat(samples, channels, axis=1)
    data = form.write(samples, rate, form.bit_rate(rate, channels))
    return EncodedAudio(data, form.extension, len(pcm) / SAMPLE_RATE_HZ)


def decode_encoded(audio: EncodedAudio) -> Pcm:
    """
    The samples of an encoded chunk, as many as they were, mono at 16 kHz; exact for FLAC and WAV at 16 kHz.

    Raises:
        ValueError: it is not what `encode` makes.
    """
    import av

    resampler = _resampler(SAMPLE_RATE_HZ)
    try:
        # Not libsndfile: it takes some Opus files of less than a second for malformed.
        with av.open(io.BytesIO(audio.data), "r") as file:
            decoded = [piece for frame in file.decode(audio=0) for piece in resampler.resample(frame)]
    except (av.error.FFmpegError, IndexError) as error:
        raise ValueError(f"no encoded audio: {error}") from None
    # Another rate may have cost or won a sample at the end.
    pcm = np.zeros(round(audio.seconds * SAMPLE_RATE_HZ), np.int16)
    samples = _samples_of([*decoded, *resampler.resample(None)])[: len(pcm)]
    pcm[: len(samples)] = samples
    return pcm


def max_encoded_bytes(
    seconds: float, audio_format: str, sample_rate_hz: int = SAMPLE_RATE_HZ, channels: int = 1
) -> int:
    """
    Return the maximum size in bytes of this many encoded seconds, whatever they contain.

    Raises:
        ValueError: there is no such format, rate or number of channels.
    """
    return math.ceil(seconds * _worst_bytes_per_second(audio_format, sample_rate_hz, channels)) + SPARE_BYTES


def seconds_within(
    max_bytes: int, audio_format: str, sample_rate_hz: int = SAMPLE_RATE_HZ, channels: int = 1
) -> float:
    """
    Return how many encoded seconds certainly fit into `max_bytes`; 0 if not even the headers do.

    Raises:
        ValueError: there is no such format, rate or number of channels.
    """
    room = max(max_bytes - SPARE_BYTES - 1, 0)
    return room / _worst_bytes_per_second(audio_format, sample_rate_hz, channels)


def _worst_bytes_per_second(audio_format: str, sample_rate_hz: int, channels: int) -> float:
    form = _form(audio_format, sample_rate_hz, channels)
    return form.worst * form.bit_rate(form.rate_at_least(sample_rate_hz), channels) / 8


def _form(audio_format: str, sample_rate_hz: int, channels: int) -> _Format:
    form = _FORMATS.get(audio_format)
    if form is None or sample_rate_hz not in RATES_HZ or channels not in CHANNELS:
        raise ValueError(f"unsupported audio: {audio_format}, {sample_rate_hz} Hz, {channels} channels")
    return form


def _resample(pcm: Pcm, rate_hz: int, wanted_hz: int) -> Pcm:
    """Mono samples at another rate, by libswresample; the first stays first."""
    if rate_hz == wanted_hz:
        return pcm
    resampler = _resampler(wanted_hz)
    frame = _frame(pcm[:, np.newaxis], rate_hz)
    return _samples_of([*resampler.resample(frame), *resampler.resample(None)])


def _resampler(rate_hz: int) -> AudioResampler:
    import av

    return av.AudioResampler(format="s16", layout="mono", rate=rate_hz)


def _samples_of(frames: list[AudioFrame]) -> Pcm:
    return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.int16, copy=False)


def _frame(samples: Samples, rate_hz: int) -> AudioFrame:
    import av

    layout = "mono" if samples.shape[1] == 1 else "stereo"
    frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout=layout)
    frame.sample_rate = rate_hz
    return frame


def _write_flac(samples: Samples, rate_hz: int, _: int) -> bytes:
    return _by_soundfile(samples, rate_hz, "FLAC")


def _write_wav(samples: Samples, rate_hz: int, _: int) -> bytes:
    return _by_soundfile(samples, rate_hz, "WAV")


def _by_soundfile(samples: Samples, rate_hz: int, container: str) -> bytes:
    import soundfile

    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format=container, subtype="PCM_16")
    return file.getvalue()


def _write_mp3(samples: Samples, rate_hz: int, bit_rate: int) -> bytes:
    # Constant bit rate, so that a size can be promised; into a seekable file, so that the header with the
    # encoder's delay is written: on a pipe it is not, and every word comes 69 ms late.
    options = {"compression_level": "7"}
    return _by_av(samples, rate_hz, bit_rate, container="mp3", codec="libmp3lame", options=options)


def _write_opus(samples: Samples, rate_hz: int, bit_rate: int) -> bytes:
    # Complexity 5 of 10 takes a third of the time and 5 % more room.
    options = {"vbr": "constrained", "compression_level": "5"}
    return _by_av(samples, rate_hz, bit_rate, container="ogg", codec="libopus", options=options)


def _by_av(
    samples: Samples, rate_hz: int, bit_rate: int, *, container: str, codec: str, options: dict[str, str]
) -> bytes:
    import av
    from av.audio.stream import AudioStream

    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        layout = "mono" if samples.shape[1] == 1 else "stereo"
        stream = output.add_stream(codec, rate=rate_hz, options=options, layout=layout)
        assert isinstance(stream, AudioStream)
        stream.bit_rate = bit_rate
        output.mux(stream.encode(_frame(samples, rate_hz)))
        output.mux(stream.encode(None))
    return file.getvalue()


_OPUS = _Format("ogg", _write_opus, 1.1, 32_000, (8_000, 12_000, 16_000, 24_000, 48_000))
_FORMATS = {
    "flac": _Format("flac", _write_flac, 1.01),
    "wav": _Format("wav", _write_wav, 1.0),
    "mp3": _Format(
        "mp3",
        _write_mp3,
        1.02,
        64_000,
        (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000),
    ),
    "ogg": _OPUS,
    "opus": _OPUS,
}
