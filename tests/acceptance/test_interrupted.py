"""A command that is killed, or stopped politely, costs nothing but its time."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.acceptance.commands import Commands, children_of, still_running
from tests.acceptance.hearing import MODELS, WITH_TIMES
from tests.simulator import Latency, Simulator, render, talk

SCRIPT = talk(300.0, seed=31)
LANES = "2"


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five minutes of talk, seven chunks."""
    return render(SCRIPT, tmp_path_factory.mktemp("interrupted") / "talk.flac")


@pytest.fixture
def commands(request: pytest.FixtureRequest, tmp_path: Path, simulator: Simulator) -> Commands:
    """With the model that a test names, else one that gives times of words."""
    model = getattr(request, "param", WITH_TIMES)
    simulator.latency = Latency(base_s=0.3, sigma=0.3)
    return Commands(tmp_path, simulator.base_url, {"MAX_CONCURRENT_CHUNKS": LANES, "OPENAI_MODEL": model})


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    """Whatever a test starts ends with it."""
    before = set(psutil.Process().children(recursive=True))
    yield
    started = [child for child in psutil.Process().children(recursive=True) if child not in before]
    assert still_running([child for child in started if "ffmpeg" in child.name()]) == []


def stored(commands: Commands) -> set[str]:
    return {path.name for path in commands.data_dir.glob("chunks/*/*.json")}


def words(commands: Commands) -> list[str]:
    return [word["word"] for word in commands.transcript("talk")["words"]]


@pytest.mark.parametrize(
    ("commands", "seed"), list(zip(2 * MODELS, range(4), strict=True)), indirect=["commands"]
)
async def test_after_kill_9_no_stored_chunk_is_asked_for_again(
    seed: int, recording: Path, simulator: Simulator, commands: Commands
) -> None:
    """Killed twice, at any moment: the third run finishes; none asks again for what was stored before it."""
    # By level alone: a dozen processes would each load a model of the voice, which is not what is tested.
    arguments = "transcribe", "--silence-detection", "level", "-o", commands.out, recording
    chance = random.Random(seed)
    moments = chance.uniform(0.2, 2.6), chance.uniform(1.0, 2.6)
    for kill_after_s in (*moments, None):
        kept, sent = stored(commands), len(simulator.requests)
        answered = {record.sha256 for record in simulator.requests if record.status == 200}
        process = commands.start(*arguments)
        if kill_after_s is not None:
            await kill(process, kill_after_s)
        _, errors = await asyncio.to_thread(process.communicate)
        again = answered & {record.sha256 for record in simulator.requests[sent:]}
        assert len(again) <= len(answered) - len(kept)

    assert process.returncode == 0, errors
    assert words(commands) == [word.text for word in SCRIPT.words]
    assert len(stored(commands)) == commands.transcript("talk")["totalChunks"]
    assert len(simulator.requests) - sent == len(stored(commands)) - len(kept)


async def kill(process: subprocess.Popen[str], after_s: float) -> None:
    """Kill it after a while, and see that it leaves nothing running."""
    await asyncio.sleep(after_s)
    children = children_of(process.pid)
    process.kill()
    assert await asyncio.to_thread(still_running, children) == []


@pytest.mark.parametrize("commands", MODELS, indirect=True)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_polite_stop_says_how_to_go_on(
    number: signal.Signals, recording: Path, simulator: Simulator, commands: Commands
) -> None:
    """Exit code 130, no FFmpeg left, no request left open; the same command resumes."""
    simulator.latency = Latency(base_s=60.0)
    process = commands.start("transcribe", "-o", commands.out, recording)
    await simulator.wait_for(lambda log: len(log) >= int(LANES))
    children = children_of(process.pid)
    process.send_signal(number)
    _, errors = await asyncio.to_thread(process.communicate, timeout=10)

    assert process.returncode == 130
    assert "Run the same command again to resume" in errors
    assert "Traceback" not in errors
    assert still_running(children) == []
    await simulator.wait_for(lambda log: all(record.aborted for record in log))


async def test_the_exit_code_says_that_the_engine_failed(
    recording: Path, simulator: Simulator, commands: Commands
) -> None:
    """A spent quota: exit 4 and the provider's own words, in one sentence and a hint."""
    simulator.quota_exhausted = True
    ended = await asyncio.to_thread(commands.transcribe, recording)

    assert ended.code == 4
    assert "exceeded your current quota" in ended.errors
    assert "Traceback" not in ended.errors
    assert [line for line in ended.errors.splitlines() if line.startswith(("Error", "Hint"))] != []


async def test_the_last_line_says_what_came_out(
    recording: Path, simulator: Simulator, commands: Commands
) -> None:
    """Duration, words, silences, time, speed, seconds sent, cost; and all four files are there."""
    simulator.latency = Latency()
    ended = await asyncio.to_thread(commands.transcribe, recording)
    line = ended.output.splitlines()[0]

    for part in ("5:00 of audio", f"{len(SCRIPT.words)} words", "x real time", "sent to openai", "$0.03"):
        assert part in line
    assert sorted(path.name for path in commands.out.iterdir()) == [
        f"talk.{kind}" for kind in ("json", "srt", "txt", "vtt")
    ]
