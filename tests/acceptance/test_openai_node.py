"""OpenAI's official Node SDK and the AI SDK, a third-party tool, against the real service."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.service import ServiceProcess
from tests.simulator import render, simulator_process, talk

NPM = Path(__file__).parents[1] / "server" / "npm"


@pytest.mark.slow
def test_the_node_clients(tmp_path: Path) -> None:
    """Every format, a stream, errors as the SDK's classes, an abort; and a client of another maker."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    if not (NPM / "node_modules" / "openai").is_dir():
        pytest.skip("openai for Node is not installed: npm ci --prefix tests/server/npm")
    script = talk(70.0, seed=91)
    text = " ".join(word.text for word in script.words)
    recording = render(script, tmp_path / "talk.flac")
    (tmp_path / "notes.mp4").write_text("This is no film.")
    with simulator_process() as engine_url, ServiceProcess(tmp_path, engine_url) as service:
        command = [node, "openai.js", f"{service.url}/v1", str(recording), str(tmp_path / "notes.mp4")]
        ended = subprocess.run(command, cwd=NPM, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 0, ended.stderr
    outcome = json.loads(ended.stdout)
    *deltas, done = outcome["events"]

    assert outcome["json"]["text"] == outcome["text"].strip() == text
    assert outcome["srt"].startswith("1\n00:00:0")
    assert outcome["vtt"].startswith("WEBVTT\n")
    assert outcome["verbose_json"]["language"] == "english"
    assert [word["word"] for word in outcome["words"]["words"]] == text.split()
    assert outcome["diarized_json"]["segments"][0]["speaker"].startswith("A")
    assert "".join(delta["delta"] for delta in deltas) == done["text"] == text
    assert done["type"] == "transcript.text.done"
    assert outcome["models"][0] == "whisper-1"
    assert outcome["aborted"] == {"name": "APIUserAbortError"}
    assert {name: (error["name"], error["param"]) for name, error in outcome["errors"].items()} == {
        "model": ("NotFoundError", "model"),
        "media": ("BadRequestError", "file"),
        "field": ("BadRequestError", "temperature"),
    }
    assert outcome["aiSdk"]["text"] == text
    assert outcome["aiSdk"]["segments"] == len(text.split())
    assert "Traceback" not in service.log
