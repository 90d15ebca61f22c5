from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from audio_tools.engines.base import Request
from audio_tools.engines.whisper.engine import WhisperEngine
from audio_tools.errors import ChunkRefused, EngineNotReady, EngineUnavailable
from audio_tools.media.encode import EncodedAudio
from audio_tools.transcript import Reply
from tests.engines.whisper.fake_hub import serve
from tests.engines.whisper.test_model import request
from tests.media.samples import children
from tests.tiny_whisper import TEXT, build

pytest.importorskip("faster_whisper", reason="the local engine (extra [local]) is not installed")
pytestmark = pytest.mark.asyncio(loop_scope="module")

PATIENCE_S = 60.0

RUN_ENGINE = """
import asyncio, sys
from pathlib import Path
from audio_tools.engines.whisper.engine import WhisperEngine

async def main():
    engine = WhisperEngine(model=sys.argv[1], data_dir=Path(sys.argv[1]))
    await engine.start()
    print(engine.process.pid, flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        await engine.close()

try:
    asyncio.run(main())
except KeyboardInterrupt:
    raise SystemExit(130)
"""
"""A program that loads the model, prints the process id of its child, and waits for its end."""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("whisper") / "tiny")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared_engine(tiny: Path) -> AsyncIterator[WhisperEngine]:
    engine = WhisperEngine(model=str(tiny), data_dir=tiny)
    yield engine
    await engine.close()


@pytest_asyncio.fixture(loop_scope="module")
async def engine(shared_engine: WhisperEngine) -> WhisperEngine:
    """One engine for all tests, since loading takes a second; started, whatever the test before did to it."""
    await shared_engine.start()
    return shared_engine


def process_of(engine: WhisperEngine) -> psutil.Process:
    assert engine.process.pid is not None
    return psutil.Process(engine.process.pid)


async def ask_frozen(engine: WhisperEngine) -> tuple[asyncio.Task[Reply], psutil.Process]:
    """A request in flight that is never answered, for its process stands still."""
    process = process_of(engine)
    process.suspend()
    asking = asyncio.create_task(engine.transcribe(request(8.0)), name="ask")
    while not engine.process.requests_in_flight:
        await asyncio.sleep(0)
    return asking, process


async def test_a_chunk_is_heard_in_another_process(engine: WhisperEngine) -> None:
    """The reply comes back whole; one process transcribes one chunk after the other."""
    process = process_of(engine)

    replies = await asyncio.gather(engine.transcribe(request(8.0)), engine.transcribe(request(8.0)))

    assert [reply.text for reply in replies] == [TEXT, TEXT]
    assert [word.word for word in replies[0].words] == TEXT.split()
    assert process.pid != os.getpid()
    assert process_of(engine) == process


async def test_a_refused_chunk_costs_nothing_else(engine: WhisperEngine) -> None:
    """An error that is the chunk's own fault leaves the process running."""
    process = process_of(engine)

    with pytest.raises(ChunkRefused):
        await engine.transcribe(Request(EncodedAudio(b"no audio at all", "flac", 1.0)))

    assert process_of(engine) == process
    assert (await engine.transcribe(request(8.0))).text == TEXT


async def test_cancel_kills_the_process(engine: WhisperEngine) -> None:
    """When a cancelled call returns, its process is gone; the next call starts another."""
    asking, process = await ask_frozen(engine)

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert not process.is_running()
    assert (await engine.transcribe(request(8.0))).text == TEXT
    assert process_of(engine) != process


async def test_a_cancelled_call_leaves_the_others_alone(engine: WhisperEngine) -> None:
    """Two chunks are in flight: cancelling one keeps the process, and the other gets its own answer."""
    asking, process = await ask_frozen(engine)
    other = asyncio.create_task(engine.transcribe(request(8.0, language="en")), name="other")
    while engine.process.requests_in_flight < 2:
        await asyncio.sleep(0)

    other.cancel()
    with pytest.raises(asyncio.CancelledError):
        await other

    process.resume()
    assert (await asking).text == TEXT
    assert process_of(engine) == process


async def test_calls_beyond_the_workers_wait(engine: WhisperEngine) -> None:
    """More chunks than the processor computes at once are answered one after the other, all of them."""
    calls = (engine.capabilities.lanes or 1) * 2 + 1

    replies = await asyncio.gather(*(engine.transcribe(request(8.0)) for _ in range(calls)))

    assert [reply.text for reply in replies] == [TEXT] * calls


