"""The product without what only POSIX systems have, as on Windows: `windows.py` says what is taken away."""

from __future__ import annotations

import ast
import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

import audio_tools
from tests.acceptance.commands import Commands
from tests.acceptance.service import ServiceProcess
from tests.simulator import Simulator, render, talk
from tests.system.windows import MISSING_CALLS, MISSING_MODULES

PACKAGE = Path(audio_tools.__file__).parent
NO_POSIX = {"PYTHONPATH": str(Path(__file__).parent / "no_posix")}
SCRIPT = talk(20.0, seed=9)

IMPORT_ALL = """
import importlib, pkgutil, sys, audio_tools
assert sys.modules["fcntl"] is None
for module in pkgutil.walk_packages(audio_tools.__path__, "audio_tools."):
    # The SDK of MCP decides by the name of the system, which is still Linux here.
    if not module.name.endswith(("__main__", ".mcp", ".mcp_server")):
        importlib.import_module(module.name)
"""

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.name == "nt", reason="Windows itself is the better test"),
]


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    """The OpenAI API on this machine."""
    async with Simulator() as running:
        yield running


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """Twenty seconds of talk."""
    return render(SCRIPT, tmp_path / "talk.mp4")


def test_every_module_is_imported() -> None:
    """Nothing is imported on the way that Windows lacks."""
    ended = subprocess.run(
        [sys.executable, "-P", "-c", IMPORT_ALL],
        env={**os.environ, **NO_POSIX},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")


async def test_the_command_line_transcribes(recording: Path, simulator: Simulator, tmp_path: Path) -> None:
    """Probe, decode, chunks, engine, files: every word is there."""
    commands = Commands(tmp_path, simulator.base_url, NO_POSIX)

    ended = await asyncio.to_thread(commands.transcribe, recording)

    assert ended.code == 0, ended.errors
    assert [word["word"] for word in commands.transcript("talk")["words"]] == [
        word.text for word in SCRIPT.words
    ]


@pytest.fixture
def service(tmp_path: Path, simulator: Simulator) -> Iterator[ServiceProcess]:
    """The service with its embedded queue."""
    with ServiceProcess(tmp_path, simulator.base_url, **NO_POSIX) as running:
        yield running


async def test_the_embedded_queue_does_a_job(service: ServiceProcess, recording: Path) -> None:
    """An upload becomes a transcript, a second service is refused the folder, SIGTERM ends it with 0."""
    job_id = await asyncio.to_thread(service.submit, recording)
    await service.wait_until(job_id, "completed")
    words = [word.word for word in service.transcript(job_id).words]

    rival = ServiceProcess(service.folder, service.engine_url, **NO_POSIX)
    with pytest.raises(RuntimeError, match=f"is used by another process \\({service.pid}\\)"):
        await asyncio.to_thread(rival.start)

    assert words == [word.text for word in SCRIPT.words]
    assert service.terminate() == 0


def test_only_the_system_folder_names_what_windows_lacks() -> None:
    """A fallback belongs beside the call that it replaces."""
    names = {module.__name__: set(calls) for module, calls in MISSING_CALLS.items()}
    found = []
    for path in PACKAGE.rglob("*.py"):
        if "system" in path.relative_to(PACKAGE).parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found += [f"{path}: {alias.name}" for alias in node.names if alias.name in MISSING_MODULES]
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                if node.attr in names.get(node.value.id, ()):
                    found.append(f"{path}:{node.lineno}: {node.value.id}.{node.attr}")
            elif (
                isinstance(node, ast.Constant)
                and isinstance(node.value, str)
                and node.value.startswith("/proc/")
            ):
                found.append(f"{path}:{node.lineno}: {node.value}")

    assert found == []
