"""A local model in a process: loaded, asked, crashed and started again, whatever the model is."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from audio_tools.engines.base import OnDownload, Request
from audio_tools.engines.model_process import LoadedModel, ModelProcess, Ready, serve_model
from audio_tools.errors import ChunkRefused, EngineNotReady, EngineUnavailable
from audio_tools.media.encode import EncodedAudio
from audio_tools.transcript import Reply

ROOT = Path(__file__).parent.parent.parent
SILENCE = EncodedAudio(b"", "flac", 1.0)


def load(on_download: OnDownload) -> LoadedModel:
    """What the child does: its model repeats the prompt, refuses `refuse` and crashes at `crash`."""
    if sys.argv[1] == "missing":
        raise EngineNotReady("There is no model.", hint="Install it.")
    on_download(1, 2)

    def transcribe(request: Request) -> Reply:
        if request.prompt == "refuse":
            raise ChunkRefused("This is not audio.")
        if request.prompt == "crash":
            raise RuntimeError("the model is broken")
        return Reply(text=f"{request.prompt} by {os.getpid()}")

    return LoadedModel(transcribe, 2, Ready("abc", "int8"))


def model_process(argument: str = "") -> ModelProcess:
    return ModelProcess(
        "tests.engines.test_model_process", [argument], label="Parrot", lanes=2, memory_hint="Use less."
    )


@pytest.fixture
async def process(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ModelProcess]:
    """A model that repeats its prompt. Children find modules where the package is installed only."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), *sys.path]))
    process = model_process()
    yield process
    await process.close()


def request(prompt: str) -> Request:
    return Request(SILENCE, prompt=prompt)


@pytest.mark.slow
async def test_a_model_is_loaded_and_asked(process: ModelProcess) -> None:
    """Downloads are reported, requests answered side by side, and a refused one leaves the process alone."""
    progress: list[tuple[int, int]] = []
    await process.start(lambda *done: progress.append(done))
    replies = await asyncio.gather(*(process.transcribe(request(name)) for name in "abc"))

    assert progress == [(1, 2)]
    assert process.ready == Ready("abc", "int8")
    assert [reply.text for reply in replies] == [f"{name} by {process.pid}" for name in "abc"]
    with pytest.raises(ChunkRefused, match="not audio"):
        await process.transcribe(request("refuse"))
    assert (await process.transcribe(request("d"))).text == f"d by {process.pid}"


@pytest.mark.slow
async def test_a_crash_is_reported_and_the_next_request_starts_the_model_again(process: ModelProcess) -> None:
    """The error quotes the last line that the process wrote; only a killed one gets the advice on memory."""
    with pytest.raises(EngineUnavailable, match=r"The Parrot process ended .*the model is broken") as crashed:
        await process.transcribe(request("crash"))
    assert crashed.value.hint == ""
    assert (await process.transcribe(request("again"))).text == f"again by {process.pid}"


async def test_a_missing_model_stops_the_start(process: ModelProcess) -> None:
    """The error of the process is that of `start`, and no process stays."""
    missing = model_process("missing")

    with pytest.raises(EngineNotReady, match="There is no model"):
        await missing.start()
    assert missing.pid is None
    assert process.pid is None


if __name__ == "__main__":
    serve_model(load)
