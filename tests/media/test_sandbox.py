"""The bounds of a child process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these bounds")


def confined(code: str, parent: str | None = None) -> list[str]:
    """A Python that confines itself, as the child of this process or of another, and then runs code."""
    bounds = "import sys; from audio_tools.media.sandbox import confine; confine(int(sys.argv[1])); "
    return [sys.executable, "-c", bounds + code, parent or str(os.getpid())]


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(confined(code), capture_output=True, text=True, check=False, timeout=60)


@linux_only
def test_memory_is_bounded() -> None:
    """A file that makes a parser ask for gigabytes does not get them."""
    assert "MemoryError" in run("bytearray(3 << 30)").stderr


def test_no_file_is_written(tmp_path: Path) -> None:
    """A parser that is taken over cannot leave anything on the disk."""
    path = tmp_path / "x"
    done = run(f"import pathlib; pathlib.Path({str(path)!r}).write_text('x')")

    assert "File too large" in done.stderr
    assert path.stat().st_size == 0


@linux_only
def test_it_dies_with_its_parent() -> None:
    """`kill -9` of the service leaves no child behind, not even one that neither reads nor writes."""
    starter = (
        "import subprocess, sys; from tests.media.test_sandbox import confined; "
        "child = subprocess.Popen(confined('import time; print(1, flush=True); time.sleep(600)'), "
        "stdout=subprocess.PIPE); child.stdout.readline(); print(child.pid, flush=True); child.wait()"
    )
    with subprocess.Popen([sys.executable, "-c", starter], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()

    _, alive = psutil.wait_procs([child], timeout=30)
    assert alive == []


@linux_only
def test_it_does_not_start_for_a_parent_that_is_gone() -> None:
    """If the parent dies before the child can ask for its fate to be shared, the child ends by itself."""
    command = confined("print('alive')", parent="1")
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert done.stdout == ""
