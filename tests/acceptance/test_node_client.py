"""The contract's JavaScript in Node: job done, progress seen, result read."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance import frontend
from tests.acceptance.frontend import assert_job_done, frontend_program
from tests.acceptance.service import ServiceProcess
from tests.simulator import render, simulator_process, talk

SPEC = Path(__file__).parents[3] / "shared" / "spec.md"
# Node 22 needs no flag for WebSocket and still knows it.
FLAGS = ["--experimental-websocket", "--no-warnings"]
HAS_WEBSOCKET = "process.exitCode = typeof WebSocket === 'function' ? 0 : 1"
PRINT_OUTCOME = "process.on('exit', () => process.stdout.write(JSON.stringify(globalThis.outcome)));\n"


@pytest.fixture(scope="module")
def node() -> str:
    """The command; a WebSocket came to Node with 20.10."""
    command = shutil.which("node")
    if command is None:
        pytest.skip("Node.js is not installed")
    asked = subprocess.run([command, *FLAGS, "-e", HAS_WEBSOCKET], capture_output=True, check=False)
    if asked.returncode:
        pytest.skip("this Node.js has no WebSocket; 20.10 or newer is needed")
    return command


def run(node: str, folder: Path, program: str) -> dict[str, Any]:
    """Run an ES module to its end; gives its outcome."""
    file = folder / "client.mjs"
    file.write_text(PRINT_OUTCOME + program)
    ended = subprocess.run(
        [node, *FLAGS, str(file)], capture_output=True, text=True, timeout=120, check=False
    )
    assert ended.returncode == 0, ended.stderr
    outcome: dict[str, Any] = json.loads(ended.stdout)
    return outcome


def test_the_snippets_work_in_node(node: str, tmp_path: Path) -> None:
    """They upload more than 50 MB, see progress, and read every word."""
    script = talk(60)
    media = render(script, tmp_path / "talk.mp4")
    with simulator_process() as engine_url, ServiceProcess(tmp_path, engine_url) as service:
        outcome = run(node, tmp_path, frontend_program(media, service.port, service.ws_port))

    assert_job_done(outcome, script, service.ws_port)


def test_the_javascript_is_that_of_the_contract() -> None:
    """Where the contract is at hand, what the tests run is what it says."""
    if not SPEC.is_file():
        pytest.skip(f"the contract is absent: {SPEC}")
    contract = SPEC.read_text()

    for snippet in (
        frontend.FRONTEND_INTEGRATION,
        frontend.WEBSOCKET_INTEGRATION,
        frontend.PROCESSING_OPTIONS,
    ):
        assert f"```javascript\n{snippet}```" in contract
