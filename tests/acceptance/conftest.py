"""A server that listens, and what a job needs to use it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from audio_tools.engines.limits import Lanes
from audio_tools.engines.openai import OpenAIEngine
from audio_tools.media.ffmpeg import find_ffmpeg
from audio_tools.store import ResultStore
from audio_tools.transcribe import Tools
from tests.simulator import Simulator


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """The OpenAI API, faithful, without latency or faults until a test asks for them."""
    async with Simulator() as running:
        yield running


@pytest.fixture
async def make_tools(simulator: Simulator, tmp_path: Path) -> AsyncIterator[Callable[..., Tools]]:
    """Makes what a job works with, on the simulator and a store in `tmp_path`."""
    engines: list[OpenAIEngine] = []

    def make(
        *,
        model: str = "whisper-1",
        key: str = "sk-test",
        lanes: int = 5,
        timeout_s: float = 60.0,
        chunk_size: int = 26_214_400,
    ) -> Tools:
        engine = OpenAIEngine(api_key=key, base_url=simulator.base_url, model=model, timeout_s=timeout_s)
        engines.append(engine)
        return Tools(find_ffmpeg(None), engine, Lanes(lanes), ResultStore(tmp_path / "data"), chunk_size)

    yield make
    for engine in engines:
        await engine.close()
