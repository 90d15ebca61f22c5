"""Run a command with every core loaded twice over: `python -m tools.busy COMMAND …` (`make test-busy`)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence

LOOPS_A_CORE = 2
LONGEST_S = 2 * 3600.0
"""A loop ends after this long in any case, and within a second when this process is gone."""


def spin(parent_pid: int) -> None:
    """Keep a core busy until the parent is gone or the time is up."""
    end = time.monotonic() + LONGEST_S
    while os.getppid() == parent_pid and time.monotonic() < end:
        for _ in range(1_000_000):
            pass


def main(command: Sequence[str]) -> int:
    """Run the command under load; returns its exit code."""
    loop = [sys.executable, "-m", "tools.busy", "--spin", str(os.getpid())]
    loops = [subprocess.Popen(loop) for _ in range(LOOPS_A_CORE * (os.cpu_count() or 1))]
    try:
        return subprocess.run(command, check=False).returncode
    finally:
        for process in loops:
            process.kill()
            process.wait()


if __name__ == "__main__":
    if sys.argv[1] == "--spin":
        spin(int(sys.argv[2]))
    else:
        sys.exit(main(sys.argv[1:]))
