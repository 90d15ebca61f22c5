"""A server that listens, and what a job needs to use it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from audio_tools.engines.openai.engine import OpenAIEngine
from audio_tools.engines.rate_limits import RequestLimiter
from audio_tools.pipeline.transcribe import PipelineContext
from audio_tools.storage.chunk_cache import ChunkCache
from tests.simulator import Simulator


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """The OpenAI API, faithful, without latency or faults until a test asks for them."""
    async with Simulator() as running:
        yield running


@pytest.fixture
async def make_tools(simulator: Simulator, tmp_path: Path) -> AsyncIterator[Callable[..., PipelineContext]]:
    """Makes what a job works with, on the simulator and a store in `tmp_path`."""
    engines: list[OpenAIEngine] = []

    def make(
        *,
        model: str = "whisper-1",
        key: str = "sk-test",
        lanes: int = 5,
        timeout_s: float = 60.0,
        chunk_size: int = 26_214_400,
        outage_wait_s: float = 600.0,
    ) -> PipelineContext:
        engine = OpenAIEngine(api_key=key, base_url=simulator.base_url, model=model, timeout_s=timeout_s)
        engines.append(engine)
        store = ChunkCache(tmp_path / "data")
        return PipelineContext(engine, RequestLimiter(lanes), store, chunk_size, outage_wait_s=outage_wait_s)

    yield make
    for engine in engines:
        await engine.close()
