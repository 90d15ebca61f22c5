"""The simulator in another process, where its work does not slow down the one that is measured."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def simulator_process(*arguments: str) -> Iterator[str]:
    """
    Run `python -m tests.simulator` with these arguments; gives its base URL.

    Raises:
        RuntimeError: it did not come up.
    """
    command = [sys.executable, "-m", "tests.simulator", *arguments]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout
        try:
            base_url = child.stdout.readline().strip()
            if not base_url:
                raise RuntimeError(f"the simulator did not start: {' '.join(command)}")
            yield base_url
        finally:
            child.terminate()
