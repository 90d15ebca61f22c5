"""The command line as a user starts it: a process of its own, with its own data folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import psutil


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: exit code, what it printed, what it said of errors."""

    code: int
    output: str
    errors: str


@dataclass(frozen=True, slots=True)
class Commands:
    """Runs `audio-tools` with a data folder and an API of its own."""

    folder: Path
    base_url: str = "http://127.0.0.1:9/v1"
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def data_dir(self) -> Path:
        """Where the commands keep results."""
        return self.folder / "data"

    @property
    def out(self) -> Path:
        """Where the commands write transcripts."""
        return self.folder / "out"

    def start(
        self, *arguments: str | Path, stdout: int | IO[bytes] = subprocess.PIPE
    ) -> subprocess.Popen[str]:
        """Start a command; the caller ends it."""
        return subprocess.Popen(
            [sys.executable, "-m", "audio_tools", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.folder,
            env=self._environment(),
        )

    def run(self, *arguments: str | Path, timeout_s: float = 240.0) -> Ended:
        """Run a command to its end."""
        process = self.start(*arguments)
        try:
            output, errors = process.communicate(timeout=timeout_s)
        finally:
            process.kill()
            process.wait()
        return Ended(process.returncode, output, errors)

    def transcribe(self, *arguments: str | Path) -> Ended:
        """Transcribe into `out`."""
        return self.run("transcribe", "-o", self.out, *arguments)

    def transcript(self, stem: str) -> dict[str, Any]:
        """The JSON that was written for a file."""
        record: dict[str, Any] = json.loads((self.out / f"{stem}.json").read_text())
        return record

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        return {
            **kept,
            "OPENAI_API_KEY": "sk-test",
            "OPENAI_BASE_URL": self.base_url,
            "DATA_DIR": str(self.data_dir),
            "RATE_LIMIT_DELAY": "0",
            "ALIGN": "off",  # tones are no English
            **self.environment,
        }


def children_of(pid: int) -> list[psutil.Process]:
    """All processes that a process has started, and theirs."""
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def still_running(processes: list[psutil.Process], timeout_s: float = 5.0) -> list[psutil.Process]:
    """Those of the processes that have not ended after a moment."""
    return list(psutil.wait_procs(processes, timeout=timeout_s)[1])
