"""Engines between jobs: warm as long as it is worth it."""

from __future__ import annotations

from pathlib import Path

import pytest

from audio_tools.engines.base import Engine
from audio_tools.engines.pool import EnginePool
from audio_tools.errors import InvalidOption
from audio_tools.options import Options
from audio_tools.settings import Settings


@pytest.fixture
def pool(tmp_path: Path) -> EnginePool:
    """Of a service with a key; nothing is started."""
    return EnginePool(Settings.load(data_dir=tmp_path, openai_api_key="sk-test"))


async def engine_of(pool: EnginePool, model: str) -> Engine:
    """What a job with this model works with, which is over then."""
    async with pool.lend(Options(model=model)) as engine:
        return engine


async def test_the_next_job_finds_the_engine_warm(pool: EnginePool) -> None:
    """It is the same one, with its connections or its loaded model."""
    assert await engine_of(pool, "whisper-1") is await engine_of(pool, "whisper-1")


async def test_another_model_takes_the_place_of_one_that_nobody_uses(pool: EnginePool) -> None:
    """Clients may name any number of models, and a local one takes gigabytes."""
    first = await engine_of(pool, "whisper-1")
    await engine_of(pool, "gpt-transcribe")

    assert await engine_of(pool, "whisper-1") is not first


async def test_an_engine_in_use_stays(pool: EnginePool) -> None:
    """Whatever other jobs name meanwhile."""
    async with pool.lend(Options(model="whisper-1")) as first:
        await engine_of(pool, "gpt-transcribe")

        assert await engine_of(pool, "whisper-1") is first


async def test_clients_name_no_files(pool: EnginePool) -> None:
    """A path or a repository is for the settings."""
    with pytest.raises(InvalidOption, match="model"):
        async with pool.lend(Options(engine="whisper", model="../secret")):
            pass
