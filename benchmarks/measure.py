"""Run a command and see how long it takes, how much it computes, and how much memory it ever holds."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
SAMPLE_S = 0.05


class Missing(Exception):
    """A benchmark cannot be run here; the message says what it lacks."""


@dataclass(frozen=True, slots=True)
class Measured:
    """
    What a command took, with all that it started.

    `seconds` of wall time, `cpu_s` of all processors, `peak_mb` of resident memory (0 if nobody looked),
    `output`: what it printed.
    """

    seconds: float
    cpu_s: float
    peak_mb: float
    output: str


def run(command: Sequence[str | Path], *, memory: bool = False) -> Measured:
    """
    Run a command to its end, from the project's folder; nothing else may be waited for meanwhile.

    Args:
        command: the program and its arguments.
        memory: whether to watch its memory, which takes a few percent of a core.

    Raises:
        RuntimeError: it failed; with what it said.
    """
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as output,
        tempfile.TemporaryFile("w+", encoding="utf-8") as errors,
    ):
        cpu_before, started = _cpu_of_children(), time.perf_counter()
        child = subprocess.Popen(
            [str(part) for part in command], stdout=output, stderr=errors, cwd=ROOT, env=environment()
        )
        if memory:
            with watched_memory(child.pid) as peak:
                child.wait()
        else:
            peak = [0]
            child.wait()
        seconds = time.perf_counter() - started
        output.seek(0)
        errors.seek(0)
        if child.returncode:
            raise RuntimeError(f"{command} failed: {errors.read()}")
        return Measured(seconds, _cpu_of_children() - cpu_before, peak[0] / 1e6, output.read())


@contextmanager
def watched_memory(pid: int) -> Iterator[list[int]]:
    """Look at the memory of a process and its descendants all the time; gives the most, in bytes, so far."""
    peak, over = [0], threading.Event()

    def watch() -> None:
        while not over.wait(SAMPLE_S):
            peak[0] = max(peak[0], resident_bytes(pid))

    watching = threading.Thread(target=watch, name="watch memory")
    watching.start()
    try:
        yield peak
    finally:
        over.set()
        watching.join()


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


def python(module: str, *arguments: object) -> list[str]:
    """The command line that runs one of our modules."""
    return [sys.executable, "-m", module, *map(str, arguments)]


def environment() -> dict[str, str]:
    """Ours, and where the benchmarks and what they take from the tests are found."""
    return {**os.environ, "PYTHONPATH": str(ROOT)}


def quantile(values: Sequence[float], share: float) -> float:
    """The value that this share of the values does not exceed."""
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def machine() -> str:
    """This machine, this commit and how much else is going on, in a line."""
    cores, memory = psutil.cpu_count(), round(psutil.virtual_memory().total / 1e9)
    return (
        f"{platform.system()} {platform.machine()}, {cores} cores, {memory} GB, "
        f"Python {platform.python_version()}, commit {_commit()}, load {os.getloadavg()[0]:.1f}"
    )


def _commit() -> str:
    commit = _git("rev-parse", "--short", "HEAD")
    return commit + (" and changes" if commit and _git("status", "--porcelain", "src") else "") or "none"


def _git(*arguments: str) -> str:
    command = ["git", "--no-optional-locks", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
