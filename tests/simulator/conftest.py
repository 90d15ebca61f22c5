"""A running simulator and the official SDK to speak to it."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator

import openai
import pytest
import soundfile

from tests.simulator import KEY, SAMPLE_RATE_HZ, Script, Simulator, samples, talk


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """A simulator with a seed, otherwise as it is by default."""
    async with Simulator(seed=1) as running:
        yield running


@pytest.fixture
async def client(simulator: Simulator) -> AsyncIterator[openai.AsyncOpenAI]:
    """The official SDK, which shall not try again by itself."""
    async with openai.AsyncOpenAI(api_key=KEY, base_url=simulator.base_url, max_retries=0) as running:
        yield running


@pytest.fixture(scope="session")
def script() -> Script:
    """Twenty seconds of talk."""
    return talk(20, seed=1)


@pytest.fixture(scope="session")
def file(script: Script) -> tuple[str, bytes]:
    """The talk as a FLAC file, with its name."""
    return "talk.flac", flac(script)


def flac(script: Script) -> bytes:
    """A script as the bytes of a FLAC file."""
    stream = io.BytesIO()
    soundfile.write(stream, samples(script), SAMPLE_RATE_HZ, format="FLAC")
    return stream.getvalue()


async def ask(client: openai.AsyncOpenAI, file: tuple[str, bytes]) -> str:
    """The text of a file."""
    return (await client.audio.transcriptions.create(file=file, model="whisper-1")).text


async def outcome(client: openai.AsyncOpenAI, file: tuple[str, bytes]) -> str:
    """`ok`, or the name of the exception that the SDK raised."""
    try:
        await ask(client, file)
    except Exception as error:
        return type(error).__name__
    return "ok"
