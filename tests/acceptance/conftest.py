"""The simulator, the service as a process, and what a job needs to use them in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from audio_tools.engines.openai.engine import OpenAIEngine
from audio_tools.engines.rate_limits import RequestLimiter
from audio_tools.pipeline.transcribe import PipelineContext
from audio_tools.storage.chunk_cache import ChunkCache
from tests.acceptance.service import Engine, ServiceProcess, end_all_jobs, engine_process
from tests.simulator import Simulator, render, talk


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    """The simulator in a process of its own."""
    with engine_process() as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a module's service and its files."""
    return tmp_path_factory.mktemp("service")


@pytest.fixture(scope="module")
def service(folder: Path, engine: Engine) -> Iterator[ServiceProcess]:
    """A service with the default settings, on the simulator."""
    with ServiceProcess(folder, engine.base_url) as running:
        yield running


@pytest.fixture(scope="module")
def finished(service: ServiceProcess, recording: Path) -> str:
    """The id of a completed job on the `recording` of the module."""
    job_id = service.submit(recording)
    asyncio.run(service.wait_until(job_id, "completed"))
    return job_id


@pytest.fixture
def active(service: ServiceProcess, engine: Engine, tmp_path: Path) -> Iterator[str]:
    """The id of a job whose engine does not answer."""
    unanswered = render(talk(25.0, seed=44), tmp_path / "unanswered.flac")
    with engine.never_answering():
        yield service.submit(unanswered)
        end_all_jobs(service)


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
