"""Requests to an engine, made from samples and the options of a job."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from audio_tools.audio.pcm import SAMPLE_RATE_HZ, Pcm
from audio_tools.engines.base import Request
from audio_tools.media.encode import EncodedAudio, encode
from audio_tools.options import Options
from audio_tools.transcript import Interval

SHORTEST_REQUEST_S = 0.5
"""Minimum length of a request; the API rejects less than 0.1 s, so shorter samples are padded."""


class ChunkRequests:
    """Makes the requests of one job."""

    def __init__(self, options: Options) -> None:
        self._options = options

    def encode(self, pcm: Pcm) -> EncodedAudio:
        """Encode samples. Slow; call it in a worker thread."""
        missing = int(SHORTEST_REQUEST_S * SAMPLE_RATE_HZ) - len(pcm)
        if missing > 0:
            pcm = np.concatenate([pcm, np.zeros(missing, np.int16)])
        options = self._options
        return encode(pcm, options.audio_format, options.sample_rate, options.channels)

    def request(self, audio: EncodedAudio, speech: Sequence[Interval], language: str | None) -> Request:
        """Return the request to transcribe audio; see `Request`."""
        options = self._options
        return Request(
            audio,
            tuple(speech),
            language,
            options.prompt,
            translate=options.task == "translate",
            is_multilingual=options.is_multilingual,
        )