async def test_a_crash_is_not_ours(engine: WhisperEngine) -> None:
    """A process that dies is an error worth another try, and the next try works."""
    asking, process = await ask_frozen(engine)

    process.kill()
    with pytest.raises(EngineUnavailable, match="killed by SIGKILL") as caught:
        await asking

    assert caught.value.retryable
    assert "smaller model" in caught.value.hint
    assert (await engine.transcribe(request(8.0))).text == TEXT


async def test_identity_is_that_of_the_weights(engine: WhisperEngine, tmp_path: Path) -> None:
    """A copy of the model is the same model, whatever its folder; another one is not."""
    copy = WhisperEngine(model=str(build(tmp_path / "copy")), data_dir=tmp_path)
    other = WhisperEngine(model=str(build(tmp_path / "other", multilingual=False)), data_dir=tmp_path)
    with pytest.raises(AssertionError):
        copy.identity()

    try:
        await asyncio.gather(copy.start(), other.start())
    finally:
        await asyncio.gather(copy.close(), other.close())

    assert copy.identity() == engine.identity() != other.identity()
    assert copy.model == "copy"
    assert any("beam_size=5" in part for part in engine.identity())


async def test_other_arithmetic_is_another_engine(tiny: Path, engine: WhisperEngine) -> None:
    """Its answers differ, so its results are stored apart."""
    exact = WhisperEngine(model=str(tiny), data_dir=tiny, compute_type="float32")

    try:
        await exact.start()
    finally:
        await exact.close()

    assert "compute_type=float32" in exact.identity()
    assert exact.identity() != engine.identity()


async def test_close_ends_the_process(engine: WhisperEngine) -> None:
    """Closing twice is fine."""
    process = process_of(engine)

    await engine.close()
    await engine.close()

    assert not process.is_running()


async def test_a_model_that_is_missing_stops_the_start(tmp_path: Path) -> None:
    """`start` reports what the process finds missing, and no process stays."""
    others = children()
    engine = WhisperEngine(model=str(tmp_path / "nowhere"), data_dir=tmp_path)

    with pytest.raises(EngineNotReady, match="No Whisper model found in"):
        await engine.start()

    assert children() == others


async def test_a_process_that_cannot_load_stops_the_start(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dying before it is ready means that the engine is not; the reason is the last thing that it wrote."""
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\necho Traceback >&2\necho 'ImportError: no luck' >&2\nexit 3\n")
    python.chmod(0o700)
    monkeypatch.setattr(sys, "executable", str(python))
    engine = WhisperEngine(model=str(tiny), data_dir=tmp_path)

    with pytest.raises(EngineNotReady, match="ended with code 3: ImportError: no luck"):
        await engine.start()


@pytest.mark.slow
async def test_a_model_is_downloaded_by_the_process(
    tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A download never blocks the service, can be cancelled, and reports its progress."""
    heard: list[tuple[int, int]] = []
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hub"))
    with serve(tiny, "somebody/tiny") as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        engine = WhisperEngine(model="somebody/tiny", data_dir=tmp_path)
        try:
            await engine.start(lambda *count: heard.append(count))
            reply = await engine.transcribe(request(8.0))
        finally:
            await engine.close()

    assert reply.text == TEXT
    assert heard[-1][0] == heard[-1][1] > 1_000_000


@contextmanager
def running_program(tiny: Path) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """`RUN_ENGINE` in a session of its own, as in a terminal, and the process that it started."""
    program = subprocess.Popen(
        [sys.executable, "-c", RUN_ENGINE, str(tiny)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with program:
        try:
            assert program.stdout is not None
            yield program, psutil.Process(int(program.stdout.readline()))
        finally:
            program.kill()


async def test_the_process_dies_with_the_service(tiny: Path) -> None:
    """Even `kill -9` leaves no model in memory."""
    with running_program(tiny) as (program, child):
        program.kill()

        child.wait(PATIENCE_S)


async def test_ctrl_c_is_quiet(tiny: Path) -> None:
    """An interrupt from the terminal is the service's to handle; both end without a traceback."""
    with running_program(tiny) as (program, child):
        assert os.getpgid(child.pid) != program.pid

        os.killpg(program.pid, signal.SIGINT)
        _, complaints = program.communicate(timeout=PATIENCE_S)

        child.wait(PATIENCE_S)
        assert complaints == ""
        assert program.returncode == 130
