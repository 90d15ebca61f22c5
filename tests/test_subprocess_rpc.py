"""Processes that answer: they die with us, when they are killed, and never silently."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from audio_tools.subprocess_rpc import ChildDied, ChildProcess, serve

MODULE = "tests.test_subprocess_rpc"

RUN_PARENT = """
import asyncio
from audio_tools.subprocess_rpc import ChildProcess

async def main():
    child = await ChildProcess.start("tests.test_subprocess_rpc")
    assert await child.call("hello") == "hello"
    print(child.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""
"""A program that starts a child and waits for its end."""


@pytest.fixture(autouse=True)
def find_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Children look for modules where the package is installed, and there are no tests."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(Path(__file__).parent.parent), *sys.path]))


def answer(request: object) -> object:
    """What the child of these tests does: `die` is its end, anything else comes back."""
    sys.stdout.write("noise on standard output\n")
    if request == "die":
        sys.stderr.write("the last straw\n")
        sys.stderr.flush()
        os._exit(3)
    return request


async def test_requests_are_answered_in_turn() -> None:
    """Any object goes there and back, and what the module prints is not taken for an answer."""
    child = await ChildProcess.start(MODULE)
    try:
        assert await child.call({"a": [1, 2]}) == {"a": [1, 2]}
        assert await child.call(b"x" * 1_000_000) == b"x" * 1_000_000
    finally:
        await child.kill()


async def test_a_child_that_ends_says_why() -> None:
    """Its exit code and the last line that it wrote."""
    child = await ChildProcess.start(MODULE)
    with pytest.raises(ChildDied, match="ended with code 3: the last straw"):
        await child.call("die")
    with pytest.raises(ChildDied):
        await child.call("still there?")
    await child.kill()


async def test_a_killed_child_is_gone() -> None:
    """Twice is fine; the signal is named."""
    child = await ChildProcess.start(MODULE)
    await child.call("hello")
    psutil.Process(child.pid).kill()
    with pytest.raises(ChildDied, match="killed by SIGKILL"):
        await child.call("still there?")
    await child.kill()
    await child.kill()

    assert not psutil.pid_exists(child.pid)


def test_a_child_dies_with_its_parent() -> None:
    """Also when the parent is killed and cannot say good-bye."""
    with subprocess.Popen([sys.executable, "-c", RUN_PARENT], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    child_gone, _ = psutil.wait_procs([child], timeout=60)

    assert child_gone or child.status() == psutil.STATUS_ZOMBIE


def test_half_a_request_is_none() -> None:
    """The parent was killed while it wrote, so the rest never arrives."""
    with subprocess.Popen([sys.executable, "-m", MODULE], stdin=subprocess.PIPE) as child:
        assert child.stdin is not None
        child.stdin.write(struct.pack("!Q", 1000) + b"half")
        child.stdin.close()

        assert child.wait(60) == 0


if __name__ == "__main__":
    serve(answer)
