"""Child processes and signals."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys

import psutil
import pytest

from audio_tools.system import processes
from audio_tools.system.processes import OWN_GROUP, kill_group, on_signals

FAMILY = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("up", flush=True)
time.sleep(600)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no process groups to kill")
def test_a_child_dies_with_what_it_has_started() -> None:
    """No decoder outlives its job; killing twice is harmless."""
    child = subprocess.Popen([sys.executable, "-c", FAMILY], stdout=subprocess.PIPE, **OWN_GROUP)
    assert child.stdout is not None
    child.stdout.readline()
    family = psutil.Process(child.pid).children()

    kill_group(child)
    child.wait()
    kill_group(child)
    child.stdout.close()

    assert psutil.wait_procs(family, timeout=30)[1] == []


def test_without_groups_the_child_itself_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows."""
    monkeypatch.setattr(processes, "HAS_GROUPS", False)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])

    kill_group(child)

    assert child.wait(30) != 0


@pytest.mark.parametrize("handlers", [True, False], ids=["handlers", "no handlers"])
async def test_a_signal_sets_an_event(handlers: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with a loop that takes no signal handlers, as on Windows."""
    loop = asyncio.get_running_loop()
    before = signal.getsignal(signal.SIGTERM)
    if not handlers:
        monkeypatch.setattr(type(loop), "add_signal_handler", _not_implemented)
    stopping = asyncio.Event()
    try:
        on_signals(stopping.set, signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        await asyncio.wait_for(stopping.wait(), 30)
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
        signal.signal(signal.SIGTERM, before)


def _not_implemented(*_: object) -> None:
    raise NotImplementedError
