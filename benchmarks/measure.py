"""Run a command and see how long it takes and how much memory it and all that it starts ever hold."""

from __future__ import annotations

import platform
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
SAMPLE_S = 0.02


@dataclass(frozen=True, slots=True)
class Measured:
    """Wall time in seconds, peak resident memory of the whole process tree in MB, standard output."""

    seconds: float
    peak_mb: float
    output: str


def run(command: Sequence[str | Path], **environment: str) -> Measured:
    """
    Run a command to its end, from the project's folder.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    started = time.perf_counter()
    env = {**_environment(), **environment}
    child = subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=env,
    )
    peak = 0
    while child.poll() is None:
        peak = max(peak, resident_bytes(child.pid))
        time.sleep(SAMPLE_S)
    seconds = time.perf_counter() - started
    output, errors = child.communicate()
    if child.returncode:
        raise RuntimeError(f"{command} failed: {errors}")
    return Measured(seconds, peak / 1e6, output)


def resident_bytes(pid: int) -> int:
    """Resident memory of a process and all its descendants; 0 when it has gone."""
    total = 0
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return 0
    for member in family:
        try:
            total += member.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


def python(module: str, *arguments: str | Path) -> list[str]:
    """The command line that runs one of our modules."""
    return [sys.executable, "-m", module, *map(str, arguments)]


def machine() -> str:
    """This machine, this commit, in a line."""
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    cores, memory = psutil.cpu_count(), round(psutil.virtual_memory().total / 1e9)
    return (
        f"{platform.system()} {platform.machine()}, {cores} cores, {memory} GB, "
        f"Python {platform.python_version()}, commit {commit.stdout.strip() or 'none'}"
    )


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT)}
