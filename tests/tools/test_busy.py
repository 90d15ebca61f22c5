"""Load for the tests of a busy machine."""

from __future__ import annotations

import os
import sys

import psutil
import pytest

from tools import busy

COUNT = """
import os, psutil, sys
sys.exit(sum("--spin" in child.cmdline() for child in psutil.Process(os.getppid()).children()))
"""


def test_every_core_is_loaded_twice_while_the_command_runs() -> None:
    """The command's code is that of the whole, and no loop outlives it."""
    loops = busy.main([sys.executable, "-c", COUNT])

    assert loops == 2 * (os.cpu_count() or 1)
    assert [child for child in psutil.Process().children() if "--spin" in child.cmdline()] == []


def test_a_loop_ends_with_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test run that is killed leaves no load behind."""
    busy.spin(parent_pid=os.getppid() + 1)
