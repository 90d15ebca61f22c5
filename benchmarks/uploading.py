"""What one upload costs a server."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from benchmarks.rivals import Rival
from benchmarks.sender import Answer, Content

Upload = Callable[[int, Content], Answer]
"""Sends content to a port."""
Server = Callable[[Path], AbstractContextManager[Rival]]
"""Starts a server that keeps its files in a folder."""


@dataclass(frozen=True, slots=True)
class Taken:
    """One upload: wall seconds, CPU seconds and peak memory (MB) of the server."""

    seconds: float
    cpu_s: float
    peak_mb: float = 0.0


def take(folder: Path, server: Server, upload: Upload, content: Content) -> Taken:
    """Have a fresh server take one upload, and remove it."""
    with TemporaryDirectory(dir=folder) as own, server(Path(own)) as (pid, port):
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        before = sum(map(cpu_s_of, family))
        seconds = upload(port, content).seconds
        return Taken(seconds, sum(map(cpu_s_of, family)) - before, sum(map(peak_mb, family)))


def cpu_s_of(process: psutil.Process) -> float:
    """CPU seconds that a process has used, without those it has started."""
    times = process.cpu_times()
    return float(times.user + times.system)


def peak_mb(process: psutil.Process) -> float:
    """The most memory that a process ever held; 0 where the system does not tell."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="utf-8")
    except FileNotFoundError:
        return 0.0
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")) * 1024 / 1e6


def copy(folder: Path, content: Content, *, sync: bool = False) -> Taken:
    """Write content to a file, and remove it; `sync` has it reach the disk first."""
    path = folder / "copy"
    cpu, started = time.process_time(), time.perf_counter()
    with path.open("wb") as file:
        content.send(file.fileno())
        if sync:
            os.fsync(file.fileno())
    taken = Taken(time.perf_counter() - started, time.process_time() - cpu)
    path.unlink()
    return taken
