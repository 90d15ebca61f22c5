"""Every snippet of the README and of its first page runs as it stands there."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.acceptance.service import ServiceProcess
from tests.simulator import render, simulator_process, talk

ROOT = Path(__file__).parents[2]
SCRIPT = talk(20.0, seed=3)
PAGES = [ROOT / "README.md", ROOT / "docs" / "getting-started.md"]
BLOCKS = [
    block
    for page in PAGES
    for block in re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
]
PROGRAMS = [text for language, text in BLOCKS if language == "javascript"]
LINES = [
    command
    for language, text in BLOCKS
    if language == "bash"
    for line in text.splitlines()
    if (command := shlex.split(line, comments=True))
]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    """A service in a folder with a sample, and an API that returns its words."""
    with started(tmp_path_factory.mktemp("readme")) as running:
        yield running


@contextmanager
def started(folder: Path) -> Iterator[ServiceProcess]:
    (folder / "sample").mkdir()
    render(SCRIPT, folder / "sample" / "sample.mp4")
    with simulator_process() as engine_url, ServiceProcess(folder, engine_url) as running:
        yield running


def run(service: ServiceProcess, command: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a command in the folder of the service, at the port that it really has."""
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "AUDIO_TOOLS_SERVER": service.url,
        "OPENAI_API_KEY": "sk-test",
        "OPENAI_BASE_URL": service.engine_url,
        "DATA_DIR": str(service.folder / "client"),
        "RATE_LIMIT_DELAY": "0",
        "ALIGN": "off",
    }
    command = [part.replace("127.0.0.1:3001", f"127.0.0.1:{service.port}") for part in command]
    return subprocess.run(
        command, cwd=service.folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def run_module(service: ServiceProcess, program: str, *flags: str) -> subprocess.CompletedProcess[str]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    module = service.folder / "client.mjs"
    module.write_text(program.replace("127.0.0.1:3001", f"127.0.0.1:{service.port}"))
    return run(service, [node, "--no-warnings", *flags, str(module), "sample/sample.mp4"])


def test_the_client_runs_in_node(service: ServiceProcess) -> None:
    """It prints progress, every word with its times, and the silences."""
    ended = run_module(service, PROGRAMS[0])
    shown = [line.split()[-1] for line in ended.stdout.splitlines() if re.match(r"[\d.]+ [\d.]+ \S+$", line)]

    assert ended.returncode == 0, ended.stderr
    assert "Progress: 100% - Done" in ended.stdout
    assert [word for word in shown if word != "(silence)"] == [word.text for word in SCRIPT.words]


def test_the_client_says_why_a_request_was_refused(service: ServiceProcess) -> None:
    """A reply that is not ok ends it with the message and the hint of the service."""
    ended = run_module(service, PROGRAMS[0].replace("silenceThreshold: 2.0", "silenceThreshold: -1"))

    assert ended.returncode == 1
    assert "Option silenceThreshold is -1, but must be a number from 0.3 to 3600." in ended.stderr


def test_the_events_of_a_job_are_followed(service: ServiceProcess) -> None:
    """The second snippet in the place of the first one's start and polling; ends after the last event."""
    start = PROGRAMS[0][: PROGRAMS[0].index("const { jobId }")]
    ended = run_module(service, start + PROGRAMS[1] + "process.exit();", "--experimental-websocket")

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines()[-1] == "Progress: 100% - Done"


@pytest.mark.parametrize("command", [line for line in LINES if line[0] == "curl"], ids=" ".join)
def test_curl_commands_are_answered(command: list[str], service: ServiceProcess) -> None:
    """With JSON and without an error."""
    if shutil.which("curl") is None:
        pytest.skip("curl is not installed")
    ended = run(service, [command[0], "-s", *command[1:]])

    assert ended.returncode == 0
    assert json.loads(ended.stdout).get("success", True)


def test_commands_do_what_their_comments_say(tmp_path: Path) -> None:
    """In the order of the pages, at a service without other jobs; each ends well, and the files are there."""
    commands = [line for line in LINES if line[0] == "audio-tools"]
    with started(tmp_path) as service:
        for command in commands:
            ended = run(service, command)
            assert ended.returncode == 0, (command, ended.stdout, ended.stderr)

    names = {str(path.relative_to(service.folder)) for path in service.folder.glob("*/sample.*")}
    assert len(commands) > 5
    assert {"out/sample.srt", "through/sample.vtt", "later/sample.json"} < names


def test_targets_of_make_exist() -> None:
    """The lines that start with `make`; they are what CI runs."""
    makefile = (ROOT / "Makefile").read_text()
    targets = [line[1] for line in LINES if line[0] == "make"]

    assert {line[0] for line in LINES} == {"make", "pip", "audio-tools", "curl"}
    assert [target for target in targets if not re.search(rf"^{target}:", makefile, re.MULTILINE)] == []
